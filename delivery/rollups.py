"""Sums of events by minute, and by hour and dimension: kept in the drain's transaction, from the new rows only."""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from delivery import bulk
from delivery.engine.vocabulary import ACTIONS, AGE_BANDS, EVENT_TYPES, GENDERS, SURFACES
from delivery.models import COUNTS
from delivery.storage import IMPRESSION_CODE, Row

Counted = list[int]
_ACTION_PLACE = {EVENT_TYPES.index(name): COUNTS.index(name) for name in ACTIONS}
_SET = ", ".join(f"{name} = r.{name} + EXCLUDED.{name}" for name in COUNTS)
_MINUTE = f"""
    INSERT INTO delivery_minute_rollup AS r (order_id, minute, {", ".join(COUNTS)}) VALUES %s
    ON CONFLICT (order_id, minute) DO UPDATE SET {_SET}
"""  # noqa: S608  (names of our own)
_HOUR = f"""
    INSERT INTO delivery_hour_rollup AS r (order_id, hour, dimension, value, {", ".join(COUNTS)}) VALUES %s
    ON CONFLICT (order_id, hour, dimension, value) DO UPDATE SET {_SET}
"""  # noqa: S608  (names of our own)


def add(rows: Sequence[Row]) -> None:
    """Adds rows that were stored just now. `charged` of each is final."""
    if not rows:
        return
    minutes: dict[tuple[UUID, datetime], Counted] = defaultdict(_nothing)
    hours: dict[tuple[UUID, datetime, str, str], Counted] = defaultdict(_nothing)
    for row in rows:
        minute = row.at.replace(second=0, microsecond=0)
        _count(minutes[row.order, minute], row)
        for dimension, value in _values(row):
            _count(hours[row.order, minute.replace(minute=0), dimension, value], row)
    _write(_MINUTE, minutes)
    _write(_HOUR, hours)


def _values(row: Row) -> Iterator[tuple[str, str]]:
    yield "all", ""
    yield "country", row.country
    yield "age", AGE_BANDS[row.age_band]
    yield "gender", GENDERS[row.gender] if row.gender < len(GENDERS) else ""
    yield "surface", SURFACES[row.surface]


def _count(counts: Counted, row: Row) -> None:
    if row.type == IMPRESSION_CODE:
        counts[0] += 1
        counts[1] += row.valid
        counts[2] += row.price_micros if row.charged else 0
    elif row.valid:
        counts[_ACTION_PLACE[row.type]] += 1


def _nothing() -> Counted:
    return [0] * len(COUNTS)


def _write(statement: str, sums: dict[Any, Counted]) -> None:
    bulk.values(statement, [(*key, *sums[key]) for key in sorted(sums)])
