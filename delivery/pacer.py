"""The pacer of a shard: lets each live order spend in small steps, at a price that makes its budget last.

One a shard at a time, by a lease with an epoch. It reads what was spent and reserved, moves μ, releases the next step
and publishes both for the deciders. What is released and not yet spent never exceeds 3 × plan(Δ) + 5 c̄, nor what the
escrow has left. Source: delivery.md 2 and 3.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, cast
from uuid import UUID

from django.db.models import F, Q

from delivery import barrier, bulk, drain, generations, hot, knowledge
from delivery.engine import steps
from delivery.engine.index import Pace
from delivery.engine.pacing import State
from delivery.engine.steps import Outlook, Purse, Step
from delivery.engine.tokens import IMPRESSION_LIFE_S
from delivery.hot import Counters, Grant
from delivery.models import PacingState, Shard
from orders import lifecycle
from orders.models import Order
from payments import escrow

LEASE = timedelta(seconds=10)
_FIELDS = (
    "order_id", "shard", "generation", "mu", "score", "mu_expected", "mean_cost", "at", "spent", "charged", "charges",
    "planned", "actual", "latency_s", "outstanding_micros", "held_until", "due_at",
)  # fmt: skip
_KEEP = f"""
    INSERT INTO delivery_pacing_state ({", ".join(_FIELDS)}) VALUES %s
    ON CONFLICT (order_id) DO UPDATE SET {", ".join(f"{name} = EXCLUDED.{name}" for name in _FIELDS[1:])}
"""  # noqa: S608  (names of our own)


@dataclass(frozen=True, slots=True)
class Look:
    """What one look at an order comes to, and what of it could be out if Redis were lost now."""

    step: Step
    grant: Grant
    outstanding_micros: int
    held_until: float


def pace(*, shard: int, now: datetime) -> int:
    """One look at every order of the shard that is due. Returns how many; 0 too where another pacer is at it."""
    Shard.objects.get_or_create(id=shard)
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
        Shard.objects.filter(id=shard).exclude(backlog=backlog).update(backlog=backlog)
        return looked


def live(shard: int, now: datetime) -> Any:
    """Orders of the shard that deliver now."""
    return Order.objects.delivering().filter(shard=shard, starts_at__lte=now, ends_at__gt=now)


def has_work(*, shard: int, now: datetime) -> bool:
    return bool(live(shard, now).exists())


def _look(shard: int, generation: int, epoch: int, now: datetime) -> int:
    at = now.timestamp()
    later = PacingState.objects.filter(shard=shard, generation=generation, due_at__gt=at)
    orders: list[Order] = list(live(shard, now).exclude(id__in=later.values("order_id")).select_related("market"))
    if not orders:
        return 0
    states = PacingState.objects.in_bulk([order.id for order in orders])
    # Redis before PostgreSQL: what is drained in between counts twice as spent, never as left.
    counters = hot.counters(hot.client(), shard=shard, generation=generation, orders=[order.id for order in orders])
    left = escrow.left(escrow_ids=[cast(int, order.escrow_id) for order in orders])
    looks = {
        order.id: _look_at(
            order, states.get(order.id), counters[order.id], left[cast(int, order.escrow_id)], generation, at
        )
        for order in orders
    }
    # PostgreSQL before Redis: what could be out is known before it can be.
    _keep(shard, generation, looks)
    _release(shard, generation, epoch, [look.grant for look in looks.values()])
    lifecycle.mark_budget_spent(order_ids=[id_ for id_, look in looks.items() if look.step.is_spent], now=now)
    return len(looks)


def _look_at(order: Order, kept: PacingState | None, figures: Counters, left: int, generation: int, at: float) -> Look:
    """`left`: micros in the escrow."""
    known = knowledge.of(order, at=at)
    held, held_until, to_hold = _held(kept, figures, generation, at)
    purse = Purse(
        whole=order.cost_micros,
        left=left,
        under_way=figures.under_way,
        reserved=figures.reserved,
        held=held,
        charged=figures.charged,
        charges=figures.charges,
    )
    outlook = Outlook(known.score, known.price, known.reserve, known.curve, cast(datetime, order.ends_at).timestamp())
    if kept is None:
        step = steps.first(purse, outlook, at=at)
    elif kept.generation != generation:
        step = steps.after_loss(_state(kept), purse, outlook, at=at)
    else:
        step = steps.following(_state(kept), purse, outlook, at=at)
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


def _held(kept: PacingState | None, figures: Counters, generation: int, at: float) -> tuple[int, float, int | None]:
    """What tokens of a lost generation may still cost, until when, and what to tell Redis (None: as it is)."""
    if kept is None:
        return 0, 0.0, None
    if kept.generation != generation:
        return kept.outstanding_micros, at + IMPRESSION_LIFE_S, kept.outstanding_micros
    if at >= kept.held_until:
        return 0, 0.0, 0 if figures.held else None
    return figures.held, kept.held_until, None


def _state(kept: PacingState) -> State:
    return State(
        mu=kept.mu,
        score=kept.score,
        mu_expected=kept.mu_expected,
        mean_cost=kept.mean_cost,
        at=kept.at,
        spent=kept.spent,
        charged=kept.charged,
        charges=kept.charges,
        planned=kept.planned,
        actual=kept.actual,
        latency_s=kept.latency_s,
    )


def _keep(shard: int, generation: int, looks: dict[UUID, Look]) -> None:
    bulk.values(_KEEP, [_row(shard, generation, order_id, looks[order_id]) for order_id in sorted(looks)])


def _row(shard: int, generation: int, order_id: UUID, look: Look) -> tuple[Any, ...]:
    kept = {
        "order_id": order_id,
        "shard": shard,
        "generation": generation,
        "outstanding_micros": look.outstanding_micros,
        "held_until": look.held_until,
        "due_at": look.step.due_at,
    }
    return tuple(kept[name] if name in kept else getattr(look.step.state, name) for name in _FIELDS)


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
    published = {
        UUID(hex=name.decode()) for name in cast(list[bytes], hot.client().hkeys(hot.pace_key(shard, generation)))
    }
    stopped = published - set(live(shard, now).values_list("id", flat=True)) if published else set()
    grants = [Grant(order=id_, most_micros=0, left_micros=0, drained_micros=0, pace=None) for id_ in stopped]
    if grants:
        _release(shard, generation, epoch, grants)


@contextmanager
def _lease(shard: int, now: datetime) -> Iterator[int | None]:
    """The epoch of this pacer, None where another has the shard. A pacer that died is succeeded after the lease."""
    free = Q(pacer_until=None) | Q(pacer_until__lte=now)
    taken = Shard.objects.filter(free, id=shard).update(pacer_epoch=F("pacer_epoch") + 1, pacer_until=now + LEASE)
    if not taken:
        yield None
        return
    epoch = Shard.objects.values_list("pacer_epoch", flat=True).get(id=shard)
    try:
        yield epoch
    finally:
        Shard.objects.filter(id=shard, pacer_epoch=epoch).update(pacer_until=None)
