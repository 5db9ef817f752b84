"""When people watch: the expected share of traffic by hour of the week, local time (delivery.md 3, F(t)).

A market starts from what KuaiRand measured (see delivery/data/README.md) and learns its own hours as they are seen.
"""

import csv
from bisect import bisect_right
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from functools import cache
from itertools import accumulate
from pathlib import Path

HOURS = 168
WEEK_S = HOURS * 3600
_MONDAY_S = 3 * 86400
"""1970 began on a Thursday: three days on, a Monday began."""
_DATA = Path(__file__).resolve().parent.parent / "data"
_LEARN_WEEKS = 2.0
"""So many weeks of the prior weigh as much as what was seen."""


@dataclass(frozen=True, slots=True)
class Curve:
    """Weights of the 168 hours from Monday 00:00, mean 1, and how far local time is ahead of UTC."""

    weights: tuple[float, ...]
    offset_s: int
    _before: tuple[float, ...]

    @classmethod
    def of(cls, weights: tuple[float, ...], offset_s: int) -> "Curve":
        if len(weights) != HOURS or min(weights) <= 0:
            raise ValueError("a curve has 168 weights above 0")
        mean = sum(weights) / HOURS
        even = tuple(weight / mean for weight in weights)
        return cls(even, offset_s, (0.0, *accumulate(even)))

    def mass(self, start: float, end: float) -> float:
        """Expected traffic from `start` to `end` (seconds since 1970), in mean hours."""
        return max(0.0, self._until(end) - self._until(start)) if end > start else 0.0

    def share(self, now: float, then: float, end: float) -> float:
        """What of the traffic left between `now` and `end` comes until `then`: ΔF ÷ (1 − F_now), 0 to 1."""
        if now >= end:
            return 1.0
        whole = self.mass(now, end)
        return min(1.0, self.mass(now, then) / whole) if whole else 1.0

    def hour(self, at: float) -> int:
        return int((at + self.offset_s - _MONDAY_S) % WEEK_S // 3600)

    def _until(self, at: float) -> float:
        weeks, inside = divmod(at + self.offset_s - _MONDAY_S, WEEK_S)
        hour = min(HOURS - 1, int(inside // 3600))
        return weeks * HOURS + self._before[hour] + self.weights[hour] * (inside / 3600 - hour)

    def when(self, now: float, mass: float) -> float:
        """When `mass` mean hours of traffic will have come since `now`."""
        weeks, inside = divmod(self._until(now) + mass, HOURS)
        hour = min(HOURS - 1, bisect_right(self._before, inside) - 1)
        at = hour * 3600 + (inside - self._before[hour]) / self.weights[hour] * 3600
        return weeks * WEEK_S + at - self.offset_s + _MONDAY_S


@cache
def measured() -> tuple[float, ...]:
    """KuaiRand's hours of the day by its days of the week."""
    with (_DATA / "kuairand_hourly.csv").open() as file:
        hours = [float(row["exposures"]) for row in csv.DictReader(file)]
    days: list[list[float]] = [[] for _ in range(7)]
    with (_DATA / "kuairand_daily.csv").open() as file:
        for row in csv.DictReader(file):
            text = row["date"]
            days[date(int(text[:4]), int(text[4:6]), int(text[6:])).weekday()].append(float(row["exposures"]))
    return tuple(sum(day) / len(day) * hour for day in days for hour in hours)


def learn(seen: Mapping[int, tuple[float, int]], *, offset_s: int) -> Curve:
    """The prior, moved towards what was seen: hour of the week → (traffic, how many such hours)."""
    prior = Curve.of(measured(), offset_s)
    expected = sum(prior.weights[hour] * times for hour, (_traffic, times) in seen.items())
    total = sum(traffic for traffic, _times in seen.values())
    if expected <= 0 or total <= 0:
        return prior
    level = total / expected
    weights = []
    for hour, weight in enumerate(prior.weights):
        traffic, times = seen.get(hour, (0.0, 0))
        weights.append((weight * _LEARN_WEEKS + traffic / level) / (_LEARN_WEEKS + times))
    return Curve.of(tuple(max(weight, 0.01) for weight in weights), offset_s)
