"""The pacer of a shard: lets each live order spend in small steps, at a price that makes its budget last.

One a shard at a time, by a lease with an epoch. It reads what was spent and reserved, moves μ, releases the next step
and publishes both for the deciders. What is released and not yet spent never exceeds 3 × plan(Δ) + 5 c̄, nor what the
escrow has left. Source: delivery.md 2 and 3.
"""

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime, timedelta
from operator import attrgetter
from typing import Any, NamedTuple, cast
from uuid import UUID

from django.db import connection
from django.db.models import F, Q

from delivery import barrier, bulk, drain, generations, hot, knowledge, traffic
from delivery.engine import steps
from delivery.engine.index import Pace
from delivery.engine.pacing import State
from delivery.engine.steps import Outlook, Purse, Step
from delivery.engine.tokens import IMPRESSION_LIFE_S
from delivery.hot import Counters, Grant
from delivery.knowledge import Known
from delivery.models import Pacer, PacingState, Shard
from orders import lifecycle
from orders.models import Order
from payments import escrow
from promote.money import MICROS

LEASE = timedelta(seconds=10)
PART = 2000
"""So many orders are looked at between two renewals of the lease."""
_STATE = State.__struct_fields__
_KEPT = ("order_id", "outstanding_micros", "held_until", "due_at", *_STATE)
_WHOLE = {"order_id": "uuid", **dict.fromkeys(("outstanding_micros", "spent", "charged", "charges"), "bigint")}
_state_of = attrgetter(*_STATE)
_KEEP = f"""
    INSERT INTO delivery_pacing_state AS s (shard, generation, {", ".join(_KEPT)})
    SELECT %s, %s, * FROM unnest({", ".join(f"%s::{_WHOLE.get(name, 'float8')}[]" for name in _KEPT)})
     WHERE EXISTS (SELECT FROM delivery_pacer WHERE shard_id = %s AND epoch = %s)
    ON CONFLICT (order_id) DO UPDATE SET
        {", ".join(f"{name} = EXCLUDED.{name}" for name in ("shard", "generation", *_KEPT[1:]))}
"""  # noqa: S608  (names of our own)


class Due(NamedTuple):
    """What a look needs of an order: rows, since there are thousands of looks a second."""

    id: UUID
    market_id: str
    escrow_id: int
    objective: str
    function: str
    cost_coins: int
    ends_at: datetime


class Kept(NamedTuple):
    """What the look before left."""

    generation: int
    outstanding_micros: int
    held_until: float
    state: State


class Look(NamedTuple):
    """What one look at an order comes to, and what of it could be out if Redis were lost now."""

    step: Step
    grant: Grant
    outstanding_micros: int
    held_until: float


def pace(*, shard: int, now: datetime) -> int:
    """One look at every order of the shard that is due. Returns how many; 0 too where another pacer is at it."""
    Shard.objects.get_or_create(id=shard)
    Pacer.objects.get_or_create(shard_id=shard)
    with _lease(shard, now) as epoch:
        if epoch is None:
            return 0
        generation = generations.ensure(shard=shard, now=now)
        if not generations.is_whole(shard=shard):
            drain.drain(shard=shard, now=now)
            if not generations.is_whole(shard=shard):
                return 0
        _expire(shard, generation, now)
        _forget_stopped(shard, generation, epoch, now)
        looked = _look(shard, generation, epoch, now)
        barrier.append_due(shard=shard, generation=generation, now=now)
        backlog = hot.client().xlen(hot.stream_key(shard, generation))
        Pacer.objects.filter(shard_id=shard).exclude(backlog=backlog).update(backlog=backlog)
        return looked


def live(shard: int, now: datetime) -> Any:
    """Orders of the shard that deliver now."""
    return Order.objects.delivering().filter(shard=shard, starts_at__lte=now, ends_at__gt=now)


def has_work(*, shard: int, now: datetime) -> bool:
    return bool(live(shard, now).exists())


def _look(shard: int, generation: int, epoch: int, now: datetime) -> int:
    at = now.timestamp()
    later = PacingState.objects.filter(shard=shard, generation=generation, due_at__gt=at)
    waiting = live(shard, now).exclude(id__in=later.values("order_id"))
    orders = [Due(*row) for row in waiting.values_list(*Due._fields)]
    is_reached = traffic.is_any(client=hot.client(), now=now)
    looked, began = 0, time.monotonic()
    for start in range(0, len(orders), PART):
        part = orders[start : start + PART]
        if not _renewed(shard, epoch, now + timedelta(seconds=time.monotonic() - began)):
            break
        if not _look_at_all(part, shard, generation, epoch, now, is_reached=is_reached):
            break
        looked += len(part)
    return looked


def _look_at_all(
    orders: Sequence[Due], shard: int, generation: int, epoch: int, now: datetime, *, is_reached: bool
) -> bool:
    """Whether this pacer was still the shard's."""
    at = now.timestamp()
    known = knowledge.of(orders, at=at)
    orders = [order for order in orders if order.id in known]
    if not orders:
        return True
    ids = [order.id for order in orders]
    states = _kept(ids)
    # Redis before PostgreSQL: what is drained in between counts twice as spent, never as left.
    counters = hot.counters(hot.client(), shard=shard, generation=generation, orders=ids)
    left = escrow.left(escrow_ids=[order.escrow_id for order in orders])
    looks = {
        order.id: _look_at(
            order,
            known[order.id],
            states.get(order.id),
            figures=counters[order.id],
            left=left[order.escrow_id],
            generation=generation,
            at=at,
            is_reached=is_reached,
        )
        for order in orders
    }
    # PostgreSQL before Redis: what could be out is known before it can be.
    if not _keep(shard, generation, epoch, looks):
        return False
    _release(shard, generation, epoch, [look.grant for look in looks.values()])
    lifecycle.mark_budget_spent(order_ids=[id_ for id_, look in looks.items() if look.step.is_spent], now=now)
    return True


def _look_at(
    order: Due,
    known: Known,
    kept: Kept | None,
    *,
    figures: Counters,
    left: int,
    generation: int,
    at: float,
    is_reached: bool,
) -> Look:
    """`left`: micros in the escrow."""
    held, held_until, to_hold = _held(kept, figures, generation, at)
    purse = Purse(
        whole=order.cost_coins * MICROS,
        left=left,
        under_way=figures.under_way,
        reserved=figures.reserved,
        held=held,
        charged=figures.charged,
        charges=figures.charges,
    )
    outlook = Outlook(known.score, known.price, known.reserve, known.curve, order.ends_at.timestamp())
    if kept is None:
        step = steps.first(purse, outlook, at=at)
    elif kept.generation != generation:
        step = steps.after_loss(kept.state, purse, outlook, at=at)
    else:
        step = steps.following(kept.state, purse, outlook, at=at, is_reached=is_reached)
    grant = Grant(
        order=order.id,
        most_micros=step.most,
        left_micros=left,
        drained_micros=figures.drained,
        pace=Pace(step.state.mu, known.impressions, known.rates),
        held_micros=to_hold,
    )
    outstanding = max(step.most, figures.reserved + figures.free) + held
    return Look(step, grant, outstanding_micros=outstanding, held_until=held_until)


def _held(kept: Kept | None, figures: Counters, generation: int, at: float) -> tuple[int, float, int | None]:
    """What tokens of a lost generation may still cost, until when, and what to tell Redis (None: as it is)."""
    if kept is None:
        return 0, 0.0, None
    # What was kept and never told, for the pacer died in between, is lost to Redis as well.
    if kept.generation != generation or (at < kept.held_until and not figures.was_granted):
        return kept.outstanding_micros, at + IMPRESSION_LIFE_S, kept.outstanding_micros
    if at >= kept.held_until:
        return 0, 0.0, 0 if figures.held else None
    return figures.held, kept.held_until, None


def _kept(orders: Sequence[UUID]) -> dict[UUID, Kept]:
    found = PacingState.objects.filter(order_id__in=orders)
    rows = found.values_list("order_id", "generation", "outstanding_micros", "held_until", *_STATE)
    return {
        order: Kept(generation, outstanding, held_until, State(*state))
        for order, generation, outstanding, held_until, *state in rows
    }


def _keep(shard: int, generation: int, epoch: int, looks: dict[UUID, Look]) -> bool:
    """Nothing is kept where a later pacer has the shard."""
    rows = [
        (order, look.outstanding_micros, look.held_until, look.step.due_at, *_state_of(look.step.state))
        for order, look in sorted(looks.items())
    ]
    with connection.cursor() as cursor:
        cursor.execute(_KEEP, [shard, generation, *map(bulk.array, zip(*rows, strict=True)), shard, epoch])
        return bool(cursor.rowcount)


def _release(shard: int, generation: int, epoch: int, grants: Sequence[Grant]) -> None:
    """Lost or outrun, the next look sees it."""
    batches = [grants[place : place + 200] for place in range(0, len(grants), 200)]
    hot.run(
        hot.client(),
        *(hot.release(shard=shard, generation=generation, epoch=epoch, grants=batch) for batch in batches),
    )


def _expire(shard: int, generation: int, now: datetime) -> None:
    most = expired = 1000
    while expired >= most:
        call = hot.expire(shard=shard, generation=generation, now_s=now.timestamp(), most=most)
        expired = hot.run(hot.client(), call)[0]


def _forget_stopped(shard: int, generation: int, epoch: int, now: datetime) -> None:
    """Takes back what is released of orders that deliver no more, and takes them off the deciders' list."""
    published = cast(list[bytes], hot.client().hkeys(hot.pace_key(shard, generation)))
    running = {id_.hex for id_ in live(shard, now).values_list("id", flat=True)} if published else set()
    stopped = [UUID(hex=name) for raw in published if (name := raw.decode()) not in running]
    grants = [Grant(order=id_, most_micros=0, left_micros=0, drained_micros=0, pace=None) for id_ in stopped]
    if grants:
        _release(shard, generation, epoch, grants)


def _renewed(shard: int, epoch: int, at: datetime) -> bool:
    return bool(Pacer.objects.filter(shard_id=shard, epoch=epoch).update(until=at + LEASE))


@contextmanager
def _lease(shard: int, now: datetime) -> Iterator[int | None]:
    """The epoch of this pacer, None where another has the shard. A pacer that died is succeeded after the lease."""
    free = Q(until=None) | Q(until__lte=now)
    taken = Pacer.objects.filter(free, shard_id=shard).update(epoch=F("epoch") + 1, until=now + LEASE)
    if not taken:
        yield None
        return
    epoch = Pacer.objects.values_list("epoch", flat=True).get(shard_id=shard)
    try:
        yield epoch
    finally:
        Pacer.objects.filter(shard_id=shard, epoch=epoch).update(until=None)
