"""What stands in a shard's stream: an event as it was told, with its opened token; or a barrier."""

from functools import lru_cache
from typing import NamedTuple
from uuid import UUID

import msgspec

from delivery.engine.tokens import is_token_of
from delivery.engine.vocabulary import EVENT_TYPES

FURTHEST_AHEAD_S = 60
"""A device's clock may be so far ahead; what says it is from later is refused."""


class Told(msgspec.Struct, array_like=True, frozen=True, kw_only=True):
    """One event. Times are milliseconds since 1970. Address and agent go no further than the drain, which judges them.

    `viewer` is the pseudonym of who saw it, where the platform said; `active` whether the app was in front.
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


class Entry(NamedTuple):
    """One entry of a stream: an event, or (`told` None) its order's barrier."""

    order: UUID
    told: Told | None


_encoder = msgspec.msgpack.Encoder()
_decoder = msgspec.msgpack.Decoder(Told)


class Unreadable(ValueError):
    """The entry is not of a form that we know."""


def pack(told: Told) -> bytes:
    return _encoder.encode(told)


def read(id_: str, fields: dict[bytes, bytes]) -> Entry:
    """Raises Unreadable."""
    try:
        order = _order(fields[b"o"])
        if b"b" in fields:
            return Entry(order, None)
        told = _decoder.decode(fields[b"e"])
        if not is_token_of(told.token, order) or not 0 <= told.type < len(EVENT_TYPES):
            raise Unreadable("another order's token, or an unknown type")
        return Entry(order, told)
    except (KeyError, ValueError, msgspec.DecodeError) as error:
        raise Unreadable(f"{id_}: {type(error).__name__}: {error}") from None


@lru_cache(maxsize=20_000)
def _order(name: bytes) -> UUID:
    return UUID(hex=name.decode("ascii"))
