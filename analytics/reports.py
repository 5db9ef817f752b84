"""What an order came to: figures, what one result cost, and where they came from. Reads delivery's rollups alone."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

from django.db.models import Sum

from delivery.engine.vocabulary import ACTIONS
from delivery.models import COUNTS, Dimension, HourRollup
from orders.models import Order

HOUR = timedelta(hours=1)
BREAKDOWNS = ("hour", "day", "country", "age", "gender", "surface")


@dataclass(frozen=True, slots=True)
class Figures:
    """Counts of one order. `actions` are the valid ones, by type; `charged_micros` is what the impressions cost."""

    impressions: int = 0
    valid_impressions: int = 0
    charged_micros: int = 0
    actions: dict[str, int] = field(default_factory=lambda: dict.fromkeys(ACTIONS, 0))

    def cost_per_micros(self, action: str) -> int | None:
        """What one action cost on average, rounded up; None before the first."""
        count = self.actions.get(action, 0)
        return -(-self.charged_micros // count) if count else None


@dataclass(frozen=True, slots=True)
class Result:
    """How often the objective's action happened. `unit` is the action: `view_2s`, `product_click`."""

    unit: str
    count: int
    cost_per_micros: int | None


@dataclass(frozen=True, slots=True)
class Part:
    """One line of a breakdown. `key` is its hour or day (`at` its start), or the value; "" where it is unknown."""

    key: str
    figures: Figures
    at: datetime | None = None


def action_of(order: Order) -> str:
    """The action that the order's objective buys."""
    return str(order.market.action_of_objective[order.objective])


def result(order: Order, figures: Figures) -> Result:
    action = action_of(order)
    return Result(action, figures.actions.get(action, 0), figures.cost_per_micros(action))


def figures(order: Order) -> Figures:
    return figures_of([order.id])[order.id]


def figures_of(order_ids: Iterable[UUID]) -> dict[UUID, Figures]:
    """The figures of several orders in one query, zeros for those that nobody saw yet."""
    asked = list(order_ids)
    rows = (
        HourRollup.objects.filter(order_id__in=asked, dimension=Dimension.ALL)
        .values("order_id")
        .annotate(**_sums())
        .order_by()
    )
    found = {row["order_id"]: _figures(row) for row in rows}
    return {order_id: found.get(order_id, Figures()) for order_id in asked}


def results(order: Order) -> Result:
    return result(order, figures(order))


def results_of(orders: Sequence[Order]) -> dict[UUID, Result]:
    """What each order brought, in one query."""
    all_figures = figures_of(order.id for order in orders)
    return {order.id: result(order, all_figures[order.id]) for order in orders}


def by(order: Order, breakdown: str) -> list[Part]:
    """The order's figures by hour, day, country, age, gender or surface; each breakdown adds up to the whole.

    Hours and days without events are there too, from the first with events to the last. Days are the market's.
    Raises KeyError for another breakdown.
    """
    return BY[breakdown](order)


def _by_hour(order: Order) -> list[Part]:
    found = {row.pop("hour"): _figures(row) for row in _rows(order, Dimension.ALL, "hour")}
    return [
        Part(hour.isoformat().replace("+00:00", "Z"), found.get(hour, Figures()), hour) for hour in _hours(found.keys())
    ]


def _by_day(order: Order) -> list[Part]:
    zone = ZoneInfo(order.market.time_zone)
    days: dict[str, Part] = {}
    for part in _by_hour(order):
        assert part.at is not None
        local = part.at.astimezone(zone)
        start = local.replace(hour=0, minute=0)
        key = local.date().isoformat()
        before = days.get(key, Part(key, Figures(), start.astimezone(UTC)))
        days[key] = Part(key, _added(before.figures, part.figures), before.at)
    return list(days.values())


def _by_value(dimension: str) -> Callable[[Order], list[Part]]:
    def of(order: Order) -> list[Part]:
        parts = [Part(row.pop("value"), _figures(row)) for row in _rows(order, dimension, "value")]
        return sorted(parts, key=lambda part: (-part.figures.valid_impressions, part.key))

    return of


BY: dict[str, Callable[[Order], list[Part]]] = {
    "hour": _by_hour,
    "day": _by_day,
    "country": _by_value(Dimension.COUNTRY),
    "age": _by_value(Dimension.AGE),
    "gender": _by_value(Dimension.GENDER),
    "surface": _by_value(Dimension.SURFACE),
}


def _rows(order: Order, dimension: str, group: str) -> Iterable[dict[str, Any]]:
    return HourRollup.objects.filter(order=order, dimension=dimension).values(group).annotate(**_sums()).order_by(group)


def _sums() -> dict[str, Sum]:
    return {f"total_{name}": Sum(name) for name in COUNTS}


def _figures(row: dict[str, Any]) -> Figures:
    return Figures(
        impressions=int(row["total_impressions"]),
        valid_impressions=int(row["total_valid_impressions"]),
        charged_micros=int(row["total_charged_micros"]),
        actions={name: int(row[f"total_{name}"]) for name in ACTIONS},
    )


def _added(one: Figures, other: Figures) -> Figures:
    return Figures(
        impressions=one.impressions + other.impressions,
        valid_impressions=one.valid_impressions + other.valid_impressions,
        charged_micros=one.charged_micros + other.charged_micros,
        actions={name: one.actions[name] + other.actions[name] for name in ACTIONS},
    )


def _hours(known: Iterable[datetime]) -> list[datetime]:
    ordered = sorted(known)
    if not ordered:
        return []
    count = int((ordered[-1] - ordered[0]) / HOUR) + 1
    return [ordered[0] + HOUR * number for number in range(count)]
