"""What pacer and forecast know beyond counters: prices, rates, its market's curve.

Rates are learned every half minute and told by a look: kept no longer than this they are in use within a minute.
"""

import logging
from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any, NamedTuple, Protocol
from uuid import UUID

import msgspec

from delivery import learning
from delivery.engine.curve import Curve
from delivery.engine.vocabulary import SURFACES, SURFACES_OF_FUNCTION
from delivery.learning import Prices
from orders.models import Order, Status
from promote.markets.models import Market

log = logging.getLogger(__name__)
FRESH_S = 20.0
LONE_MARKET = 2.0
"""Where no price is known yet an order starts at twice the reserve: it wins what nobody else wants, and pays the
reserve. (At the reserve itself, half of its draws would be no bid.) What it may burn is bounded by release."""


class Asked(Protocol):
    """An order, as far as it matters here."""

    @property
    def id(self) -> UUID: ...
    @property
    def market_id(self) -> str: ...
    @property
    def objective(self) -> str: ...
    @property
    def function(self) -> str: ...


class Known(msgspec.Struct, frozen=True):
    score: float
    """Expected worth of an impression: rate × value."""
    price: float
    """Expected price, in micros."""
    reserve: int
    impressions: float
    rates: tuple[tuple[float, float], ...]
    """(alpha, beta) by surface."""
    curve: Curve


class _Terms(NamedTuple):
    """What a market says of an objective: micros, and the worth of an action."""

    reserve: int
    value: float


class _Rates(NamedTuple):
    best: float
    """Mean rate of actions where the order may be shown."""
    impressions: float
    by_surface: tuple[tuple[float, float], ...]


_MOST = 100_000
_cache: dict[tuple[Any, ...], tuple[float, Any]] = {}


def of(orders: Iterable[Asked], *, at: float) -> dict[UUID, Known]:
    """By order, but for those whose market can't say what an action of theirs is worth. The rates of all that are not
    fresh are looked up together."""
    terms = {order: its for order in orders if (its := _terms(order.market_id, order.objective, at)) is not None}
    if len(_cache) > _MOST:
        _cache.clear()
    stale = [order for order in terms if not _is_fresh(("rates", order.id), at)]
    _cache.update({("rates", id_): (at, rates) for id_, rates in _rates(stale).items()})
    return {order.id: _known(order, its, at) for order, its in terms.items()}


def _known(order: Asked, terms: _Terms, at: float) -> Known:
    code, objective = order.market_id, order.objective
    market = _market(code, at)
    prices: Prices = _fresh(("price", code, objective), at, lambda: learning.prices(market=market, objective=objective))
    rates: _Rates = _cache["rates", order.id][1]
    return Known(
        score=rates.best * terms.value,
        price=prices.mean_micros if prices.known else terms.reserve * LONE_MARKET,
        reserve=terms.reserve,
        impressions=rates.impressions,
        rates=rates.by_surface,
        curve=curve(code, at=at),
    )


def _terms(code: str, objective: str, at: float) -> _Terms | None:
    """None, and a line in the log, where one of its facts is missing or none: one such order is not to keep all others
    of its shard from being paced."""

    def read() -> _Terms | None:
        market = _market(code, at)
        try:
            terms = _Terms(int(market.reserve_micros[objective]), float(market.objective_value[objective]))
        except (KeyError, TypeError, ValueError):
            terms = _Terms(0, 0.0)
        if terms.reserve > 0 and terms.value > 0:
            return terms
        log.error("pacer: the market %s has no terms for %s, so that such orders are not paced", code, objective)
        return None

    found: _Terms | None = _fresh(("terms", code, objective), at, read)
    return found


def curve(code: str, *, at: float) -> Curve:
    """When people of this market watch."""
    found: Curve = _fresh(
        ("curve", code),
        at,
        lambda: learning.traffic_curve(market=_market(code, at), now=datetime.fromtimestamp(at, UTC)),
    )
    return found


def finished(code: str, objective: str, *, most: int, at: float) -> int:
    """How many orders of this market were paid for and are settled, up to `most`."""

    def counted() -> int:
        # The latest first: by the index of what was given back, which does not know those that run.
        over = Order.objects.filter(refunded_at__isnull=False, status=Status.SETTLED, charged_micros__gt=0)
        latest = over.filter(market=code, objective=objective).order_by("-refunded_at")
        return latest.values("id")[:most].count()

    found: int = _fresh(("finished", code, objective, most), at, counted)
    return found


def _market(code: str, at: float) -> Market:
    market: Market = _fresh(("market", code), at, lambda: Market.objects.get(code=code))
    return market


def _rates(orders: list[Asked]) -> dict[UUID, _Rates]:
    rates = learning.rates_of([order.id for order in orders]) if orders else {}
    found = {}
    for order in orders:
        mine, shown_on = rates[order.id], SURFACES_OF_FUNCTION[order.function]
        found[order.id] = _Rates(
            best=max(rate.mean for rate, name in zip(mine, SURFACES, strict=True) if name in shown_on),
            impressions=max(rate.impressions for rate in mine),
            by_surface=tuple((rate.alpha, rate.beta) for rate in mine),
        )
    return found


def _fresh(key: tuple[Any, ...], at: float, make: Any) -> Any:
    if not _is_fresh(key, at):
        _cache[key] = (at, make())
    return _cache[key][1]


def _is_fresh(key: tuple[Any, ...], at: float) -> bool:
    kept = _cache.get(key)
    return kept is not None and 0 <= at - kept[0] < FRESH_S


def forget() -> None:
    _cache.clear()
