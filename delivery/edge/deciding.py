"""`POST /v1/decide`: who is shown in each slot, at which price, with a sealed token; or why nobody is (delivery.md 1).

Viewer → candidates by bitmap → bids → one call of Redis that counts the viewer's cap and reserves the price, both or
neither. Who is refused there leaves the auction, and the slots that are still open are sold again.
"""

from collections.abc import Sequence
from typing import Any

import msgspec

from delivery import hot
from delivery.edge.asked import DecideIn, ViewerIn
from delivery.edge.funnel import Funnel
from delivery.edge.hub import Hub
from delivery.edge.lane import Asking
from delivery.engine import auction, tokens
from delivery.engine.auction import ROUNDS, Auction, Won
from delivery.engine.index import Index, Listing, Viewer
from delivery.engine.tokens import DAY_S
from delivery.engine.vocabulary import AGE_BANDS, GENDERS, SURFACES, UNKNOWN
from promote import ids

CAP = hot.Cap(30, 86_400)
"""A viewer is shown one order so often in a day."""
_WHY = {hot.CAPPED: "capped", hot.LOST: "unavailable"}
"""Why Redis refused; else too little is released."""


class Sale(msgspec.Struct, frozen=True, gc=False):
    """What a slot is sold for: its token is sealed once Redis has reserved for it."""

    slot: int
    row: int
    listing: Listing
    order: bytes
    token: bytes
    price_micros: int
    generation: int
    impression_until: int
    action_until: int


class Page(msgspec.Struct):
    """One request on its way: what may be shown, what was sold, what stood aside and why. Rows are `index` rows."""

    index: Index
    asked: DecideIn
    viewer: Viewer
    pseudonym: int
    surface: int
    """As all of the vocabulary: its place there."""
    age_band: int
    gender: int
    floors: list[int]
    targeted: list[int]
    told: dict[int, float] | None
    """The platform's own predictions, by row."""
    sold: dict[int, Sale] = {}
    """By slot."""
    auction: Auction | None = None
    """The last one."""
    aside: dict[int, str] = {}
    """Row → why: paced, capped or unavailable."""
    below_floor: frozenset[int] = frozenset()
    """Slots that somebody bid for, and nobody as much as their floor."""
    is_cut_short: bool = False
    """Redis refused what the last round sold: who is left was not tried."""

    @property
    def open(self) -> list[int]:
        """Rows that may still be sold: one advertiser stands once on a page."""
        rows = [row for row in self.targeted if row not in self.aside] if self.aside else self.targeted
        if not self.sold:
            return rows
        account = self.index.columns.account
        on_page = {account[sale.row] for sale in self.sold.values()}
        return [row for row, whose in zip(rows, account.take(rows).tolist(), strict=True) if whose not in on_page]


async def decide(hub: Hub, asked: DecideIn, *, now: float) -> tuple[list[dict[str, Any]], Page | None]:
    """An answer per slot, and the page for whoever wants it explained. Raises RedisError where Redis is away."""
    if (why := _not_shown_to(asked.viewer)) is not None:
        return [{"slot": slot, "no_fill": why} for slot in range(len(asked.slots))], None
    funnel, page = hub.funnel, _open(hub, asked, now)
    for rounds_left in reversed(range(ROUNDS)):
        offers = _offers(hub, page, now)
        if not offers:
            break
        answers = await hub.lane.run(*[_reservation(page, sale) for sale in offers])
        if not _settle(hub, page, offers, answers):
            break
        if rounds_left:
            await _put_alike_aside(hub, page, offers, answers)
        else:
            page.is_cut_short = True
    _count(funnel, page)
    hub.sampling.noted.append((page.viewer, asked.surface, page.floors[0]))
    return [_answer(hub, page, slot, now) for slot in range(len(page.floors))], page


async def give_back(hub: Hub, page: Page) -> None:
    """What was sold to who is not there any more: it would be held for ten minutes. Raises RedisError."""
    await hub.lane.run(*[_freeing(page, sale) for sale in page.sold.values()])


def _not_shown_to(viewer: ViewerIn) -> str | None:
    """Nothing is shown to minors, and who may be one counts as one."""
    if viewer.is_minor:
        return "minor"
    return None if viewer.age_band in AGE_BANDS else "age_unknown"


def _open(hub: Hub, asked: DecideIn, now: float) -> Page:
    index, who = hub.index, asked.viewer
    limited = who.is_limited
    gender, interests = ("", ()) if limited else (who.gender or "", tuple(who.interests or ()))
    viewer = Viewer(who.id, who.country or "", who.age_band or "", gender, interests)
    found, rows = index.match(viewer, asked.surface, asked.exclude or ())
    floors = [slot.floor_micros or 0 for slot in asked.slots]
    page = Page(
        index=index,
        asked=asked,
        viewer=viewer,
        pseudonym=hub.viewer(who.id, day=int(now) // DAY_S if limited else None),
        surface=SURFACES.index(asked.surface),
        age_band=AGE_BANDS.index(viewer.age_band),
        gender=GENDERS.index(viewer.gender) if viewer.gender in GENDERS else UNKNOWN,
        floors=floors,
        targeted=rows,
        told=_told_rates(index, asked) if asked.rates else None,
    )
    if hub.exhausted:
        page.aside.update(dict.fromkeys(found & hub.exhausted, "paced"))
    return page


def _offers(hub: Hub, page: Page, now: float) -> list[Sale]:
    """What one auction over the slots that are still empty comes to."""
    rows = page.open
    if not rows:
        return []
    slots: Sequence[int] = range(len(page.floors))
    if page.sold:
        slots = [slot for slot in slots if slot not in page.sold]
    floors = [page.floors[slot] for slot in slots]
    held = page.auction = auction.hold(page.index, rows, page.surface, floors, hub.draws, now=now, told=page.told)
    offers = [_offer(hub, page, slot, won, now) for slot, won in zip(slots, held.won, strict=True) if won]
    if len(offers) < len(slots):
        page.below_floor |= {slots[place] for place in auction.below_floor(page.index, held)}
    return offers


def _offer(hub: Hub, page: Page, slot: int, won: Won, now: float) -> Sale:
    row, listing = won.row, page.index.listing(won.row)
    shown, acted = tokens.lives(now=now, starts_at=listing.starts_at, ends_at=listing.ends_at)
    order, generation = bytes.fromhex(listing.order), hub.generation(listing.shard)
    return Sale(slot, row, listing, order, ids.new_bytes(), won.price_micros, generation, shown, acted)


def _reservation(page: Page, sale: Sale) -> Asking:
    return hot.reserve(
        shard=sale.listing.shard,
        generation=sale.generation,
        order=sale.order,
        until_s=sale.impression_until,
        token=sale.token,
        price_micros=sale.price_micros,
        viewer=page.pseudonym,
        cap=CAP,
    )


def _freeing(page: Page, sale: Sale) -> Asking:
    return hot.free(
        shard=sale.listing.shard,
        generation=sale.generation,
        order=sale.order,
        token=sale.token,
        price_micros=sale.price_micros,
        viewer=page.pseudonym,
    )


def _settle(hub: Hub, page: Page, offers: list[Sale], answers: list[int]) -> bool:
    """What is reserved is sold, what is refused leaves the auction. Whether any is."""
    refused = False
    for sale, answer in zip(offers, answers, strict=True):
        if answer == hot.DONE:
            page.sold[sale.slot] = sale
            continue
        refused = True
        why = page.aside[sale.row] = _WHY.get(answer, "paced")
        if why == "paced" and hub.index is page.index:
            hub.exhausted.add(sale.row)
    return refused


async def _put_alike_aside(hub: Hub, page: Page, offers: list[Sale], answers: list[int]) -> None:
    """Who has seen one order often enough may have seen many, and a shard that is lost is lost for all of its orders:
    each would cost a round. Raises RedisError."""
    lost = {sale.listing.shard for sale, answer in zip(offers, answers, strict=True) if answer == hot.LOST}
    if page.auction is None or not (lost or hot.CAPPED in answers):
        return
    sold = {sale.row for sale in page.sold.values()}
    bidding = [row for row in page.auction.bidding if row not in sold]
    shard_of = dict(zip(bidding, page.index.columns.shard.take(bidding).tolist(), strict=True))
    page.aside |= {row: "unavailable" for row, shard in shard_of.items() if shard in lost}
    if hot.CAPPED in answers:
        capped = await _capped(hub, page, {int(shard) for shard in shard_of.values()} - lost)
        page.aside |= dict.fromkeys(capped & shard_of.keys(), "capped")


async def _capped(hub: Hub, page: Page, shards: set[int]) -> set[int]:
    """Rows of these shards that the viewer has seen often enough."""
    counts = await hub.lane.run(*[("HGETALL", hot.caps_key(shard, page.pseudonym)) for shard in shards])
    often = [
        order.hex()
        for flat in counts
        for order, times in zip(flat[::2], flat[1::2], strict=True)
        if int(times) >= CAP.times
    ]
    return {row for order in often if (row := page.index.rows.get(order)) is not None}


def _told_rates(index: Index, asked: DecideIn) -> dict[int, float]:
    """The platform's own predictions, by row, where it told the objective's action."""
    told: dict[int, float] = {}
    for target, rates in (asked.rates or {}).items():
        for row in index.of_target(target):
            if (rate := rates.get(index.listing(row).action)) is not None:
                told[row] = rate
    return told


def _answer(hub: Hub, page: Page, slot: int, now: float) -> dict[str, Any]:
    sale = page.sold.get(slot)
    if sale is None:
        return {"slot": slot, "no_fill": _why_empty(page, slot)}
    listing = sale.listing
    answer = {
        "slot": slot,
        "order": listing.public_id,
        "target": listing.target,
        "token": _sealed(hub, page, slot, sale, now),
        "price_micros": sale.price_micros,
    }
    if listing.website_url:
        answer |= {"website_url": listing.website_url, "call_to_action": listing.call_to_action or None}
    return answer


def _sealed(hub: Hub, page: Page, slot: int, sale: Sale, now: float) -> str:
    raw = tokens.packed(
        sale.token,
        sale.order,
        sale.listing.shard,
        sale.generation,
        sale.price_micros,
        page.pseudonym,
        slot,
        int(now),
        sale.impression_until,
        sale.action_until,
        page.surface,
        page.viewer.country,
        page.age_band,
        page.gender,
    )
    return tokens.seal_packed(hub.keyring, raw)


def _why_empty(page: Page, slot: int) -> str:
    """What came nearest to a fill: a bid below its floor, an order that could not bid just now, or none that fits."""
    if slot in page.below_floor:
        return "below_floor"
    if not page.is_cut_short and page.open:
        return "paced"
    reasons = set(page.aside.values())
    return next((why for why in ("paced", "capped", "unavailable") if why in reasons), "no_match")


def _count(funnel: Funnel, page: Page) -> None:
    """The funnel of each order that fits: shown, or what it was out at."""
    shown = [sale.row for sale in page.sold.values()]
    funnel.note(page.targeted, page.auction, aside=page.aside, shown=shown)
    funnel.watched((page.viewer.country, page.age_band, page.gender, page.surface), len(page.floors))
