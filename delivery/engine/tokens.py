"""Decision tokens: sealed, so that a device can neither read a price nor make one (delivery.md 2.3)."""

import struct
from hashlib import blake2b
from typing import NamedTuple, Protocol
from uuid import UUID

import msgspec
import numpy as np

IMPRESSION_LIFE_S = 600
AFTER_END_S = 60
ACTION_LIFE_S = 7 * 86400
SHORTEST_LIFE_S = 60
DAY_S = 86_400

_VERSION = 1
_FORM = struct.Struct(">B16s16sHIQQBIIIIB2sBB")
_PARTS = struct.Struct(">x16s16sHIQQx4xIII5x")
LAYOUT = np.dtype(
    [
        ("version", "u1"), ("id", "V16"), ("order", "V16"), ("shard", ">u2"), ("generation", ">u4"),
        ("price_micros", ">u8"), ("viewer", ">u8"), ("slot", "u1"), ("decided_at", ">u4"), ("day", ">u4"),
        ("impression_until", ">u4"), ("action_until", ">u4"), ("surface", "u1"), ("country", "S2"), ("age_band", "u1"),
        ("gender", "u1"),
    ]
)  # fmt: skip
"""The same for many at once."""


class BadToken(ValueError):
    """Not a token of ours, or of a form that we do not know."""


class Sealer(Protocol):
    def seal(self, purpose: str, payload: bytes) -> str: ...
    def unseal(self, purpose: str, text: str) -> bytes: ...


class Token(msgspec.Struct, frozen=True):
    """One decision: what was sold to whom, at which price, and until when it may be told. Times in whole seconds.

    The viewer's country, age band and gender, and the surface, go along, so that nothing is looked up afterwards.
    `day` is the decision's day, counted from 1970: events are kept by it, so that a replay meets its first telling.
    """

    id: UUID
    order: UUID
    shard: int
    generation: int
    price_micros: int
    viewer: int
    slot: int
    decided_at: int
    day: int
    impression_until: int
    action_until: int
    surface: int
    country: str
    age_band: int
    gender: int


class Parts(NamedTuple):
    """What of a token an event is taken by."""

    id: bytes
    order: bytes
    shard: int
    generation: int
    price_micros: int
    viewer: int
    day: int
    impression_until: int
    action_until: int


def pack(token: Token) -> bytes:
    return packed(
        token.id.bytes,
        token.order.bytes,
        token.shard,
        token.generation,
        token.price_micros,
        token.viewer,
        token.slot,
        token.decided_at,
        token.impression_until,
        token.action_until,
        token.surface,
        token.country,
        token.age_band,
        token.gender,
        day=token.day,
    )


def packed(
    id: bytes,
    order: bytes,
    shard: int,
    generation: int,
    price_micros: int,
    viewer: int,
    slot: int,
    decided_at: int,
    impression_until: int,
    action_until: int,
    surface: int,
    country: str,
    age_band: int,
    gender: int,
    *,
    day: int | None = None,
) -> bytes:
    """A token of these parts, without making one. `day` is that of the decision where it is not told."""
    return _FORM.pack(
        _VERSION,
        id,
        order,
        shard,
        generation,
        price_micros,
        viewer,
        slot,
        decided_at,
        decided_at // DAY_S if day is None else day,
        impression_until,
        action_until,
        surface,
        country.encode("ascii"),
        age_band,
        gender,
    )


def unpack(raw: bytes) -> Token:
    """Raises BadToken."""
    if len(raw) != _FORM.size or raw[0] != _VERSION:
        raise BadToken("form")
    _version, id_bytes, order, shard, generation, price, viewer, slot, decided, day, shown, acted, surface, *who = (
        _FORM.unpack(raw)
    )
    return Token(
        id=UUID(bytes=id_bytes),
        order=UUID(bytes=order),
        shard=shard,
        generation=generation,
        price_micros=price,
        viewer=viewer,
        slot=slot,
        decided_at=decided,
        day=day,
        impression_until=shown,
        action_until=acted,
        surface=surface,
        country=who[0].decode("ascii"),
        age_band=who[1],
        gender=who[2],
    )


def order_in(raw: bytes) -> bytes:
    """The order's id in a packed token; nothing where it is none."""
    return raw[17:33] if len(raw) == _FORM.size and raw[0] == _VERSION else b""


def seal(sealer: Sealer, token: Token) -> str:
    return seal_packed(sealer, pack(token))


def seal_packed(sealer: Sealer, raw: bytes) -> str:
    return sealer.seal("tokens", raw)


def unseal(sealer: Sealer, text: str) -> Token:
    """Raises BadToken where it was not sealed by us."""
    try:
        return unpack(sealer.unseal("tokens", text))
    except (ValueError, UnicodeError) as error:
        raise BadToken(str(error)) from None


def opened(sealer: Sealer, text: str) -> tuple[bytes, Parts]:
    """As it was packed, and its parts. Raises BadToken where it was not sealed by us."""
    try:
        raw = sealer.unseal("tokens", text)
    except (ValueError, UnicodeError) as error:
        raise BadToken(str(error)) from None
    if not order_in(raw):
        raise BadToken("form")
    return raw, Parts(*_PARTS.unpack(raw))


def lives(*, now: float, starts_at: float, ends_at: float) -> tuple[int, int]:
    """Until when the impression, and any action, of a decision made `now` may be told.

    Ten minutes; never later than a minute after the order's end. An order too short for that gives a tenth of its
    length, a minute at least, so that what was reserved and not shown comes back in time to be spent.
    """
    life = min(IMPRESSION_LIFE_S, max(SHORTEST_LIFE_S, (ends_at - starts_at) / 10))
    until = int(min(now + life, ends_at + AFTER_END_S))
    return until, until + ACTION_LIFE_S


def pseudonym(secret: bytes, viewer: str, *, day: int | None = None) -> int:
    """A viewer's number of 63 bits: the same for the same id, telling nothing of it without our key.

    With a `day` (counted from 1970) it is of that day alone: nobody can join it with another
    day's, or with the lasting one.
    """
    salt = b"" if day is None else day.to_bytes(8, "big")
    return int.from_bytes(blake2b(viewer.encode(), key=secret, digest_size=8, salt=salt).digest(), "big") >> 1
