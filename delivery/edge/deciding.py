"""`POST /v1/decide`: who is shown in each slot, at which price, with a sealed token; or why nobody is (delivery.md 1).

Viewer → candidates by bitmap → bids → one round trip to Redis that counts the viewer's caps and reserves the price. Who
is refused there leaves the auction, and the slots that are still open are sold again.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta

from delivery import hot
from delivery.edge.funnel import Funnel
from delivery.edge.hub import Hub
from delivery.engine import auction, tokens
from delivery.engine.auction import Auction
from delivery.engine.index import Index, Listing, Viewer
from delivery.engine.tokens import Token
from delivery.engine.vocabulary import AGE_BANDS, GENDERS, SURFACES, UNKNOWN
from promote import ids

BODY_MAX_BYTES = 256 * 1024
SLOTS_MAX = 50
ROUNDS = 3
"""So often the slots that Redis refused are sold again; then they stay empty."""
CAP_TIMES, CAP_WINDOW_S = 30, 86_400
"""A viewer is shown one order so often in a day."""

Text = Annotated[str, Meta(min_length=1, max_length=256)]
Word = Annotated[str, Meta(max_length=64)]


class ViewerIn(msgspec.Struct):
    id: Text
    country: Word | None = None
    age_band: Word | None = None
    gender: Word | None = None
    interests: Annotated[list[Word], Meta(max_length=100)] | None = None
    app_platform: Word | None = None
    is_minor: bool | None = None


class SlotIn(msgspec.Struct):
    floor_micros: Annotated[int, Meta(ge=0, le=10**12)] | None = None


class DecideIn(msgspec.Struct):
    viewer: ViewerIn
    surface: Literal["feed", "shop", "live"]
    slots: Annotated[list[SlotIn], Meta(min_length=1, max_length=SLOTS_MAX)]
    exclude: Annotated[list[Text], Meta(max_length=1000)] | None = None
    rates: Annotated[dict[str, dict[str, Annotated[float, Meta(ge=0, le=1)]]], Meta(max_length=1000)] | None = None


decoder = msgspec.json.Decoder(DecideIn)


@dataclass(slots=True)
class Page:
    """One request on its way: what may be shown, what was sold, what stood aside and why. Rows are `index` rows."""

    index: Index
    asked: DecideIn
    viewer: Viewer
    pseudonym: int
    floors: list[int]
    targeted: list[int]
    open: list[int]
    sold: dict[int, tuple[int, Token]] = field(default_factory=dict)
    """Slot → row and token."""
    auction: Auction | None = None
    """The last one."""
    aside: dict[int, str] = field(default_factory=dict)
    """Row → why: paced, capped or unavailable."""

    @property
    def bidding(self) -> list[int]:
        """Rows that bid the reserve or more in the last auction."""
        held = self.auction
        return [row for row, micros in zip(held.rows, held.micros, strict=True) if micros] if held else []

    def put_aside(self, row: int, why: str) -> None:
        self.aside[row] = why
        self.open = [other for other in self.open if other != row]


async def decide(hub: Hub, asked: DecideIn, *, now: float) -> tuple[list[dict[str, Any]], Page | None]:
    """An answer per slot, and the page for whoever wants it explained. Raises RedisError where Redis is away."""
    if (why := _not_shown_to(asked.viewer)) is not None:
        return [{"slot": slot, "no_fill": why} for slot in range(len(asked.slots))], None
    funnel, page = hub.funnel, _open(hub, asked)
    for _ in range(ROUNDS):
        wanted = [slot for slot in range(len(page.floors)) if slot not in page.sold]
        if not wanted or not page.open or not await _sell(hub, page, wanted, now):
            break
    _count(funnel, page)
    return [_answer(hub, page, slot) for slot in range(len(page.floors))], page


def _not_shown_to(viewer: ViewerIn) -> str | None:
    """Nothing is shown to minors, and who may be one counts as one."""
    if viewer.is_minor:
        return "minor"
    return None if viewer.age_band in AGE_BANDS else "age_unknown"


def _open(hub: Hub, asked: DecideIn) -> Page:
    index, who = hub.index, asked.viewer
    viewer = Viewer(
        id=who.id,
        country=who.country or "",
        age_band=who.age_band or "",
        gender=who.gender or "",
        interests=tuple(who.interests or ()),
    )
    found = index.candidates(viewer, asked.surface, asked.exclude or ())
    rows = found.to_array().tolist()
    floors = [slot.floor_micros or 0 for slot in asked.slots]
    page = Page(index, asked, viewer, hub.viewer(who.id), floors, rows, rows)
    if hub.exhausted:
        for row in found & hub.exhausted:
            page.put_aside(row, "paced")
    return page


async def _sell(hub: Hub, page: Page, wanted: Sequence[int], now: float) -> bool:
    """One auction over the open slots, and one round trip. True where somebody was refused: then it pays to retry."""
    index, surface = page.index, SURFACES.index(page.asked.surface)
    page.auction = auction.hold(
        index,
        page.open,
        surface,
        [page.floors[slot] for slot in wanted],
        hub.rng,
        now=now,
        told=_told_rates(page),
    )
    offers = {
        slot: (one.row, _token(hub, page, slot, one.row, one.price_micros, surface, now))
        for slot, one in zip(wanted, page.auction.won, strict=True)
        if one is not None
    }
    return bool(offers) and await _reserve(hub, page, offers)


async def _reserve(hub: Hub, page: Page, offers: dict[int, tuple[int, Token]]) -> bool:
    orders = [token.order for _row, token in offers.values()]
    viewer = page.pseudonym
    capped, *answers = await hub.lane.run(
        hot.cap(viewer=viewer, most=CAP_TIMES, window_s=CAP_WINDOW_S, orders=orders),
        *[_reservation(token) for _row, token in offers.values()],
    )
    undo: list[hot.Call | tuple[Any, ...]] = []
    refused = False
    for (slot, (row, token)), counted, answer in zip(offers.items(), capped, answers, strict=True):
        if counted and answer == hot.DONE:
            page.sold[slot] = (row, token)
            _close_account(page, row)
            continue
        refused = True
        if answer == hot.DONE:
            undo.append(_freeing(token))
        elif counted:
            undo.append(("HINCRBY", hot.caps_key(viewer), token.order.bytes, -1))
        if not counted:
            page.put_aside(row, "capped")
        elif answer == hot.LOST:
            page.put_aside(row, "unavailable")
        else:
            page.put_aside(row, "paced")
            if hub.index is page.index:
                hub.exhausted.add(row)
    await hub.lane.run(*undo)
    return refused


def _close_account(page: Page, row: int) -> None:
    """One advertiser stands once on a page."""
    accounts = page.index.columns.account
    mine = int(accounts[row])
    page.open = [
        other for other, account in zip(page.open, accounts.take(page.open).tolist(), strict=True) if account != mine
    ]


def _token(hub: Hub, page: Page, slot: int, row: int, price_micros: int, surface: int, now: float) -> Token:
    listing = _listing(page.index, row)
    shown, acted = tokens.lives(now=now, starts_at=listing.starts_at, ends_at=listing.ends_at)
    return Token(
        id=ids.new(),
        order=listing.order,
        shard=listing.shard,
        generation=hub.generation(listing.shard),
        price_micros=price_micros,
        viewer=page.pseudonym,
        slot=slot,
        decided_at=int(now),
        day=int(now // 86_400),
        impression_until=shown,
        action_until=acted,
        surface=surface,
        country=page.viewer.country,
        age_band=AGE_BANDS.index(page.viewer.age_band),
        gender=_gender(page.viewer),
    )


def _reservation(token: Token) -> hot.Call:
    return hot.reserve(
        shard=token.shard,
        generation=token.generation,
        order=token.order,
        until_s=token.impression_until,
        tokens=[(token.id, token.price_micros)],
    )


def _freeing(token: Token) -> hot.Call:
    return hot.free(
        shard=token.shard,
        generation=token.generation,
        order=token.order,
        tokens=[(token.id, token.price_micros)],
    )


def _told_rates(page: Page) -> dict[int, float] | None:
    """The platform's own predictions, by row, where it told the objective's action."""
    if not page.asked.rates:
        return None
    told: dict[int, float] = {}
    for target, rates in page.asked.rates.items():
        for row in page.index.of_target(target):
            if (rate := rates.get(_listing(page.index, row).action)) is not None:
                told[row] = rate
    return told


def _answer(hub: Hub, page: Page, slot: int) -> dict[str, Any]:
    if slot not in page.sold:
        return {"slot": slot, "no_fill": _why_empty(page)}
    row, token = page.sold[slot]
    listing = _listing(page.index, row)
    answer = {
        "slot": slot,
        "order": listing.public_id,
        "target": listing.target,
        "token": tokens.seal(hub.keyring, token),
        "price_micros": token.price_micros,
    }
    if listing.website_url:
        answer |= {"website_url": listing.website_url, "call_to_action": listing.call_to_action or None}
    return answer


def _why_empty(page: Page) -> str:
    """What came nearest to a fill: a bid below the floor, an order that could not bid just now, or none that fits."""
    if page.open:
        return "below_floor" if set(page.bidding).intersection(page.open) else "paced"
    reasons = set(page.aside.values())
    return next((why for why in ("paced", "capped", "unavailable") if why in reasons), "no_match")


def _count(funnel: Funnel, page: Page) -> None:
    """The funnel of each order that fits: shown, or what it was out at."""
    shown = [row for row, _token in page.sold.values()]
    capped = [row for row, why in page.aside.items() if why == "capped"]
    outbid = [row for row in page.bidding if row not in page.aside and row not in shown]
    funnel.note(targeted=page.targeted, outbid=outbid, capped=capped, shown=shown)
    who = page.viewer
    if len(who.country) == 2 and who.country.isalpha() and who.country.isascii():
        watcher = (who.country, AGE_BANDS.index(who.age_band), _gender(who), SURFACES.index(page.asked.surface))
        funnel.watched(watcher, len(page.floors))


def _gender(viewer: Viewer) -> int:
    return GENDERS.index(viewer.gender) if viewer.gender in GENDERS else UNKNOWN


def _listing(index: Index, row: int) -> Listing:
    listing = index.listings[row]
    assert listing is not None  # a row of this very version
    return listing
