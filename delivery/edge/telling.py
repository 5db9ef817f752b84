"""`POST /v1/events`: what became of decisions. Each is judged by its sealed token, and taken once (delivery.md 2, 5).

`accepted` means that it stands in its shard's stream; whether it is billed is judged behind it.
"""

import asyncio
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, NamedTuple
from uuid import UUID

import msgspec
from msgspec import Meta
from redis.exceptions import RedisError

from delivery import entries, hot, seen, unbilled
from delivery.edge.http import field_error
from delivery.edge.hub import Hub
from delivery.engine import tokens
from delivery.engine.tokens import BadToken, Parts, Sealer
from delivery.engine.vocabulary import EVENT_CODES, IMPRESSION, VIEWS
from delivery.entries import ADDRESS_MAX, AGENT_MAX, FURTHEST_AHEAD_S, REFERRER_MAX, Told
from promote.problems import Unavailable

BODY_MAX_BYTES = 4 * 1024 * 1024
EVENTS_MAX = 1000
PATIENCE_S = 4.0
"""So long events wait for a shard that begins a new generation, before they are given back."""
_LOOK_AGAIN_S = 0.1
_AT_ONCE = 50
"""So many are taken by one script, so that no decision waits for all of them."""
VIEW_LIFE_S = 86_400
"""Actions count for 7 days, plain views for one."""
_INT = Meta(ge=0, le=2**53)


class EventsIn(msgspec.Struct):
    events: Annotated[list[msgspec.Raw], Meta(min_length=1)]


class EventIn(msgspec.Struct):
    token: Annotated[str, Meta(max_length=1024)]
    type: Annotated[str, Meta(max_length=64)]
    at: Annotated[datetime, Meta(tz=True)] | None = None
    visible_ms: Annotated[int, _INT] | None = None
    visible_share: Annotated[float, Meta(ge=0, le=1)] | None = None
    dwell_ms: Annotated[int, _INT] | None = None
    user_agent: Annotated[str, Meta(max_length=4096)] | None = None
    address: Annotated[str, Meta(max_length=256)] | None = None
    viewer: Annotated[str, Meta(max_length=256)] | None = None
    order: Annotated[str, Meta(max_length=64)] | None = None
    referrer: Annotated[str, Meta(max_length=4096)] | None = None
    country: Annotated[str, Meta(max_length=64)] | None = None
    device: Annotated[str, Meta(max_length=256)] | None = None
    active: bool | None = None


decoder = msgspec.json.Decoder(EventsIn)
_event = msgspec.json.Decoder(EventIn)


@dataclass(frozen=True, slots=True)
class Teller:
    """Who tells: a device, whose own headers are judged, or a platform's server, which says what it saw."""

    is_device: bool
    agent: str = ""
    address: str = ""
    referrer: str = ""


class Refused(Exception):
    """`event`: what was told, where it could be read; `order`: of which order its token is, where we know."""

    def __init__(
        self, reason: str, detail: str = "", *, event: "EventIn | None" = None, order: bytes | None = None
    ) -> None:
        self.reason, self.detail, self.event, self.order = reason, detail, event, order


class Opened(dict[str, tuple[bytes, Parts]]):
    """The tokens of one request, each opened once: what was shown and what followed are often told together."""

    def __init__(self, sealer: Sealer) -> None:
        super().__init__()
        self._sealer = sealer

    def __missing__(self, text: str) -> tuple[bytes, Parts]:
        found = self[text] = tokens.opened(self._sealer, text)
        return found


class Waiting(NamedTuple):
    """An event that Redis has to take yet. `minute`: of its token; None for one that is known no more (seen.py)."""

    place: int
    shard: int
    minute: int | None
    event: hot.Event

    def kept_as(self, answer: int) -> unbilled.Counted:
        is_action = self.event.bit != 1
        return unbilled.counted(order=UUID(hex=self.event.order), reason=_KEPT_AS[answer], is_action=is_action)


async def tell(hub: Hub, raws: Sequence[msgspec.Raw], teller: Teller, *, now: float) -> list[dict[str, str]]:
    """A result per event, in order. Raises Unavailable where none could be taken: the same events can be sent again."""
    results: list[dict[str, str]] = [{}] * len(raws)
    waiting: list[Waiting] = []
    opened = Opened(hub.keyring)
    for place, raw in enumerate(raws):
        try:
            waiting.append(_judged(hub, opened, place, raw, teller, now))
        except Refused as no:
            results[place] = _refused(no.reason, no.detail)
            if no.event is not None:
                order, is_action = UUID(bytes=no.order) if no.order else None, no.event.type != IMPRESSION
                hub.refused[unbilled.counted(order=order, reason=no.reason, is_action=is_action)] += 1
    try:
        left = await _take(hub, waiting, results, now)
    except RedisError:
        # Some may have been taken: sent again they are duplicates, and none is lost.
        raise Unavailable from None
    if left and len(left) == len(waiting):
        raise Unavailable
    for one in left:
        results[one.place] = _refused("unavailable", "Send it again in a moment.")
    return results


async def _take(hub: Hub, waiting: list[Waiting], results: list[dict[str, str]], now: float) -> list[Waiting]:
    """Those that no generation of their shard took, after some patience."""
    until = asyncio.get_running_loop().time() + PATIENCE_S
    while waiting:
        groups = list(_together(waiting))
        answers = await hub.lane.run(*(_call(hub, group, now) for group in groups))
        lost: list[Waiting] = []
        for group, answer in zip(groups, answers, strict=True):
            if answer == hot.LOST:
                lost += group
                continue
            for one, its in zip(group, answer, strict=True):
                results[one.place] = _RESULTS[its]
                if its != hot.DONE:
                    hub.refused[one.kept_as(its)] += 1
        waiting = lost
        if lost and asyncio.get_running_loop().time() > until:
            break
        if lost:
            await asyncio.sleep(_LOOK_AGAIN_S)
    return waiting


def _together(waiting: Sequence[Waiting]) -> Iterator[list[Waiting]]:
    """What one script takes: of one shard and minute, in the order in which it was told."""
    groups: dict[tuple[int, int | None], list[Waiting]] = defaultdict(list)
    for one in waiting:
        groups[one.shard, one.minute].append(one)
    for group in groups.values():
        for start in range(0, len(group), _AT_ONCE):
            yield group[start : start + _AT_ONCE]


def _call(hub: Hub, group: Sequence[Waiting], now: float) -> hot.Call:
    shard, minute, events = group[0].shard, group[0].minute, [one.event for one in group]
    generation = hub.generation(shard)
    if minute is None:
        return hot.append(shard=shard, generation=generation, events=events)
    kept_for_s = seen.kept_for_s(minute, now=now)
    return hot.take(shard=shard, generation=generation, minute=minute, kept_for_s=kept_for_s, events=events)


def _judged(hub: Hub, opened: Opened, place: int, raw: msgspec.Raw, teller: Teller, now: float) -> Waiting:
    """What can be known without the counters. Raises Refused."""
    try:
        event = _event.decode(raw)
    except msgspec.ValidationError as error:
        wrong = field_error(error)
        raise Refused("invalid", f"{wrong.field}: {wrong.detail}" if wrong.field else str(wrong.detail)) from None
    except (msgspec.DecodeError, UnicodeError) as error:
        raise Refused("invalid", str(error)) from None
    code = EVENT_CODES.get(event.type)
    if code is None:
        raise Refused("type_unknown", event=event)
    try:
        raw_token, token = opened[event.token]
    except BadToken:
        raise Refused("token_unknown", event=event) from None
    if event.order is not None and event.order != f"ord_{token.order.hex()}":
        raise Refused("token_of_another_order", event=event, order=token.order)
    if now > _good_until(event.type, token):
        raise Refused("token_expired", event=event, order=token.order)
    at = event.at.timestamp() if event.at else now
    if at > now + FURTHEST_AHEAD_S:
        raise Refused("at_in_the_future", event=event, order=token.order)
    fact = _told(hub, event, code, raw_token, token, at, teller, now)
    told = hot.Event(token.generation, token.id, 1 << code, token.price_micros, token.order.hex(), entries.pack(fact))
    is_known = fact.received_ms <= seen.known_until_ms(token.impression_until)
    return Waiting(place, token.shard, seen.minute(token.impression_until) if is_known else None, told)


def _good_until(kind: str, token: Parts) -> float:
    if kind == IMPRESSION:
        return token.impression_until
    return token.impression_until + VIEW_LIFE_S if kind in VIEWS else token.action_until


def _told(
    hub: Hub, event: EventIn, code: int, raw_token: bytes, token: Parts, at: float, teller: Teller, now: float
) -> Told:
    agent: str | None = teller.agent
    address: str | None = teller.address
    referrer: str | None = teller.referrer
    if not teller.is_device:
        agent, address, referrer = event.user_agent, event.address, event.referrer
    try:
        viewer = _seen_by(hub, event.viewer, token) if event.viewer else None
        device = hub.viewer(event.device) if event.device else None
    except UnicodeError:
        raise Refused("invalid", "viewer, device: It is not text.") from None
    return Told(
        token=raw_token,
        type=code,
        at_ms=max(0, int(at * 1000)),
        received_ms=int(now * 1000),
        visible_ms=event.visible_ms,
        visible_share=event.visible_share,
        dwell_ms=event.dwell_ms,
        agent=agent[:AGENT_MAX] if agent else None,
        address=address[:ADDRESS_MAX] if address else None,
        viewer=viewer,
        active=event.active,
        referrer=referrer[:REFERRER_MAX] if referrer else None,
        country=event.country or None,
        device=device,
    )


def _seen_by(hub: Hub, name: str, token: Parts) -> int:
    """Under the pseudonym that the token has for them, where it has one: theirs may be of that day alone."""
    lasting = hub.viewer(name)
    if lasting != token.viewer and (of_the_day := hub.viewer(name, day=token.day)) == token.viewer:
        return of_the_day
    return lasting


def _refused(reason: str, detail: str = "") -> dict[str, str]:
    return {"status": "refused", "reason": reason, **({"detail": detail} if detail else {})}


_KEPT_AS = {hot.DUPLICATE: "replayed", hot.NOT_RESERVED: "token_expired", hot.NO_IMPRESSION: "before_impression"}
_RESULTS: dict[int, dict[str, str]] = {
    hot.DONE: {"status": "accepted"},
    hot.DUPLICATE: {"status": "duplicate"},
    hot.NOT_RESERVED: _refused("token_expired"),
    hot.NO_IMPRESSION: _refused("no_impression"),
}
