"""What the pacer knows of an order beyond its counters: prices, rates, its market's curve; fresh for half a minute."""

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from delivery import learning
from delivery.engine.curve import Curve
from delivery.engine.vocabulary import SURFACES, SURFACES_OF_FUNCTION
from delivery.learning import Path, Prices
from orders.models import Order

FRESH_S = 30.0
LONE_MARKET = 2.0
"""Where no price is known yet an order starts at twice the reserve: it wins what nobody else wants, and pays the
reserve. (At the reserve itself, half of its draws would be no bid.) What it may burn is bounded by release."""


@dataclass(frozen=True, slots=True)
class Known:
    score: float
    """Expected worth of an impression: rate × value."""
    price: float
    """Expected price, in micros."""
    reserve: int
    impressions: float
    rates: tuple[tuple[float, float], ...]
    """(alpha, beta) by surface."""
    curve: Curve


_cache: dict[tuple[Any, ...], tuple[float, Any]] = {}


def of(order: Order, *, at: float) -> Known:
    now = datetime.fromtimestamp(at, UTC)
    market = order.market
    curve: Curve = _fresh(("curve", market.code), at, lambda: learning.traffic_curve(market=market, now=now))
    prices: Prices = _fresh(
        ("price", market.code, order.objective),
        at,
        lambda: learning.prices(market=market, objective=order.objective),
    )
    paths = [Path(order.objective, market.code, name, order.account_id, order.id) for name in SURFACES]
    rates = _fresh(("rates", order.id), at, lambda: learning.rates_of(paths))
    shown_on = SURFACES_OF_FUNCTION[order.function]
    best = max(rates[path].mean for path in paths if path.surface in shown_on)
    reserve = int(market.reserve_micros[order.objective])
    return Known(
        score=best * float(market.objective_value[order.objective]),
        price=prices.mean_micros if prices.known else reserve * LONE_MARKET,
        reserve=reserve,
        impressions=max(rates[path].impressions for path in paths),
        rates=tuple((rates[path].alpha, rates[path].beta) for path in paths),
        curve=curve,
    )


def _fresh(key: tuple[Any, ...], at: float, make: Any) -> Any:
    kept = _cache.get(key)
    if kept is None or not 0 <= at - kept[0] < FRESH_S:
        if len(_cache) > 100_000:
            _cache.clear()
        kept = _cache[key] = (at, make())
    return kept[1]


def forget() -> None:
    _cache.clear()
