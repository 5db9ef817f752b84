"""What an order came to: its figures, what one result cost, and where they came from, over what delivery counted."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial
from uuid import UUID
from zoneinfo import ZoneInfo

from delivery import results as counted
from delivery.figures import spent_micros
from delivery.models import Dimension
from delivery.results import Results as Figures
from orders.models import Order

HOUR = timedelta(hours=1)

__all__ = ["BY", "Figures", "Part", "Result", "action_of", "by", "figures", "result", "results", "results_of"]


@dataclass(frozen=True, slots=True)
class Result:
    """How often the objective's action happened. `unit` is the action: `view_2s`, `product_click`."""

    unit: str
    count: int
    cost_per_micros: int | None
    """What one cost on average of what the order has cost, rounded up; None before the first."""


@dataclass(frozen=True, slots=True)
class Part:
    """One line of a breakdown. `key` is its hour, day or value, "" where that is unknown; `at` the start of a time."""

    key: str
    figures: Figures
    at: datetime | None = None


def action_of(order: Order) -> str:
    """The action that the order's objective buys."""
    return str(order.market.action_of_objective[order.objective])


def figures(order: Order) -> Figures:
    return counted.of([order.id])[order.id]


def result(order: Order, figures: Figures) -> Result:
    return _result(order, figures, spent_micros([order], {order.id: figures})[order.id])


def _result(order: Order, figures: Figures, spent: int) -> Result:
    action = action_of(order)
    count = figures.actions.get(action, 0)
    return Result(action, count, -(-spent // count) if count else None)


def results(order: Order) -> Result:
    return result(order, figures(order))


def results_of(orders: Sequence[Order]) -> dict[UUID, Result]:
    """What each of these orders brought, in two queries."""
    found = counted.of(order.id for order in orders)
    spent = spent_micros(orders, found)
    return {order.id: _result(order, found[order.id], spent[order.id]) for order in orders}


def by(order: Order, breakdown: str) -> list[Part]:
    """The order's figures by one of BY; the parts of each breakdown add up to the whole.

    Hours and days without events are there too, from the first with events to the last. Days are the market's. Values
    come with the most seen first. Raises KeyError for another breakdown.
    """
    return BY[breakdown](order)


def _by_hour(order: Order) -> list[Part]:
    found = counted.by_hour(order.id)
    return [Part(hour.isoformat().replace("+00:00", "Z"), found.get(hour, Figures()), hour) for hour in _hours(found)]


def _by_day(order: Order) -> list[Part]:
    zone = ZoneInfo(order.market.time_zone)
    days: dict[str, Part] = {}
    for hour in _by_hour(order):
        assert hour.at is not None
        midnight = hour.at.astimezone(zone).replace(hour=0, minute=0)
        key = midnight.date().isoformat()
        before = days[key].figures if key in days else Figures()
        days[key] = Part(key, _added(before, hour.figures), midnight.astimezone(UTC))
    return list(days.values())


def _by_value(dimension: Dimension, order: Order) -> list[Part]:
    parts = [Part(value, figures) for value, figures in counted.by(order.id, dimension).items()]
    return sorted(parts, key=lambda part: (-part.figures.valid_impressions, part.key))


BY: dict[str, Callable[[Order], list[Part]]] = {
    "hour": _by_hour,
    "day": _by_day,
    "country": partial(_by_value, Dimension.COUNTRY),
    "age": partial(_by_value, Dimension.AGE),
    "gender": partial(_by_value, Dimension.GENDER),
    "surface": partial(_by_value, Dimension.SURFACE),
}


def _hours(known: Iterable[datetime]) -> list[datetime]:
    ordered = sorted(known)
    if not ordered:
        return []
    count = int((ordered[-1] - ordered[0]) / HOUR) + 1
    return [ordered[0] + HOUR * number for number in range(count)]


def _added(one: Figures, other: Figures) -> Figures:
    return Figures(
        impressions=one.impressions + other.impressions,
        valid_impressions=one.valid_impressions + other.valid_impressions,
        charged_micros=one.charged_micros + other.charged_micros,
        actions={name: count + other.actions[name] for name, count in one.actions.items()},
    )
