"""Predicted rates held against what happened, by objective, market and decile of the prediction (delivery.md 4).

A rate is noted at the beginning of the hour that it is held against, so that nothing that was learned from that hour is
in it.
"""

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import numpy as np
from django.db import connection

from analytics.models import Prediction
from delivery import learning
from delivery.engine.vocabulary import ACTIONS, SURFACES, SURFACES_OF_FUNCTION
from orders.models import Order

log = logging.getLogger(__name__)
NOTED_AN_HOUR = 2000
"""Orders; where there are more, those that started last."""
LOOKS_BACK = timedelta(days=28)
DECILES = 10
ALERT_FROM_ACTIONS = 400
FINE = (0.8, 1.25)
_HELD = f"""
    SELECT o.objective, o.market_id, p.rate, r.valid_impressions,
           CASE m.action_of_objective ->> o.objective {" ".join(f"WHEN '{a}' THEN r.{a}" for a in ACTIONS)} END
      FROM analytics_prediction p
      JOIN delivery_hour_rollup r
           ON r.order_id = p.order_id AND r.hour = p.hour AND r.dimension = 'surface' AND r.value = p.surface
      JOIN orders_order o ON o.id = p.order_id
      JOIN markets_market m ON m.code = o.market_id
     WHERE p.hour > %s AND p.hour < %s AND r.valid_impressions > 0
"""  # noqa: S608  (names of our own)


@dataclass(frozen=True, slots=True)
class Bin:
    """A tenth of an objective's impressions in a market, of those with the next higher prediction."""

    objective: str
    market: str
    decile: int
    impressions: int
    predicted: float
    """Actions that were expected."""
    happened: int

    @property
    def ratio(self) -> float | None:
        """Predicted ÷ happened; None where nothing happened."""
        return self.predicted / self.happened if self.happened else None

    @property
    def is_off(self) -> bool:
        """Enough happened, or was to happen, to say so."""
        enough = max(self.happened, self.predicted) >= ALERT_FROM_ACTIONS
        return enough and (self.ratio is None or not FINE[0] <= self.ratio <= FINE[1])


def note(*, now: datetime) -> int:
    """Notes this hour's rates of orders that deliver, each once an hour. Returns how many."""
    hour = now.replace(minute=0, second=0, microsecond=0)
    noted = Prediction.objects.filter(hour=hour).values("order_id")
    orders = list(Order.objects.delivering().exclude(id__in=noted).order_by("-starts_at")[:NOTED_AN_HOUR])
    rates = learning.rates_of([order.id for order in orders])
    rows = [
        Prediction(order=order, hour=hour, surface=surface, rate=rate.mean)
        for order in orders
        for surface, rate in zip(SURFACES, rates[order.id], strict=True)
        if surface in SURFACES_OF_FUNCTION[order.function]
    ]
    return len(Prediction.objects.bulk_create(rows, ignore_conflicts=True, batch_size=1000))


def forget(*, now: datetime) -> int:
    """Drops what no report looks back to."""
    return Prediction.objects.filter(hour__lt=now - 2 * LOOKS_BACK).delete()[0]


def report(*, now: datetime) -> list[Bin]:
    """By objective, market and decile, over the whole hours of the last four weeks."""
    with connection.cursor() as cursor:
        cursor.execute(_HELD, [now - LOOKS_BACK, now.replace(minute=0, second=0, microsecond=0)])
        rows = cursor.fetchall()
    found: dict[tuple[str, str], list[tuple[float, int, int]]] = {}
    for objective, market, rate, impressions, actions in rows:
        found.setdefault((objective, market), []).append((rate, impressions, actions or 0))
    return [one for place in sorted(found) for one in _bins(*place, found[place])]


def alert_of_off(*, now: datetime) -> int:
    """Says in the log which tenths are off. Returns how many."""
    off = [one for one in report(now=now) if one.is_off]
    for one in off:
        log.error(
            "calibration: %s in %s, tenth %s: %.0f actions were predicted, %s happened",
            one.objective, one.market, one.decile, one.predicted, one.happened,
        )  # fmt: skip
    return len(off)


def _bins(objective: str, market: str, rows: Sequence[tuple[float, int, int]]) -> list[Bin]:
    rates, impressions, actions = (np.array(column, float) for column in zip(*sorted(rows), strict=True))
    # A row belongs where its middle impression does.
    middle = np.cumsum(impressions) - impressions / 2
    decile = np.minimum(DECILES - 1, (middle * DECILES / impressions.sum()).astype(int))
    return [
        Bin(
            objective=objective,
            market=market,
            decile=number + 1,
            impressions=int(impressions[decile == number].sum()),
            predicted=float((rates * impressions)[decile == number].sum()),
            happened=int(actions[decile == number].sum()),
        )
        for number in range(DECILES)
        if (decile == number).any()
    ]
