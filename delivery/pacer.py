"""The pacer of a shard: lets each live order spend in small steps, at a price that makes its budget last.

One a shard at a time, by a lease with an epoch. It reads what was spent and reserved, moves μ, releases the next step
and publishes both for the deciders. What is released and not yet spent never exceeds 3 × plan(Δ) + 5 c̄, nor what the
escrow has left. Source: delivery.md 2 and 3.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any, cast
from uuid import UUID

from django.db.models import F, Q

from delivery import barrier, bulk, drain, generations, hot, knowledge
from delivery.engine import pacing
from delivery.engine.index import Pace
from delivery.engine.pacing import Seen, State
from delivery.engine.tokens import IMPRESSION_LIFE_S
from delivery.hot import Counters, Grant
from delivery.models import PacingState, Shard
from orders import lifecycle
from orders.models import Order
from payments import escrow

LEASE = timedelta(seconds=10)
SHORTEST_INTERVAL_S, LONGEST_INTERVAL_S = 0.4, 5.0
_SLACK_S = 0.5
"""A look may come so much later than it is due."""
_FIELDS = (
    "order_id", "shard", "generation", "mu", "score", "mu_expected", "mean_cost", "at", "spent", "charged", "charges",
    "planned", "actual", "latency_s", "outstanding_micros", "held_until", "due_at",
)  # fmt: skip
_KEEP = f"""
    INSERT INTO delivery_pacing_state ({", ".join(_FIELDS)}) VALUES %s
    ON CONFLICT (order_id) DO UPDATE SET {", ".join(f"{name} = EXCLUDED.{name}" for name in _FIELDS[1:])}
"""  # noqa: S608  (names of our own)


@dataclass(frozen=True, slots=True)
class Step:
    """What one look at an order comes to."""

    state: State
    grant: Grant
    outstanding_micros: int
    held_until: float
    due_at: float
    is_spent: bool


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
    steps = {
        order.id: _step(
            order, states.get(order.id), counters[order.id], left[cast(int, order.escrow_id)], generation, at
        )
        for order in orders
    }
    # PostgreSQL before Redis: what could be out is known before it can be.
    _keep(shard, generation, steps)
    _release(shard, generation, epoch, [step.grant for step in steps.values()])
    lifecycle.mark_budget_spent(order_ids=[id_ for id_, step in steps.items() if step.is_spent], now=now)
    return len(steps)


def _step(order: Order, kept: PacingState | None, figures: Counters, left: int, generation: int, at: float) -> Step:
    """`left`: micros in the escrow. What is under way and held back is taken off; reserved is left until charged."""
    known = knowledge.of(order, at=at)
    held, held_until, to_hold = _held(kept, figures, generation, at)
    free_left = max(0, left - figures.under_way - held)
    available = max(0, free_left - figures.reserved)
    seen = Seen(available, order.cost_micros - available, figures.reserved, figures.charged, figures.charges)
    ends_at = cast(datetime, order.ends_at).timestamp()
    if kept is None:
        state = pacing.start(score=known.score, price=known.price, known=True, at=at, spent=seen.spent)
    elif kept.generation != generation:
        state = replace(_state(kept), at=at, spent=seen.spent, charged=0, charges=0, planned=0.0, actual=0.0)
    else:
        share = known.curve.share(kept.at, at, ends_at)
        followed = pacing.predicted(_state(kept), score=known.score, price=known.price)
        state = pacing.look(followed, seen, share=share, now=at)
    interval = _interval(state, available, known.curve.share(at, at + 1.0, ends_at))
    horizon = interval + _SLACK_S + state.latency_s
    most = pacing.release(left=free_left, share=known.curve.share(at, at + horizon, ends_at), mean_cost=state.mean_cost)
    grant = Grant(
        order=order.id,
        most_micros=most,
        left_micros=left,
        drained_micros=figures.drained,
        pace=Pace(state.mu, known.impressions, known.rates),
        held_micros=to_hold,
    )
    nothing_out = not (figures.reserved or figures.under_way or held)
    return Step(
        state=state,
        grant=grant,
        outstanding_micros=max(most, figures.reserved + figures.free) + held,
        held_until=held_until,
        due_at=at + interval,
        is_spent=nothing_out and left < known.reserve,
    )


def _held(kept: PacingState | None, figures: Counters, generation: int, at: float) -> tuple[int, float, int | None]:
    """What tokens of a lost generation may still cost, until when, and what to tell Redis (None: as it is)."""
    if kept is None:
        return 0, 0.0, None
    if kept.generation != generation:
        return kept.outstanding_micros, at + IMPRESSION_LIFE_S, kept.outstanding_micros
    if at >= kept.held_until:
        return 0, 0.0, 0 if figures.held else None
    return figures.held, kept.held_until, None


def _interval(state: State, left: int, share_of_a_second: float) -> float:
    """Until the next look: sooner, the sooner the plan comes to another charge."""
    planned = left * share_of_a_second
    return min(LONGEST_INTERVAL_S, max(SHORTEST_INTERVAL_S, state.mean_cost / (4 * planned) if planned else 60.0))


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


def _keep(shard: int, generation: int, steps: dict[UUID, Step]) -> None:
    bulk.values(_KEEP, [_row(shard, generation, order_id, steps[order_id]) for order_id in sorted(steps)])


def _row(shard: int, generation: int, order_id: UUID, step: Step) -> tuple[Any, ...]:
    kept = {
        "order_id": order_id,
        "shard": shard,
        "generation": generation,
        "outstanding_micros": step.outstanding_micros,
        "held_until": step.held_until,
        "due_at": step.due_at,
    }
    return tuple(kept[name] if name in kept else getattr(step.state, name) for name in _FIELDS)


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
