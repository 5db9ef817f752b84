"""Rows of events: COPY into a staging table, then one insert that keeps the first of each (day, token, type)."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Any
from uuid import UUID

from django.db import connection

from delivery import bulk, judging
from delivery.engine.tokens import Token
from delivery.engine.vocabulary import EVENT_CODES, IMPRESSION
from delivery.entries import Told

IMPRESSION_CODE = EVENT_CODES[IMPRESSION]
COLUMNS = (
    "day, token, type, order_id, at, received_at, price_micros, valid, charged, reason, surface, country, age_band, "
    "gender, viewer, slot, visible_ms, visible_share, dwell_ms"
)
# Named after its form: a connection that a pooler gives us may have one of an earlier release.
_STAGE = """
    CREATE TEMP TABLE IF NOT EXISTS delivery_staged_1
        (place int, unproven boolean, LIKE delivery_event) ON COMMIT DELETE ROWS;
    TRUNCATE pg_temp.delivery_staged_1
"""
_COPY = f"COPY pg_temp.delivery_staged_1 (place, unproven, {COLUMNS}) FROM STDIN"
# An action whose token is of a lost generation: whether its impression was told, only the rows know.
_PROVE = """
    UPDATE pg_temp.delivery_staged_1 s SET valid = false, reason = 'no_impression'
     WHERE s.unproven AND s.valid
       AND NOT EXISTS (SELECT FROM delivery_event e WHERE e.day = s.day AND e.token = s.token AND e.type = 0)
       AND NOT EXISTS (SELECT FROM pg_temp.delivery_staged_1 i
                        WHERE i.day = s.day AND i.token = s.token AND i.type = 0 AND i.place < s.place)
     RETURNING s.place
"""
_INSERT = f"""
    WITH new AS (
        INSERT INTO delivery_event ({COLUMNS})
        SELECT {COLUMNS} FROM pg_temp.delivery_staged_1 ORDER BY place
        ON CONFLICT DO NOTHING RETURNING day, token, type
    ) SELECT min(s.place) FROM new JOIN pg_temp.delivery_staged_1 s USING (day, token, type) GROUP BY day, token, type
"""  # noqa: S608  (names of our own)
_UNCHARGE = """
    UPDATE delivery_event e SET charged = false, reason = u.reason
      FROM unnest(%s::date[], %s::uuid[], %s::text[]) AS u (day, token, reason)
     WHERE e.day = u.day AND e.token = u.token AND e.type = 0
"""


@dataclass(slots=True)
class Row:
    """An event to store. `place`: where it stands in its batch. `charged`: it is to be paid for."""

    place: int
    unproven: bool
    day: date
    token: UUID
    type: int
    order: UUID
    at: datetime
    received_at: datetime
    price_micros: int
    valid: bool
    charged: bool
    reason: str
    surface: int
    country: str
    age_band: int
    gender: int
    viewer: int
    slot: int
    visible_ms: int | None
    visible_share: float | None
    dwell_ms: int | None


def row(place: int, day: date, told: Told, token: Token, *, owner: frozenset[int]) -> Row:
    """An event, judged. It happened when it was told to have, but never outside its decision and its arrival."""
    why = judging.reason(told, token, owner=owner)
    is_impression = told.type == IMPRESSION_CODE
    at_ms = min(max(told.at_ms, token.decided_at * 1000), told.received_ms)
    return Row(
        place=place,
        unproven=not is_impression,
        day=day,
        token=token.id,
        type=told.type,
        order=token.order,
        at=datetime.fromtimestamp(at_ms / 1000, UTC),
        received_at=datetime.fromtimestamp(told.received_ms / 1000, UTC),
        price_micros=token.price_micros if is_impression else 0,
        valid=not why,
        charged=is_impression and not why,
        reason=why,
        surface=token.surface,
        country=token.country,
        age_band=token.age_band,
        gender=token.gender,
        viewer=token.viewer,
        slot=token.slot,
        visible_ms=told.visible_ms,
        visible_share=told.visible_share,
        dwell_ms=told.dwell_ms,
    )


def insert(rows: Sequence[Row]) -> list[Row]:
    """Stores what is new. Returns those rows, in the order of the batch; the others had been told before."""
    if not rows:
        return []
    by_place = {one.place: one for one in rows}
    with connection.cursor() as cursor:
        cursor.execute(_STAGE)
        bulk.copy(_COPY, map(_line, rows))
        cursor.execute(_PROVE)
        for (place,) in cursor.fetchall():
            by_place[place].valid, by_place[place].reason = False, "no_impression"
        cursor.execute(_INSERT)
        return [by_place[place] for (place,) in sorted(cursor.fetchall())]


def leave_uncharged(rows: Sequence[Row]) -> None:
    """Impressions that nobody pays for, with the reason that each row says."""
    if rows:
        with connection.cursor() as cursor:
            cursor.execute(_UNCHARGE, [[r.day for r in rows], [r.token for r in rows], [r.reason for r in rows]])


def _line(row: Row) -> str:
    values = (
        row.place,
        row.unproven,
        row.day,
        row.token,
        row.type,
        row.order,
        row.at,
        row.received_at,
        row.price_micros,
        row.valid,
        row.charged,
        row.reason,
        row.surface,
        row.country,
        row.age_band,
        row.gender,
        row.viewer,
        row.slot,
        row.visible_ms,
        row.visible_share,
        row.dwell_ms,
    )
    return "\t".join(map(_text, values)) + "\n"


def _text(value: Any) -> str:
    """COPY's text form. Nothing of ours holds a tab or a backslash: words of our own, numbers, codes of countries."""
    if value is None:
        return "\\N"
    if isinstance(value, bool):
        return "t" if value else "f"
    return str(value)
