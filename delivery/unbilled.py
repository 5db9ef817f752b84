"""What is not billed, by order, hour and reason: kept with the events, and for longer than they are.

The drain adds what it stored. The edges count what they refused (a replayed or expired token, one of another order):
they tell Redis once a second, and the worker copies that here.
"""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import cast
from uuid import UUID

import numpy as np

from delivery import bulk, hot
from delivery.batch import IMPRESSION_CODE, REASONS, Batch
from delivery.hot import Call, Client

KEPT_FOR_S = 3 * 3600
_HOUR_MS = 3_600_000
_AT_ONCE = 200
_ADD = """
    INSERT INTO delivery_unbilled_hour AS u (order_id, hour, reason, impressions, actions, price_micros) VALUES %s
    ON CONFLICT (order_id, hour, reason) DO UPDATE SET """
Refused = Mapping[tuple[UUID, str], int]


def add(batch: Batch) -> None:
    """Adds events that were stored just now."""
    rows = np.nonzero(batch.reason)[0]
    sums: dict[tuple[UUID, datetime, str], list[int]] = {}
    for row in rows.tolist():
        hour = datetime.fromtimestamp(int(batch.at_ms[row]) // _HOUR_MS * 3600, UTC)
        one = sums.setdefault((batch.orders[batch.order[row]], hour, REASONS[batch.reason[row]]), [0, 0, 0])
        one[0 if batch.type[row] == IMPRESSION_CODE else 1] += 1
        one[2] += int(batch.price[row])
    bulk.values(
        _ADD + "impressions = u.impressions + EXCLUDED.impressions, "
        "actions = u.actions + EXCLUDED.actions, price_micros = u.price_micros + EXCLUDED.price_micros",
        [(*key, *figures) for key, figures in sorted(sums.items())],
    )


def tell(refused: Refused, *, now: float) -> list[Call]:
    """What an edge refused since it told last: how many, by order and reason, with `:a` behind it for actions."""
    parts = [part for (order, reason), times in refused.items() for part in (f"{order.hex}:{reason}", times)]
    key = _key(datetime.fromtimestamp(now, UTC).replace(minute=0, second=0, microsecond=0))
    most = 2 * _AT_ONCE
    return [
        hot.count(key=key, kept_for_s=KEPT_FOR_S, parts=parts[start : start + most])
        for start in range(0, len(parts), most)
    ]


def keep(*, client: Client, now: datetime) -> int:
    """Copies what the edges refused in this hour and the last. A counter lost with Redis lowers nothing."""
    this_hour = now.astimezone(UTC).replace(minute=0, second=0, microsecond=0)
    sums: dict[tuple[UUID, datetime, str], list[int]] = {}
    for hour in (this_hour - timedelta(hours=1), this_hour):
        for name, times in cast(dict[bytes, bytes], client.hgetall(_key(hour))).items():
            order, reason, *action = name.decode().split(":")
            sums.setdefault((UUID(hex=order), hour, reason), [0, 0])[bool(action)] += int(times)
    bulk.values(
        _ADD + "impressions = greatest(u.impressions, EXCLUDED.impressions), "
        "actions = greatest(u.actions, EXCLUDED.actions)",
        [(*key, *figures, 0) for key, figures in sorted(sums.items())],
    )
    return len(sums)


def _key(hour: datetime) -> str:
    return f"{{refused}}:{int(hour.timestamp())}"
