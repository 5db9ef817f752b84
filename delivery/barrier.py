"""Ending an order without guessing: a barrier in its shard's stream, behind which nothing is billed (delivery.md 2).

The drain that commits the barrier tells orders, and settlement follows. A stop's barrier goes at once; an ordinary end
waits for the tokens already out, a minute at most, so that nobody is shown for free by ending early.
"""

from collections import defaultdict
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from django.db import transaction
from django.db.models import Q, QuerySet

from delivery import hot
from delivery.engine.tokens import AFTER_END_S
from delivery.models import Barrier, PacingState, Shard
from promote import outbox

AT_ONCE, MOST_LOOKED_AT = 1_000, 20_000
"""Barriers a round trip to Redis, and a call."""


@outbox.subscribe_many("order_stopped", is_urgent=True)
@outbox.subscribe_many("order_ended", is_urgent=True)
def on_orders_ended(payloads: Sequence[dict[str, Any]], now: datetime) -> None:
    """Notes the barriers, and stops what is released of the orders as soon as that is committed."""
    barriers = [_barrier(payload, now) for payload in payloads]
    Barrier.objects.bulk_create(barriers, ignore_conflicts=True)
    transaction.on_commit(lambda: _halt(barriers, now), robust=True)


def append_due(*, shard: int, generation: int, now: datetime) -> int:
    """Writes the barriers that are due, or whose order has no token out any more. Returns how many were written.

    One that was written under a lost generation is written again. Of very many the earliest are looked at.
    """
    if not generation:
        return 0
    waiting = list(_waiting(shard, generation).order_by("due_at")[:MOST_LOOKED_AT])
    parts = [waiting[start : start + AT_ONCE] for start in range(0, len(waiting), AT_ONCE)]
    return sum(_append(shard, generation, part, now) for part in parts)


def _waiting(shard: int, generation: int) -> QuerySet[Barrier, tuple[UUID, datetime]]:
    waiting = Barrier.objects.filter(shard=shard, drained_at=None).exclude(appended_generation=generation)
    return waiting.values_list("order_id", "due_at")


def _append(shard: int, generation: int, waiting: Sequence[tuple[UUID, datetime]], now: datetime) -> int:
    client = hot.client()
    figures = hot.counters(client, shard=shard, generation=generation, orders=[order_id for order_id, _due in waiting])
    none_out = {order_id for order_id, its in figures.items() if not (its.reserved or its.held)}
    granted = {order_id for order_id, its in figures.items() if its.was_granted}
    none_out -= _sold_before(generation, [order_id for order_id, due_at in waiting if due_at > now], granted, now)
    due = [order_id for order_id, due_at in waiting if due_at <= now or order_id in none_out]
    answers = hot.run(client, *(hot.barrier(shard=shard, generation=generation, order=order_id) for order_id in due))
    written = [order_id for order_id, answer in zip(due, answers, strict=True) if answer == hot.DONE]
    return Barrier.objects.filter(order_id__in=written).update(appended_generation=generation)


def _sold_before(generation: int, order_ids: Sequence[UUID], granted: set[UUID], now: datetime) -> set[UUID]:
    """Those whose tokens nobody counts: they were paced under a generation that is lost, and not granted anything
    since."""
    lost = ~Q(generation=generation) | Q(held_until__gt=now.timestamp()) & ~Q(order__in=granted)
    known = PacingState.objects.filter(lost, order__in=order_ids)
    return set(known.values_list("order_id", flat=True)) if order_ids else set()


def _barrier(payload: dict[str, Any], now: datetime) -> Barrier:
    last_token = datetime.fromisoformat(payload["ends_at"]) + timedelta(seconds=AFTER_END_S)
    due_at = now if payload["stop"] else min(now + timedelta(seconds=AFTER_END_S), last_token)
    return Barrier(order_id=UUID(payload["order"]), shard=int(payload["shard"]), due_at=due_at)


def _halt(barriers: Sequence[Barrier], now: datetime) -> None:
    orders = defaultdict(list)
    for one in barriers:
        orders[one.shard].append(one.order_id)
    generations = Shard.objects.filter(id__in=orders).exclude(generation=0).values_list("id", "generation")
    for shard, generation in generations:
        calls = [hot.halt(shard=shard, generation=generation, order=order_id) for order_id in orders[shard]]
        hot.run(hot.client(), *calls)
        _append(shard, generation, list(_waiting(shard, generation).filter(order__in=orders[shard])), now)
