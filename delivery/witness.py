"""A plain impression that nobody told: whether the database takes it tells poison from a database that fails.

It is tried and undone; nothing of it is ever stored.
"""

from collections.abc import Collection
from datetime import datetime
from uuid import UUID

from django.db.models import Case, Value, When

from delivery import entries
from delivery.engine import tokens
from delivery.engine.tokens import IMPRESSION_LIFE_S, Token
from delivery.engine.vocabulary import EVENT_CODES, IMPRESSION, LEAST_VISIBLE_MS
from delivery.entries import Raw, Told
from orders.models import Order, Status
from promote import ids


def of(*, shard: int, generation: int, doubted: Collection[UUID], stream_id: str, now: datetime) -> Raw | None:
    """As it would stand in the shard's stream at this place. Of a doubted order only where the shard has no other."""
    running = When(status=Status.DELIVERING, then=Value(0))
    own = When(id__in=list(doubted), then=Value(2))
    order = (
        Order.objects.filter(shard=shard, escrow_id__isnull=False, starts_at__isnull=False)
        .order_by(Case(own, running, default=Value(1)), "-placed_at")
        .first()
    )
    if order is None:
        return None
    token = _token(order, shard, generation, int(now.timestamp()))
    at_ms = int(now.timestamp() * 1000)
    told = Told(
        token=tokens.pack(token),
        type=EVENT_CODES[IMPRESSION],
        at_ms=at_ms,
        received_ms=at_ms,
        visible_ms=LEAST_VISIBLE_MS["feed"],
        visible_share=1.0,
    )
    price = b"%d" % token.price_micros
    return stream_id, [b"o", order.id.hex.encode(), b"p", price, b"e", entries.pack(told)]


def _token(order: Order, shard: int, generation: int, at: int) -> Token:
    until = at + IMPRESSION_LIFE_S
    return Token(
        id=ids.new(),
        order=order.id,
        shard=shard,
        generation=generation,
        price_micros=1,
        viewer=0,
        slot=0,
        decided_at=at,
        day=at // tokens.DAY_S,
        impression_until=until,
        action_until=until,
        surface=0,
        country=order.market_id,
        age_band=0,
        gender=0,
    )
