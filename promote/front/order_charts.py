"""An order's charts: what it brought, and what it spent beside the plan, by minute, hour or day as its life is long."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.utils import timezone
from django.utils.formats import date_format
from django.utils.translation import gettext as _
from django.utils.translation import pgettext

from analytics import reports
from delivery import learning
from delivery.models import MinuteRollup
from orders.models import Order
from promote.front import charts, words
from promote.money import MICROS, format_micros

MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)
MOST_BARS = 48


@dataclass(frozen=True, slots=True)
class Bucket:
    start: datetime
    count: int
    charged_micros: int


@dataclass(frozen=True, slots=True)
class Scale:
    """How wide a bar is, and how its axis and title speak."""

    width: timedelta
    title: Callable[[str], str]
    along: str


def of(order: Order, *, now: datetime) -> list[charts.Chart]:
    """Two charts with the same bars: results, and coins against the plan. None before it has begun."""
    if order.starts_at is None or order.ends_at is None:
        return []
    scale = _scale(order)
    buckets = _buckets(order, scale)
    ended = order.ended_at is not None
    goal = words.OBJECTIVES[order.objective]
    points = [_point(bucket, scale, bucket.count, now, ended) for bucket in buckets]
    coins = [_point(bucket, scale, bucket.charged_micros / MICROS, now, ended) for bucket in buckets]
    return [
        charts.bars(
            name="results",
            title=scale.title(str(goal.units)),
            along=scale.along,
            up=str(goal.units),
            empty=_("Nothing yet. The first figures appear seconds after the first person has seen it."),
            points=points,
        ),
        charts.bars(
            name="spending",
            title=scale.title(_("Coins spent")),
            along=scale.along,
            up=_("Coins"),
            empty=_("Nothing spent yet."),
            points=coins,
            plan=_plan(order, buckets, scale, now=now),
            say=lambda value: format_micros(round(value * MICROS)),
        ),
    ]


def _scale(order: Order) -> Scale:
    assert order.starts_at is not None
    assert order.ends_at is not None
    life = (order.ended_at or order.ends_at) - order.starts_at
    if life <= timedelta(hours=3):
        step = next(n for n in (1, 2, 5, 10) if life <= n * MINUTE * MOST_BARS)
        by_minute = _("%(what)s by minute") if step == 1 else _("%(what)s by %(step)s minutes")
        return Scale(step * MINUTE, lambda what: by_minute % {"what": what, "step": step}, _("Time"))
    if life <= timedelta(days=2):
        return Scale(HOUR, lambda what: _("%(what)s by hour") % {"what": what}, _("Hour"))
    return Scale(DAY, lambda what: _("%(what)s by day") % {"what": what}, _("Day"))


def _buckets(order: Order, scale: Scale) -> list[Bucket]:
    """From its first bar to its last, those in which nothing happened too, and those that are still to come."""
    assert order.starts_at is not None
    assert order.ends_at is not None
    found = _minutes(order, scale) if scale.width < HOUR else _hours_or_days(order, scale)
    start = _floor(order.starts_at, scale)
    last = _floor((order.ended_at or order.ends_at) - timedelta(microseconds=1), scale)
    if found:
        start, last = min(start, *found), max(last, *found)
    buckets: list[Bucket] = []
    while start <= last and len(buckets) < 400:
        count, charged = found.get(start, (0, 0))
        buckets.append(Bucket(start, count, charged))
        start = _next(start, scale)
    return buckets if found else []


def _minutes(order: Order, scale: Scale) -> dict[datetime, tuple[int, int]]:
    action = reports.action_of(order)
    found: dict[datetime, tuple[int, int]] = {}
    rows = MinuteRollup.objects.filter(order=order).order_by("minute").values_list("minute", action, "charged_micros")
    for minute, count, charged in rows:
        at = _floor(minute, scale)
        before = found.get(at, (0, 0))
        found[at] = (before[0] + count, before[1] + charged)
    return found


def _hours_or_days(order: Order, scale: Scale) -> dict[datetime, tuple[int, int]]:
    action = reports.action_of(order)
    parts = reports.by(order, "hour" if scale.width == HOUR else "day")
    return {
        _floor(part.at, scale): (part.figures.actions.get(action, 0), part.figures.charged_micros)
        for part in parts
        if part.at is not None
    }


def _floor(at: datetime, scale: Scale) -> datetime:
    """Days begin at the reader's midnight; shorter steps at round minutes."""
    local = timezone.localtime(at)
    if scale.width == DAY:
        return local.replace(hour=0, minute=0, second=0, microsecond=0)
    if scale.width == HOUR:
        return local.replace(minute=0, second=0, microsecond=0)
    step = scale.width // MINUTE
    return local.replace(minute=local.minute // step * step, second=0, microsecond=0)


def _next(at: datetime, scale: Scale) -> datetime:
    """A day later is the next midnight, also where clocks change."""
    return _floor(at + (timedelta(hours=36) if scale.width == DAY else scale.width), scale)


def _point(bucket: Bucket, scale: Scale, value: float, now: datetime, ended: bool) -> charts.Point:
    end = _next(bucket.start, scale)
    if scale.width == DAY:
        label = short = date_format(bucket.start, pgettext("a day on a chart's axis", "j M"))
    else:
        label, short = f"{bucket.start:%H:%M}–{end:%H:%M}", f"{bucket.start:%H:%M}"
    return charts.Point(
        label, short, value, unfinished=not ended and bucket.start <= now < end, coming=not ended and now < bucket.start
    )


def _plan(order: Order, buckets: list[Bucket], scale: Scale, *, now: datetime) -> list[float]:
    """The budget along the learned curve of traffic: what each bar should have spent. Source: delivery.md 3, F(t)."""
    assert order.starts_at is not None
    assert order.ends_at is not None
    if not buckets:
        return []
    curve = learning.traffic_curve(market=order.market, now=now)
    start, end = order.starts_at.timestamp(), order.ends_at.timestamp()
    whole = curve.mass(start, end)
    if whole <= 0:
        return []
    planned = []
    for bucket in buckets:
        opens = min(max(bucket.start.timestamp(), start), end)
        closes = min(max(_next(bucket.start, scale).timestamp(), start), end)
        planned.append(order.cost_coins * curve.mass(opens, closes) / whole)
    return planned
