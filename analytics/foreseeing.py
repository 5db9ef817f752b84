"""Estimates held against what orders got, and told as wide as that demands (delivery.md 6).

Each order's estimate is noted when it is placed. Of those that ran to their own end, the interval is stretched by the
conformal quantile of how far off they were, as a logarithm (Romano, Patterson & Candès 2019), by market and objective,
once enough have finished; before, by what the forecast holds for safe.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from analytics import reports
from analytics.models import Foreseen, Stretch
from delivery import forecast
from delivery.forecast import LEVEL, Estimate
from orders.models import EndReason, Order, Status
from promote.markets.models import Market

ENOUGH_ORDERS = 30
LEARNED_FROM = timedelta(days=90)
NOTED_WITHIN = timedelta(minutes=10)
"""An order that is older is not noted any more: more would be known by now than was when it was placed."""
OWN_ENDS = (EndReason.TIME, EndReason.BUDGET)
"""Of these it is known what the whole order would bring, unless it was amended: its estimate was of another one."""


@dataclass(frozen=True, slots=True)
class Coverage:
    """How many finished orders ended within what they were told."""

    market: str
    objective: str
    orders: int
    within: int
    below: int
    width: float
    """The upper end ÷ the lower, in the middle of them."""
    stretch: float | None

    @property
    def share(self) -> float:
        return self.within / self.orders


def estimate(*, market: Market, objective: str, **asked: Any) -> Estimate:
    """`forecast.estimate`, as wide as finished orders demand."""
    known = Stretch.objects.filter(market=market, objective=objective).first()
    return forecast.estimate(market=market, objective=objective, stretch=known.amount if known else None, **asked)


def note(*, now: datetime, limit: int = 500) -> int:
    """Notes what newly placed orders are estimated to bring. Returns how many."""
    noted = Foreseen.objects.filter(at__gt=now - 2 * NOTED_WITHIN).values("order_id")
    fresh = Order.objects.filter(placed_at__gt=now - NOTED_WITHIN).exclude(id__in=noted).select_related("market")
    rows = [_noted(order, now) for order in fresh.order_by("placed_at")[:limit]]
    return len(Foreseen.objects.bulk_create(rows, ignore_conflicts=True))


def compare(*, now: datetime, limit: int = 5000) -> int:
    """Notes what orders that are settled brought. Returns how many."""
    over = Foreseen.objects.filter(came=None, order__status=Status.SETTLED).select_related("order__market")
    rows = list(over.order_by("order_id")[:limit])
    results = reports.results_of([row.order for row in rows])
    for row in rows:
        row.came = results[row.order_id].count
        row.counts = row.order.end_reason in OWN_ENDS and not row.order.amendments
    Foreseen.objects.bulk_update(rows, ["came", "counts"], batch_size=500)
    return len(rows)


def learn(*, now: datetime) -> int:
    """Computes every stretch anew from finished orders. Returns how many there are."""
    learned = 0
    for (market, objective), rows in _finished(now).items():
        if len(rows) < ENOUGH_ORDERS:
            continue
        facts = {"amount": stretch_of(rows), "orders": len(rows), "at": now}
        Stretch.objects.update_or_create(market_id=market, objective=objective, defaults=facts)
        learned += 1
    return learned


def stretch_of(rows: Sequence[Foreseen]) -> float:
    """By how much, as a logarithm, the raw intervals have to be wider for LEVEL of one more order like these."""
    off = sorted(max(_log(row.raw_low) - _log(row.came), _log(row.came) - _log(row.raw_high)) for row in rows)
    rank = math.ceil((len(off) + 1) * LEVEL)
    return off[min(rank, len(off)) - 1]


def coverage(*, now: datetime) -> list[Coverage]:
    """By market and objective, the most orders first."""
    stretches = {(one.market_id, one.objective): one.amount for one in Stretch.objects.all()}
    found = [_covered(key, rows, stretches) for key, rows in _finished(now).items()]
    return sorted(found, key=lambda one: -one.orders)


def _noted(order: Order, now: datetime) -> Foreseen:
    asked = {
        "market": order.market,
        "objective": order.objective,
        "budget_coins": order.cost_coins,
        "duration_s": order.duration_s,
        "audience": order.audience,
        "now": now,
    }
    raw, told = forecast.estimate(**asked, stretch=0.0), estimate(**asked)
    return Foreseen(
        order=order, unit=told.unit, raw_low=raw.low, raw_high=raw.high, low=told.low, high=told.high,
        level=told.level, at=now,
    )  # fmt: skip


def _finished(now: datetime) -> dict[tuple[str, str], list[Foreseen]]:
    found: dict[tuple[str, str], list[Foreseen]] = {}
    rows = Foreseen.objects.filter(counts=True, at__gt=now - LEARNED_FROM).select_related("order")
    for row in rows.order_by("-at")[:50_000]:
        found.setdefault((row.order.market_id, row.order.objective), []).append(row)
    return found


def _covered(key: tuple[str, str], rows: Sequence[Foreseen], stretches: Mapping[tuple[str, str], float]) -> Coverage:
    widths = sorted(row.high / max(1, row.low) for row in rows)
    return Coverage(
        market=key[0],
        objective=key[1],
        orders=len(rows),
        within=sum(row.low <= (row.came or 0) <= row.high for row in rows),
        below=sum((row.came or 0) < row.low for row in rows),
        width=widths[len(widths) // 2],
        stretch=stretches.get(key),
    )


def _log(count: int | None) -> float:
    """None came: as one that was almost there."""
    return math.log(max(count or 0, 0) + 0.5)
