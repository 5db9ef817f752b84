"""Bars of one question, laid out on the server: the template only writes the numbers down."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from django.utils.formats import number_format
from django.utils.translation import gettext as _

TOP, BASE = 10.0, 86.0
"""The plot's edges in percent of the height; below the base stand the labels."""
MOST_TICKS = 6


@dataclass(frozen=True, slots=True)
class Point:
    """One bar: its label in full, its short label on the axis, and how much."""

    label: str
    short: str
    value: float
    unfinished: bool = False
    coming: bool = False
    """Its time has not come: it keeps its place, and has no bar."""


@dataclass(frozen=True, slots=True)
class Column:
    """Every number is text with a dot, since a page in German would write a comma into the drawing."""

    label: str
    words: str
    x: str
    y: str
    width: str
    height: str
    slot_x: str
    slot_width: str
    unfinished: bool
    coming: bool


@dataclass(frozen=True, slots=True)
class Mark:
    label: str
    x: str = ""
    y: str = ""
    anchor: str = "middle"


@dataclass(frozen=True, slots=True)
class Chart:
    id: str
    title: str
    along: str
    up: str
    empty: str
    columns: list[Column] = field(default_factory=list)
    rules: list[Mark] = field(default_factory=list)
    ticks: list[Mark] = field(default_factory=list)
    plan_points: str = ""
    summary: str = ""
    base: str = f"{BASE:g}"

    @property
    def drawn(self) -> list[Column]:
        return [column for column in self.columns if not column.coming]


def bars(
    *,
    name: str,
    title: str,
    along: str,
    up: str,
    empty: str,
    points: Sequence[Point],
    plan: Sequence[float] = (),
    say: Callable[[float], str] | None = None,
) -> Chart:
    """A bar a point from zero, with two rules and at most six labels; `plan` is the expected height of each bar."""
    say = say or _whole
    if not points:
        return Chart(id=name, title=title, along=along, up=up, empty=empty)
    ceiling = round_up(max([point.value for point in points] + list(plan) + [1]))
    slot = 100 / max(len(points), 6)
    every = -(-len(points) // MOST_TICKS)
    most = max(points, key=lambda point: point.value)
    return Chart(
        id=name,
        title=title,
        along=along,
        up=up,
        empty=empty,
        columns=[_column(point, i * slot, slot, ceiling, say) for i, point in enumerate(points)],
        rules=[Mark(label=say(part), y=_n(_height_at(part, ceiling))) for part in (ceiling, ceiling / 2)],
        ticks=[Mark(label=p.short, x=_n(i * slot + slot / 2)) for i, p in enumerate(points) if i % every == 0],
        plan_points=" ".join(f"{_n(i * slot)},{_n(_height_at(value, ceiling))}" for i, value in _stairs(plan)),
        summary=_("%(title)s. Most: %(most)s, %(when)s. The table below has every figure.")
        % {"title": title, "most": say(most.value), "when": most.label},
    )


def _column(point: Point, start: float, slot: float, ceiling: float, say: Callable[[float], str]) -> Column:
    width = min(slot * 0.72, 6.0)
    y = _height_at(point.value, ceiling)
    return Column(
        label=point.label,
        words=say(point.value),
        x=_n(start + (slot - width) / 2),
        y=_n(y),
        width=_n(width),
        height=_n(BASE - y),
        slot_x=_n(start),
        slot_width=_n(slot),
        unfinished=point.unfinished,
        coming=point.coming,
    )


def round_up(value: float) -> float:
    """A round number at or above the value, half of which is round as well."""
    power = 1.0
    while power * 10 < value:
        power *= 10
    steps = (2, 4, 6, 8, 10) if power == 1 else (1, 1.2, 1.6, 2, 2.4, 3, 4, 5, 6, 8, 10)
    return next(step * power for step in steps if step * power >= value)


def _stairs(plan: Sequence[float]) -> list[tuple[int, float]]:
    """A step along each bar's whole width, as a plan is per bar."""
    return [corner for i, value in enumerate(plan) for corner in ((i, value), (i + 1, value))]


def _height_at(value: float, ceiling: float) -> float:
    return BASE - (BASE - TOP) * min(value / ceiling, 1.0)


def _n(value: float) -> str:
    return f"{value:.2f}".rstrip("0").rstrip(".")


def _whole(value: float) -> str:
    return number_format(round(value), force_grouping=True) if value >= 2 or value == int(value) else f"{value:g}"
