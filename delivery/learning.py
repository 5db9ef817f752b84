"""What is learned from what happened: rates, from an objective down to a target with its audience; prices; traffic."""

import itertools
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import NamedTuple
from uuid import UUID
from zoneinfo import ZoneInfo

from django.db import connection, transaction
from django.db.models import Sum

from delivery import bulk
from delivery.engine import curve
from delivery.engine.curve import Curve
from delivery.engine.rates import HALF_LIFE_S, PRIOR_STRENGTH, Count, Rate, below, root, strength
from delivery.engine.vocabulary import ACTIONS, SURFACES
from delivery.models import HourRollup, PriceNode, RateNode, TrafficHour
from orders.states import ReviewStatus, Status
from promote.markets.models import Market

MEMORY = timedelta(days=35)
PRICES_FROM = timedelta(days=7)
KNOWN_FROM_CHARGES = 30
"""A market's prices are known from so many charges on."""

_SHOWN = """md5(concat_ws('/', o.video_id, o.live_id, o.product_id,
    coalesce(nullif(o.audience, '{"automatic": true}'),
             jsonb_build_object('countries', jsonb_build_array(o.market_id))),
    CASE WHEN o.amendments > 0 THEN o.id END))"""
"""Which target, with which product, to which audience: who asks for the same again gets the same (orders/audience.py).
What an order was amended to says nothing of those to whom it was shown before: it stands alone."""
_PLACE = f"o.objective, o.market_id, o.account_id, {_SHOWN}"
_COUNTS = f"""
    SELECT {_PLACE}, r.value, sum(r.valid_impressions * w.weight),
           sum((CASE m.action_of_objective ->> o.objective {" ".join(f"WHEN '{a}' THEN r.{a}" for a in ACTIONS)} END)
               * w.weight)
      FROM delivery_hour_rollup r
      JOIN orders_order o ON o.id = r.order_id
      JOIN markets_market m ON m.code = o.market_id
     CROSS JOIN LATERAL (SELECT power(0.5, extract(epoch FROM %(now)s - r.hour) / %(half)s)::float8 AS weight) w
     WHERE r.dimension = 'surface' AND r.hour > %(since)s
     GROUP BY o.id, r.value
"""  # noqa: S608  (names of our own)
_OF_ORDERS = f"SELECT {_PLACE}, o.id FROM orders_order o WHERE o.id = ANY(%s::uuid[])"  # noqa: S608  (names of our own)
_OF_NOW = f"""
    SELECT {_PLACE} FROM orders_order o
     WHERE o.id IN (SELECT id FROM orders_order WHERE status = '{Status.DELIVERING}'
                    UNION ALL SELECT id FROM orders_order WHERE status = '{Status.SCHEDULED}'
                    UNION ALL SELECT order_id FROM orders_review WHERE status = '{ReviewStatus.PENDING}')
"""  # noqa: S608  (names of our own)


class Place(NamedTuple):
    """Where an order stands in the hierarchy of rates."""

    objective: str
    market: str
    account: UUID
    shown: str
    """Which target to which audience."""

    def levels(self, surface: str) -> tuple[str, ...]:
        """Keys from the whole to what is shown there."""
        key, keys = self.objective, [self.objective]
        for part in (self.market, surface, self.account.hex, self.shown):
            key = f"{key}/{part}"
            keys.append(key)
        return tuple(keys)


def learn_rates(*, now: datetime) -> int:
    """Recomputes every rate from discounted counts. What delivers, and what soon may, keeps nodes of its own: a repeat
    that is reviewed knows from its first impression what was learned before it. Returns how many nodes there are."""
    sums: dict[str, list[float]] = defaultdict(lambda: [0.0, 0.0])
    children: dict[str, set[str]] = defaultdict(set)
    of_now: set[str] = set()
    with connection.cursor() as cursor:
        cursor.execute(_OF_NOW)
        places = {Place(*row) for row in cursor.fetchall()}
        cursor.execute(_COUNTS, {"now": now, "half": HALF_LIFE_S, "since": now - MEMORY})
        for *row, surface, impressions, actions in cursor.fetchall():
            place = Place(*row)
            keys = place.levels(surface)
            for key in keys:
                sums[key][0] += float(impressions)
                sums[key][1] += float(actions or 0.0)
            for parent, child in itertools.pairwise(keys):
                children[parent].add(child)
            if place in places:
                of_now.add(keys[-1])
    counts = {key: Count(*pair) for key, pair in sums.items()}
    nodes: dict[str, Rate] = {}
    for objective in {key for key in counts if "/" not in key}:
        _descend(objective, root(objective), PRIOR_STRENGTH, counts, children, nodes)
    kept = {key: rate for key, rate in nodes.items() if key.count("/") < 4 or key in of_now}
    _keep(kept, now)
    return len(kept)


def _descend(
    key: str,
    prior: Rate,
    weight: float,
    counts: dict[str, Count],
    children: dict[str, set[str]],
    nodes: dict[str, Rate],
) -> None:
    """Each child's prior is what this level says without it: else the same impressions would count at every level."""
    whole = counts[key]
    nodes[key] = below(prior, whole, weight)
    bound = strength(nodes[key].mean, [counts[child] for child in children[key]])
    for child in children[key]:
        own = counts[child]
        others = Count(max(0.0, whole.impressions - own.impressions), max(0.0, whole.actions - own.actions))
        _descend(child, below(prior, others, weight), bound, counts, children, nodes)


def _weight(rate: Rate) -> float:
    return rate.alpha + rate.beta


def _keep(nodes: dict[str, Rate], now: datetime) -> None:
    with transaction.atomic():
        bulk.values(
            "INSERT INTO delivery_rate_node (key, alpha, beta, impressions, at) VALUES %s ON CONFLICT (key) DO UPDATE "
            "SET alpha = EXCLUDED.alpha, beta = EXCLUDED.beta, impressions = EXCLUDED.impressions, at = EXCLUDED.at",
            [(key, rate.alpha, rate.beta, rate.impressions, now) for key, rate in sorted(nodes.items())],
        )
        RateNode.objects.filter(at__lt=now).delete()


def rates_of(orders: Sequence[UUID]) -> dict[UUID, tuple[Rate, ...]]:
    """By order, for each of SURFACES, the rate that is known best: that of its target with its audience, else that of
    the level above, up to what we start from."""
    with connection.cursor() as cursor:
        cursor.execute(_OF_ORDERS, [bulk.array(orders)])
        places = {order: Place(*row) for *row, order in cursor.fetchall()}
    paths = {order: [place.levels(surface) for surface in SURFACES] for order, place in places.items()}
    nodes = RateNode.objects.in_bulk({key for mine in paths.values() for path in mine for key in path})
    return {order: tuple(_best(path, nodes) for path in mine) for order, mine in paths.items()}


def _best(path: tuple[str, ...], nodes: dict[str, RateNode]) -> Rate:
    node = next((nodes[key] for key in reversed(path) if key in nodes), None)
    if node is None:
        return root(path[0])
    is_own = node.key == path[-1]
    rate = Rate(node.alpha, node.beta, node.impressions if is_own else 0.0)
    # What is known of others is a prior: worth no more than what their differences allow.
    return rate if is_own else _as_prior(rate)


def _as_prior(rate: Rate) -> Rate:
    weight = min(_weight(rate), PRIOR_STRENGTH)
    return Rate(weight * rate.mean, weight * (1 - rate.mean))


@dataclass(frozen=True, slots=True)
class Prices:
    """Mean price of an impression, in micros, and from how many charges it is known (0: from the reserve alone)."""

    mean_micros: float
    charges: int

    @property
    def known(self) -> bool:
        return self.charges >= KNOWN_FROM_CHARGES


def learn_prices(*, now: datetime) -> int:
    """Sums what impressions have cost lately, by objective and market. Returns how many there are."""
    lately = HourRollup.objects.filter(dimension="all", hour__gt=now - PRICES_FROM, charged_micros__gt=0)
    sums = lately.values_list("order__objective", "order__market").annotate(
        charges=Sum("valid_impressions"), micros=Sum("charged_micros")
    )
    rows = [(f"{objective}/{market}", charges, micros, now) for objective, market, charges, micros in sums]
    with transaction.atomic():
        bulk.values(
            "INSERT INTO delivery_price_node (key, charges, micros, at) VALUES %s ON CONFLICT (key) DO UPDATE "
            "SET charges = EXCLUDED.charges, micros = EXCLUDED.micros, at = EXCLUDED.at",
            sorted(rows),
        )
        PriceNode.objects.filter(at__lt=now).delete()
    return len(rows)


def prices(*, market: Market, objective: str) -> Prices:
    """What impressions for this objective have cost in this market lately, as it was learned last."""
    node = PriceNode.objects.filter(key=f"{objective}/{market.code}").first()
    reserve = float(market.reserve_micros[objective])
    return Prices(max(reserve, node.micros / node.charges), node.charges) if node else Prices(reserve, 0)


def traffic_curve(*, market: Market, now: datetime) -> Curve:
    """When people of this market watch: KuaiRand's week, moved towards the hours that we have seen ourselves."""
    zone = ZoneInfo(market.time_zone)
    offset = now.astimezone(zone).utcoffset()
    offset_s = int(offset.total_seconds()) if offset else 0
    prior = Curve.of(curve.measured(), offset_s)
    this_hour = now.replace(minute=0, second=0, microsecond=0)
    hours = (
        TrafficHour.objects.filter(country=market.code, hour__gt=now - MEMORY, hour__lt=this_hour)
        .values("hour")
        .annotate(total=Sum("slots"))
        .values_list("hour", "total")
    )
    seen: dict[int, tuple[float, int]] = {}
    for hour, total in hours:
        place = prior.hour(hour.timestamp())
        before, times = seen.get(place, (0.0, 0))
        seen[place] = (before + float(total), times + 1)
    return curve.learn(seen, offset_s=offset_s)
