"""What a draft order may bring: an interval, simulated from prices seen, learned rates and the traffic history.

Honest before exact: where few orders have finished in a market the interval is wide, and where nothing is known of its
traffic it is bounded by the budget alone. Source: delivery.md 6.
"""

import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import numpy as np
from django.db.models import Q, Sum
from numpy.typing import NDArray

from delivery import learning
from delivery.engine import rates
from delivery.engine.vocabulary import AGE_BANDS, GENDERS
from delivery.models import RateNode, TrafficHour
from orders.models import Order
from promote.markets.models import Market
from promote.money import MICROS

LEVEL = 0.8
"""Four orders of five should end within the interval."""
DRAWS = 4000
ENOUGH_ORDERS = 30
HISTORY = timedelta(days=28)
KNOWN_FROM_HOURS = 24
_RATE_WEIGHT = 60.0
"""A new order's own rate is spread about the market's as if that had been seen on so few impressions."""
Draws = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Estimate:
    """So many actions of this kind, from low to high, at this level of confidence."""

    unit: str
    low: int
    high: int
    level: float


def estimate(
    *,
    market: Market,
    objective: str,
    budget_coins: int,
    duration_s: int,
    audience: Mapping[str, Any],
    now: datetime,
    stretch: float = 0.0,
) -> Estimate:
    """The same question at the same state of knowledge gives the same answer.

    `stretch`: how much wider, as a logarithm, the interval has to be for what finished orders got
    (analytics/foreseeing.py); below zero: narrower.
    """
    rng = np.random.default_rng(zlib.crc32(f"{market.code}/{objective}/{budget_coins}/{duration_s}".encode()))
    settled = Order.objects.filter(market=market, objective=objective, status="settled", charged_micros__gt=0)
    finished = settled.values("id")[:ENOUGH_ORDERS].count()
    # What one order differs from another by, beyond its rate: less is known of it, the fewer have finished.
    spread = rng.lognormal(0.0, 0.2 if finished >= ENOUGH_ORDERS else 0.45, DRAWS)
    impressions = budget_coins * MICROS / _prices(rng, market, objective)
    slots = _slots(market, audience, duration_s, now)
    if slots is not None:
        impressions = np.minimum(impressions, slots * rng.uniform(0.3, 1.0, DRAWS))
    found = impressions * np.minimum(_rates(rng, market, objective) * spread, 1.0)
    low, high = np.quantile(found, [(1 - LEVEL) / 2, (1 + LEVEL) / 2])
    middle = float(np.sqrt(max(low, 1e-9) * max(high, 1e-9)))
    # Narrowed too far, both ends meet in the middle.
    low, high = min(low * np.exp(-stretch), middle), max(high * np.exp(stretch), middle)
    return Estimate(
        unit=str(market.action_of_objective[objective]),
        low=int(low),
        high=max(1, int(np.ceil(high))),
        level=LEVEL,
    )


def _prices(rng: np.random.Generator, market: Market, objective: str) -> Draws:
    """The mean price of an impression, never below the reserve."""
    seen = learning.prices(market=market, objective=objective)
    reserve = float(market.reserve_micros[objective])
    if seen.known:
        return np.maximum(reserve, seen.mean_micros * rng.lognormal(0.0, 0.15, DRAWS))
    # A market without prices: the reserve at best, and some multiples of it where others come along.
    return reserve * (1.0 + rng.exponential(0.5, DRAWS))


def _rates(rng: np.random.Generator, market: Market, objective: str) -> Draws:
    node = RateNode.objects.in_bulk([objective, f"{objective}/{market.code}"])
    best = node.get(f"{objective}/{market.code}") or node.get(objective)
    mean = best.alpha / (best.alpha + best.beta) if best else rates.root(objective).mean
    return rng.beta(_RATE_WEIGHT * mean, _RATE_WEIGHT * (1 - mean), DRAWS)


def _slots(market: Market, audience: Mapping[str, Any], duration_s: int, now: datetime) -> float | None:
    """How many slots such viewers will ask for in that time; None where too little history is known.

    Interests are not in the history: it bounds from above.
    """
    countries = audience.get("countries") or [market.code]
    this_hour = now.replace(minute=0, second=0, microsecond=0)
    theirs = Q()
    if bands := audience.get("age_bands"):
        theirs &= Q(age_band__in=[AGE_BANDS.index(band) for band in bands])
    if genders := audience.get("genders"):
        theirs &= Q(gender__in=[GENDERS.index(gender) for gender in genders])
    # By the hour: to count those that differ, PostgreSQL would sort all of the history.
    seen = TrafficHour.objects.filter(country__in=countries, hour__gt=now - HISTORY, hour__lt=this_hour)
    by_hour = seen.values("hour").annotate(theirs=Sum("slots", filter=theirs or None)).values_list("theirs", flat=True)
    slots = list(by_hour)
    hours, total = len(slots), float(sum(some or 0 for some in slots))
    if hours < KNOWN_FROM_HOURS:
        return None
    curve = learning.traffic_curve(market=market, now=now)
    start = now.timestamp()
    coming: float = total / hours * curve.mass(start, start + duration_s)
    return coming
