"""What is not billed, by order, hour and reason: kept with the events, and for longer than they are.

The drain adds what it stored. The edges count what they refused (a replayed or expired token, one of another order, an
action before its impression): they tell Redis once a second, and the worker copies that here. A reason is the drain's
or the edges', never both's: one adds, the others' counter is copied. What is of no order that we
know (a token that is not ours, a type that we do not have) has none.
"""

from collections import Counter
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import NamedTuple, cast
from uuid import UUID

import numpy as np
from django.db.models import Sum

from delivery import bulk, hot
from delivery.batch import IMPRESSION_CODE, REASONS, Batch
from delivery.hot import Call, Client
from delivery.models import Dimension, HourRollup, UnbilledHour

KEPT_FOR_S = 3 * 3600
_HOUR_MS = 3_600_000
_AT_ONCE = 200
FREE = ("over_delivery", "order_closed", "token_expired")
"""Why an impression is free that a person saw."""
_ADD = """
    INSERT INTO delivery_unbilled_hour AS u (order_id, hour, reason, impressions, actions, price_micros) VALUES %s
    ON CONFLICT (order_id, hour, reason) DO UPDATE SET """
Counted = tuple[UUID | None, str]
"""An order and why, with `:a` behind it for an action."""
Key = tuple[UUID | None, datetime, str]


class Free(NamedTuple):
    """Impressions that nobody paid for though they were looks of people, by reason; `share` of all impressions."""

    over_delivery: int
    order_closed: int
    token_expired: int
    share: float

    @property
    def percent(self) -> str:
        return f"{self.share:.2%}"


def add(batch: Batch) -> None:
    """Adds events that were stored just now."""
    rows = np.nonzero(batch.reason)[0]
    sums: dict[Key, list[int]] = {}
    for row in rows.tolist():
        hour = datetime.fromtimestamp(int(batch.at_ms[row]) // _HOUR_MS * 3600, UTC)
        one = sums.setdefault((batch.orders[batch.order[row]], hour, REASONS[batch.reason[row]]), [0, 0, 0])
        one[0 if batch.type[row] == IMPRESSION_CODE else 1] += 1
        one[2] += int(batch.price[row])
    bulk.values(
        _ADD + "impressions = u.impressions + EXCLUDED.impressions, "
        "actions = u.actions + EXCLUDED.actions, price_micros = u.price_micros + EXCLUDED.price_micros",
        [(*key, *figures) for key, figures in sorted(sums.items(), key=_locked)],
    )


def counted(*, order: UUID | None, reason: str, is_action: bool) -> Counted:
    return order, reason + (":a" if is_action else "")


def replayed(batch: Batch) -> Counter[Counted]:
    """Of what was stored before, and so isn't again: as the edges count it where Redis knows."""
    return Counter(
        counted(order=batch.orders[order], reason="replayed", is_action=type_ != IMPRESSION_CODE)
        for order, type_ in zip(batch.order.tolist(), batch.type.tolist(), strict=True)
    )


def tell(refused: Mapping[Counted, int], *, now: float) -> list[Call]:
    """What was refused since it was told last: how many of each."""
    parts = [
        part for (order, reason), times in refused.items() for part in (f"{order.hex if order else ''}:{reason}", times)
    ]
    key = _key(datetime.fromtimestamp(now, UTC).replace(minute=0, second=0, microsecond=0))
    most = 2 * _AT_ONCE
    return [
        hot.count(key=key, kept_for_s=KEPT_FOR_S, parts=parts[start : start + most])
        for start in range(0, len(parts), most)
    ]


def keep(*, client: Client, now: datetime) -> int:
    """Copies what the edges refused in this hour and the last. A counter lost with Redis lowers nothing."""
    this_hour = now.astimezone(UTC).replace(minute=0, second=0, microsecond=0)
    sums: dict[Key, list[int]] = {}
    for hour in (this_hour - timedelta(hours=1), this_hour):
        for name, times in cast(dict[bytes, bytes], client.hgetall(_key(hour))).items():
            order, reason, *action = name.decode().split(":")
            key = UUID(hex=order) if order else None, hour, reason
            sums.setdefault(key, [0, 0])[bool(action)] += int(times)
    bulk.values(
        _ADD + "impressions = greatest(u.impressions, EXCLUDED.impressions), "
        "actions = greatest(u.actions, EXCLUDED.actions)",
        [(*key, *figures, 0) for key, figures in sorted(sums.items(), key=_locked)],
    )
    return len(sums)


def free(*, since: datetime) -> Free:
    """Of all impressions that happened from then on (by whole hours)."""
    hours = UnbilledHour.objects.filter(hour__gte=since, reason__in=FREE)
    found = dict(hours.values("reason").annotate(all=Sum("impressions")).values_list("reason", "all"))
    stored = HourRollup.objects.filter(hour__gte=since, dimension=Dimension.ALL).aggregate(all=Sum("impressions"))
    times = over_delivery, order_closed, token_expired = [found.get(reason, 0) for reason in FREE]
    # An expired one was refused: it stands in no rollup.
    everything = (stored["all"] or 0) + token_expired
    return Free(over_delivery, order_closed, token_expired, sum(times) / max(1, everything))


def _locked(one: tuple[Key, list[int]]) -> tuple[str, datetime, str]:
    """In the same order by all, so that none waits for another in a circle."""
    order, hour, reason = one[0]
    return (order.hex if order else "", hour, reason)


def _key(hour: datetime) -> str:
    return f"{{refused}}:{int(hour.timestamp())}"
