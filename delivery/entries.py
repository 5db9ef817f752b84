"""What stands in a shard's stream: an event as it was told, with its opened token; or a barrier."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from uuid import UUID

import msgspec

from delivery.engine.tokens import order_in
from delivery.engine.vocabulary import EVENT_TYPES

FURTHEST_AHEAD_S = 60
"""A device's clock may be so far ahead; what says it is from later is refused."""
AGENT_MAX, ADDRESS_MAX, REFERRER_MAX = 512, 64, 512
"""So much of them is kept for the drain to judge by."""


class Told(msgspec.Struct, array_like=True, frozen=True, kw_only=True, gc=False):
    """One event. Times are milliseconds since 1970. Address, agent and referrer (the page it came from) go no further
    than the drain, which judges them, and keeps those of charges for a while (sources.py).

    `viewer` is the pseudonym of who saw it, `device` that of what they held, `country` where they were, each where the
    platform said; `active` whether the app was in front.
    """

    token: bytes
    type: int
    at_ms: int
    received_ms: int
    visible_ms: int | None = None
    visible_share: float | None = None
    dwell_ms: int | None = None
    agent: str | None = None
    address: str | None = None
    viewer: int | None = None
    active: bool | None = None
    referrer: str | None = None
    country: str | None = None
    device: int | None = None


Raw = tuple[str, list[bytes]]
"""An entry as Redis has it: its id, and its fields with their values behind them."""


@dataclass(slots=True)
class Reading:
    """Entries as they were read. Places are where they stand among the raw ones."""

    told: list[Told] = field(default_factory=list)
    places: list[int] = field(default_factory=list)
    """Of `told`."""
    orders: list[UUID] = field(default_factory=list)
    """Of `told`, each once."""
    order: list[int] = field(default_factory=list)
    """Of each of `told`: its place in `orders`."""
    barriers: dict[UUID, int] = field(default_factory=dict)
    """Orders, and the place of their first barrier."""
    unreadable: list[tuple[int, "Unreadable"]] = field(default_factory=list)


_encoder = msgspec.msgpack.Encoder()
_decoder = msgspec.msgpack.Decoder(Told)


class Unreadable(ValueError):
    """The entry is not of a form that we know."""


def pack(told: Told) -> bytes:
    return _encoder.encode(told)


def read(raws: Sequence[Raw]) -> Reading:
    reading = Reading()
    known: dict[bytes, tuple[int, bytes]] = {}
    for place, (id_, parts) in enumerate(raws):
        try:
            first, name, _price_field, _price, kind, what = parts
            if first != b"o" or kind not in (b"e", b"b"):
                name, kind, what = _in_another_order(parts)
            if kind == b"b":
                reading.barriers.setdefault(_order(name), place)
                continue
            told = _decoder.decode(what)
            if (found := known.get(name)) is None:
                order = _order(name)
                found = known[name] = len(known), order.bytes
                reading.orders.append(order)
            if order_in(told.token) != found[1] or not 0 <= told.type < len(EVENT_TYPES):
                raise Unreadable("another order's token, or an unknown type")
        except (KeyError, ValueError, msgspec.DecodeError) as error:
            reading.unreadable.append((place, Unreadable(f"{id_}: {type(error).__name__}: {error}")))
        else:
            reading.told.append(told)
            reading.places.append(place)
            reading.order.append(found[0])
    return reading


def _in_another_order(parts: list[bytes]) -> tuple[bytes, bytes, bytes]:
    """The order's name, the kind and what it tells, of an entry that was set aside and put back. Raises KeyError."""
    fields = dict(zip(parts[::2], parts[1::2], strict=True))
    kind = b"b" if b"b" in fields else b"e"
    return fields[b"o"], kind, fields[kind]


def costs(raws: Sequence[Raw]) -> dict[str, int]:
    """What they cost, by order's name, in micros. Raises ValueError where one is not as the scripts write them."""
    found: dict[bytes, int] = {}
    for _id, parts in raws:
        order_field, name, price_field, price, _kind, _what = parts
        if order_field != b"o" or price_field != b"p":
            raise ValueError(f"fields {parts[::2]}")
        if price != b"0":
            found[name] = found.get(name, 0) + int(price)
    return {name.decode("ascii"): micros for name, micros in found.items()}


def _order(name: bytes) -> UUID:
    return UUID(hex=name.decode("ascii"))
