"""What orders came to, read from the rollups."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, cast
from uuid import UUID

from django.db.models import Sum

from delivery.engine.vocabulary import ACTIONS
from delivery.models import COUNTS, ChargeReturn, Dimension, HourRollup


@dataclass(frozen=True, slots=True)
class Results:
    """Counts; `actions` are the valid ones by type, `charged_micros` what the valid impressions cost."""

    impressions: int = 0
    valid_impressions: int = 0
    charged_micros: int = 0
    actions: dict[str, int] = field(default_factory=lambda: dict.fromkeys(ACTIONS, 0))


def of(order_ids: Iterable[UUID]) -> dict[UUID, Results]:
    """Each order's results so far; zeros for one that nobody saw."""
    asked = list(order_ids)
    rows = HourRollup.objects.filter(order_id__in=asked, dimension=Dimension.ALL).values("order_id").order_by()
    found = {row["order_id"]: _results(row) for row in rows.annotate(**_sums())}
    return {order_id: found.get(order_id, Results()) for order_id in asked}


def spent_micros(counts: Mapping[UUID, Results]) -> dict[UUID, int]:
    """What each order was charged so far, without what was found to be invalid and returned to it while it ran."""
    returned = ChargeReturn.objects.filter(order_id__in=counts, after_settlement=False).values("order_id").order_by()
    back = dict(returned.annotate(micros=Sum("micros")).values_list("order_id", "micros"))
    return {order_id: one.charged_micros - int(back.get(order_id, 0)) for order_id, one in counts.items()}


def by_hour(order_id: UUID) -> dict[datetime, Results]:
    """Results of each hour that had any, in their order."""
    rows = HourRollup.objects.filter(order_id=order_id, dimension=Dimension.ALL).order_by("hour").values()
    return {row["hour"]: _results(cast(dict[str, Any], row)) for row in rows}


def by(order_id: UUID, dimension: Dimension) -> dict[str, Results]:
    """Results by country, age, gender or surface; "" where it is unknown. They add up to the whole."""
    rows = HourRollup.objects.filter(order_id=order_id, dimension=dimension).values("value").order_by("value")
    return {row["value"]: _results(row) for row in rows.annotate(**_sums())}


def _sums() -> dict[str, Sum]:
    return {name: Sum(name) for name in COUNTS}


def _results(row: dict[str, Any]) -> Results:
    return Results(
        impressions=int(row["impressions"]),
        valid_impressions=int(row["valid_impressions"]),
        charged_micros=int(row["charged_micros"]),
        actions={name: int(row[name]) for name in ACTIONS},
    )
