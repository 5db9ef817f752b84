"""What a draft order may bring: an interval, simulated from the live index's bids, learned rates and traffic history.

Honest before exact: where few orders have finished in a market the interval is wide, where nobody was there of late the
prices of past weeks stand for rivals, and where nothing is known of its traffic it is bounded by the budget alone.
Source: delivery.md 6.
"""

import itertools
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import numpy as np
from django.db.models import Q, Sum

from delivery import competition, knowledge, learning
from delivery.competition import Draws, Hours
from delivery.engine import rates
from delivery.engine.curve import Curve
from delivery.engine.vocabulary import AGE_BANDS, GENDERS, SURFACES
from delivery.models import RateNode, TrafficHour
from promote.markets.models import Market
from promote.money import MICROS

LEVEL = 0.8
"""Four orders of five should end within the interval."""
DRAWS = 4000
ENOUGH_ORDERS = 30
EARLY_STRETCH = 0.25
"""While fewer than those have finished: two orders may differ by more than is known yet."""
HISTORY = timedelta(days=28)
KNOWN_FROM_HOURS = 24
PARTS = 24
_RATE_WEIGHT = 60.0
"""A new order's own rate is spread about the market's as if that had been seen on so few impressions."""


@dataclass(frozen=True, slots=True)
class Estimate:
    """So many actions of this kind, from low to high, at this level of confidence."""

    unit: str
    low: int
    high: int
    level: float
    is_early: bool
    """Fewer than ENOUGH_ORDERS like it have finished: the interval is wider."""


def estimate(
    *,
    market: Market,
    objective: str,
    budget_coins: int,
    duration_s: int,
    audience: Mapping[str, Any],
    now: datetime,
    stretch: float | None = None,
) -> Estimate:
    """The same question at the same state of knowledge gives the same answer.

    `stretch`: how much wider, as a logarithm, the interval has to be for what finished orders got
    (analytics/foreseeing.py); below zero: narrower. 0: as simulated, which it is learned from. None: nobody knows yet.
    """
    rng = np.random.default_rng(zlib.crc32(f"{market.code}/{objective}/{budget_coins}/{duration_s}".encode()))
    finished = knowledge.finished(market.code, objective, most=ENOUGH_ORDERS, at=now.timestamp())
    is_early = finished < ENOUGH_ORDERS
    # What one order differs from another by, beyond its rate.
    spread = rng.lognormal(0.0, 0.2, DRAWS)
    impressions = _impressions(rng, market, objective, budget_coins, duration_s, audience, now)
    found = impressions * np.minimum(_rates(rng, market, objective) * spread, 1.0)
    low, high = np.quantile(found, [(1 - LEVEL) / 2, (1 + LEVEL) / 2])
    middle = float(np.sqrt(max(low, 1e-9) * max(high, 1e-9)))
    if stretch is None:
        stretch = EARLY_STRETCH if is_early else 0.0
    # Narrowed too far, both ends meet in the middle.
    low, high = min(low * np.exp(-stretch), middle), max(high * np.exp(stretch), middle)
    return Estimate(
        unit=str(market.action_of_objective[objective]),
        low=int(low),
        high=max(1, int(np.ceil(high))),
        level=LEVEL,
        is_early=is_early,
    )


def _impressions(
    rng: np.random.Generator,
    market: Market,
    objective: str,
    budget_coins: int,
    duration_s: int,
    audience: Mapping[str, Any],
    now: datetime,
) -> Draws:
    countries = audience.get("countries") or [market.code]
    curve = knowledge.curve(market.code, at=now.timestamp())
    coming = _slots(countries, objective, audience, curve, duration_s, now)
    # What of the traffic is there, and how much of it is to be had.
    slots = None if coming is None else coming * rng.uniform(0.3, 1.0, DRAWS)
    offers = competition.offers(
        countries=countries,
        objective=objective,
        audience=audience,
        reserve=int(market.reserve_micros[objective]),
        hours=_hours(curve, duration_s, now),
    )
    budget_micros = budget_coins * MICROS
    if offers is not None:
        return offers.bought(rng, budget_micros=budget_micros, slots=slots, draws=DRAWS)
    bought = budget_micros / _prices(rng, market, objective)
    return bought if slots is None else np.minimum(bought, slots)


def _hours(curve: Curve, duration_s: int, now: datetime) -> Hours:
    """A day at most is looked at by the hour, a longer life by its twenty-fourths."""
    parts = min(PARTS, max(1, duration_s // 3600))
    ends = np.linspace(now.timestamp(), now.timestamp() + duration_s, parts + 1)
    masses = [curve.mass(start, end) for start, end in itertools.pairwise(ends.tolist())]
    whole = sum(masses)
    middles = ((ends[1:] + ends[:-1]) / 2).tolist()
    return [(at, mass / whole) for at, mass in zip(middles, masses, strict=True)]


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


def _slots(
    countries: Sequence[str], objective: str, audience: Mapping[str, Any], curve: Curve, duration_s: int, now: datetime
) -> float | None:
    """How many slots such viewers will ask for in that time; None where too little history is known.

    Interests are not in the history: it bounds from above.
    """
    this_hour = now.replace(minute=0, second=0, microsecond=0)
    theirs = Q(surface__in=[SURFACES.index(surface) for surface in competition.surfaces(objective)])
    if bands := audience.get("age_bands"):
        theirs &= Q(age_band__in=[AGE_BANDS.index(band) for band in bands])
    if genders := audience.get("genders"):
        theirs &= Q(gender__in=[GENDERS.index(gender) for gender in genders])
    # By the hour: to count those that differ, PostgreSQL would sort all of the history.
    seen = TrafficHour.objects.filter(country__in=countries, hour__gt=now - HISTORY, hour__lt=this_hour)
    by_hour = seen.values("hour").annotate(theirs=Sum("slots", filter=theirs)).values_list("theirs", flat=True)
    slots = list(by_hour)
    hours, total = len(slots), float(sum(some or 0 for some in slots))
    if hours < KNOWN_FROM_HOURS:
        return None
    start = now.timestamp()
    coming: float = total / hours * curve.mass(start, start + duration_s)
    return coming
