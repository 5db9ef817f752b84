"""Ending an order without guessing: a barrier in its shard's stream, behind which nothing is billed (delivery.md 2).

The drain that commits the barrier tells orders, and settlement follows. A stop's barrier goes at once; an ordinary end
waits for the tokens already out, a minute at most, so that nobody is shown for free by ending early.
"""

from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from django.db import transaction

from delivery import hot
from delivery.engine.tokens import AFTER_END_S
from delivery.models import Barrier, Shard
from promote import outbox


@outbox.subscribe("order_ended")
def on_order_ended(payload: dict[str, Any], now: datetime) -> None:
    """Notes the barrier, and stops what is released of the order as soon as that is committed."""
    order_id, shard = UUID(payload["order"]), int(payload["shard"])
    last_token = datetime.fromisoformat(payload["ends_at"]) + timedelta(seconds=AFTER_END_S)
    due_at = now if payload["stop"] else min(now + timedelta(seconds=AFTER_END_S), last_token)
    Barrier.objects.get_or_create(order_id=order_id, defaults={"shard": shard, "due_at": due_at})
    transaction.on_commit(lambda: _halt(shard, order_id, now), robust=True)


def append_due(*, shard: int, generation: int, now: datetime) -> int:
    """Writes the barriers that are due, or whose order has no token out any more. Returns how many were written.

    One that was written under a lost generation is written again.
    """
    waiting = list(
        Barrier.objects.filter(shard=shard, drained_at=None).exclude(appended_generation=generation).order_by("due_at")
    )
    if not waiting or not generation:
        return 0
    client = hot.client()
    figures = hot.counters(client, shard=shard, generation=generation, orders=[one.order_id for one in waiting])
    due = [
        one
        for one in waiting
        if one.due_at <= now or not (figures[one.order_id].reserved or figures[one.order_id].held)
    ]
    answers = hot.run(client, *(hot.barrier(shard=shard, generation=generation, order=one.order_id) for one in due))
    written = [one.order_id for one, answer in zip(due, answers, strict=True) if answer == hot.DONE]
    return Barrier.objects.filter(order_id__in=written).update(appended_generation=generation)


def _halt(shard: int, order_id: UUID, now: datetime) -> None:
    generation = Shard.objects.filter(id=shard).values_list("generation", flat=True).first()
    if generation:
        hot.run(hot.client(), hot.halt(shard=shard, generation=generation, order=order_id))
        append_due(shard=shard, generation=generation, now=now)
