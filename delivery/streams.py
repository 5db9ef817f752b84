"""Signed addresses of an order's live figures: the page of its owner opens one, without the session going along."""

import struct
from datetime import datetime, timedelta
from urllib.parse import quote
from uuid import UUID

from promote import ids
from promote.keys.keyring import Keyring, SealBroken

LIFE = timedelta(hours=12)
_FORM = struct.Struct(">16sQ")


class StreamLinkBroken(ValueError):
    """Not sealed by us, or over."""


def url(*, base: str, order_id: UUID, keys: Keyring, now: datetime) -> str:
    """Where the order's live figures are read; whoever has this address can, for LIFE."""
    return f"{base}/v1/live/{ids.public('ord', order_id)}?t={quote(sign(order_id=order_id, keys=keys, now=now))}"


def sign(*, order_id: UUID, keys: Keyring, now: datetime) -> str:
    return keys.seal("streams", _FORM.pack(order_id.bytes, int((now + LIFE).timestamp())))


def read(text: str, *, keys: Keyring, now: datetime) -> UUID:
    """The order whose figures it opens. Raises StreamLinkBroken."""
    try:
        order, until = _FORM.unpack(keys.unseal("streams", text))
    except (SealBroken, struct.error):
        raise StreamLinkBroken("seal") from None
    if now.timestamp() >= until:
        raise StreamLinkBroken("over")
    return UUID(bytes=order)
