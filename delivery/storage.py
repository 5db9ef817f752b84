"""Rows of events: one binary COPY into their day's partition. What was told before is asked for only where it was."""

import io
from collections.abc import Sequence
from datetime import UTC, date, datetime
from typing import Any

import numpy as np
from django.db import connection
from numpy.typing import NDArray

from delivery import binary, bulk, seen
from delivery.batch import IMPRESSION_CODE, REASONS, Batch, Ints, Marks
from delivery.binary import Fixed, Worded
from delivery.engine.vocabulary import EVENT_CODES, INTERACTIONS

EPOCH = date(1970, 1, 1)
_THEIR_DAYS = (date(2000, 1, 1) - EPOCH).days
_THEIR_MS = int(datetime(2000, 1, 1, tzinfo=UTC).timestamp()) * 1000
"""PostgreSQL counts from 2000."""
_COLUMNS = (
    "day, token, type, order_id, at, received_at, price_micros, valid, charged, reason, surface, country, age_band, "
    "gender, viewer, slot, visible_ms, visible_share, dwell_ms"
)
_COPY = f"COPY delivery_event ({_COLUMNS}) FROM STDIN (FORMAT binary)"
_INTERACTIONS = np.array([EVENT_CODES[name] for name in INTERACTIONS])
_TOLD = """
    SELECT asked.place FROM unnest(%s::date[], %s::uuid[], %s::smallint[]) WITH ORDINALITY
           AS asked (day, token, type, place)
      JOIN delivery_event e ON (e.day, e.token, e.type) = (asked.day, asked.token, asked.type)
"""
_SPOILT = f"""
    SELECT asked.place, CASE WHEN e.reason = ANY(%s) THEN e.reason ELSE '' END
      FROM unnest(%s::date[], %s::uuid[], %s::bigint[]) WITH ORDINALITY AS asked (day, token, clicked_ms, place)
      JOIN delivery_event e ON (e.day, e.token, e.type) = (asked.day, asked.token, {IMPRESSION_CODE})
     WHERE e.reason = ANY(%s)
        OR (e.at <> e.received_at AND asked.clicked_ms - extract(epoch FROM e.at) * 1000 >= 0
            AND asked.clicked_ms - extract(epoch FROM e.at) * 1000 < %s)
"""  # noqa: S608  (a number of our own)


def insert(batch: Batch) -> None:
    """Raises IntegrityError where one of them is stored already: then none is."""
    with connection.cursor() as cursor, connection.wrap_database_errors:
        cursor.copy_expert(_COPY, io.BytesIO(binary.rows(_columns(batch), len(batch))))


def day_numbers(days: NDArray[Any]) -> Ints:
    """Days since 1970 as PostgreSQL keeps them."""
    numbers: Ints = days.astype(np.int64) - _THEIR_DAYS
    return numbers


def timestamps(ms: Ints) -> Ints:
    """Milliseconds since 1970 as PostgreSQL keeps them: microseconds since 2000."""
    return (ms - _THEIR_MS) * 1000


def first_told(batch: Batch) -> Marks:
    """Marks what is neither stored already nor earlier in the batch."""
    met: set[tuple[bytes, int]] = set()
    fresh: Marks = np.ones(len(batch), bool)
    for at, key in enumerate(zip(_tokens(batch), batch.type.tolist(), strict=True)):
        fresh[at] = key not in met
        met.add(key)
    fresh[_stored(batch, np.arange(len(batch)), batch.type)] = False
    return fresh


def without_impression(batch: Batch, generation: int) -> Marks:
    """Marks actions whose impression nobody told. Redis has seen to that for tokens of this very generation, as long
    as it knows them; of the others only the rows know."""
    late = batch.received_ms > seen.known_until_ms(batch.token["impression_until"].astype(np.int64))
    doubted = (batch.type != IMPRESSION_CODE) & (late | (batch.token["generation"] != generation))
    marks: Marks = doubted.copy()
    if not doubted.any():
        return marks
    told = set()
    for at, token in enumerate(_tokens(batch)):
        if batch.type[at] == IMPRESSION_CODE:
            told.add(token)
        elif token in told:
            marks[at] = False
    left = np.nonzero(marks)[0]
    marks[_stored(batch, left, np.full(len(left), IMPRESSION_CODE))] = False
    return marks


def touched(batch: Batch, at: Ints) -> Marks:
    """Marks those of `at` of whose token an interaction was told, before or in this batch."""
    marks: Marks = np.zeros(len(batch), bool)
    if not len(at):
        return marks
    tokens, done = _tokens(batch), np.nonzero(np.isin(batch.type, _INTERACTIONS))[0]
    here = {tokens[row] for row in done.tolist()}
    marks[[row for row in at.tolist() if tokens[row] in here]] = True
    left = at[~marks[at]]
    marks[_stored(batch, np.repeat(left, len(_INTERACTIONS)), np.tile(_INTERACTIONS, len(left)))] = True
    return marks


def spoilt(batch: Batch, at: Ints, is_click: Marks, *, reasons: Sequence[str], fastest_ms: int) -> dict[int, str]:
    """Those of the actions `at` whose impression is stored with one of these reasons, and that; "" for those of
    `is_click` that followed theirs, at a time of its own, within less than `fastest_ms`."""
    if not len(at):
        return {}
    clicked = np.where(is_click, batch.at_ms[at], -1).tolist()
    places = bulk.array(ms if ms >= 0 else "NULL" for ms in clicked)
    with connection.cursor() as cursor:
        cursor.execute(_SPOILT, [list(reasons), *_keys(batch, at), places, list(reasons), fastest_ms])
        return {int(at[place - 1]): why for place, why in cursor.fetchall()}


def _keys(batch: Batch, at: Ints) -> tuple[str, str]:
    """Days and tokens, as arrays."""
    days = [date.fromordinal(EPOCH.toordinal() + day) for day in batch.token["day"][at].tolist()]
    return bulk.array(days), bulk.array(token.hex() for token in batch.token["id"][at].tolist())


def _stored(batch: Batch, at: Ints, types: Ints) -> Ints:
    """Those of `at` of which the table has an event of the given type."""
    with connection.cursor() as cursor:
        cursor.execute(_TOLD, [*_keys(batch, at), bulk.array(types.tolist())])
        found = [place - 1 for (place,) in cursor.fetchall()]
    return at[found]


def _tokens(batch: Batch) -> list[bytes]:
    found: list[bytes] = batch.token["id"].tolist()
    return found


def _columns(batch: Batch) -> list[Fixed | Worded]:
    token = batch.token
    countries, country = np.unique(token["country"], return_inverse=True)
    return [
        Fixed(">i4", day_numbers(token["day"])),
        Fixed("V16", token["id"]),
        Fixed(">i2", batch.type),
        Fixed("V16", token["order"]),
        Fixed(">i8", timestamps(batch.at_ms)),
        Fixed(">i8", timestamps(batch.received_ms)),
        Fixed(">i8", batch.price),
        Fixed("?", batch.valid),
        Fixed("?", batch.charged),
        Worded(REASONS, batch.reason),
        Fixed(">i2", token["surface"]),
        Worded([code.decode("ascii") for code in countries.tolist()], country.astype(np.int64)),
        Fixed(">i2", token["age_band"]),
        Fixed(">i2", token["gender"]),
        Fixed(">i8", token["viewer"].astype(np.int64)),
        Fixed(">i2", token["slot"]),
        _told(">i8", np.int64, [one.visible_ms for one in batch.told]),
        _told(">f8", np.float64, [one.visible_share for one in batch.told]),
        _told(">i8", np.int64, [one.dwell_ms for one in batch.told]),
    ]


def _told(form: str, kind: Any, values: list[Any]) -> Fixed:
    empty = np.array([value is None for value in values], bool)
    return Fixed(form, np.array([0 if value is None else value for value in values], kind), empty)
