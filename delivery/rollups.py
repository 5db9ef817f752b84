"""Sums of events by minute, and by hour and dimension: kept in the drain's transaction, from the new rows only."""

import io
from collections.abc import Iterator, Sequence

import numpy as np
from django.db import connection

from delivery import binary, storage
from delivery.batch import IMPRESSION_CODE, Batch, Ints
from delivery.binary import Fixed, Worded
from delivery.engine.vocabulary import AGE_BANDS, EVENT_TYPES, GENDERS, IMPRESSION, SURFACES
from delivery.models import COUNTS

_PLACE_OF_TYPE = np.array([COUNTS.index("impressions" if name == IMPRESSION else name) for name in EVENT_TYPES])
_NAMES = ", ".join(COUNTS)
_SET = ", ".join(f"{name} = r.{name} + EXCLUDED.{name}" for name in COUNTS)
# Named after its form: a connection that a pooler gives us may have one of an earlier release.
_STAGE = f"""
    CREATE TEMP TABLE IF NOT EXISTS delivery_summed_1
        (order_id uuid, at timestamptz, dimension text, value text, {", ".join(f"{name} bigint" for name in COUNTS)})
        ON COMMIT DELETE ROWS
"""
_COPY = f"COPY pg_temp.delivery_summed_1 (order_id, at, dimension, value, {_NAMES}) FROM STDIN (FORMAT binary)"
_ADD = f"""
    INSERT INTO delivery_minute_rollup AS r (order_id, minute, {_NAMES})
    SELECT order_id, at, {_NAMES} FROM pg_temp.delivery_summed_1 WHERE dimension = ''
    ON CONFLICT (order_id, minute) DO UPDATE SET {_SET};
    INSERT INTO delivery_hour_rollup AS r (order_id, hour, dimension, value, {_NAMES})
    SELECT order_id, at, dimension, value, {_NAMES} FROM pg_temp.delivery_summed_1 WHERE dimension <> ''
    ON CONFLICT (order_id, hour, dimension, value) DO UPDATE SET {_SET};
    DELETE FROM pg_temp.delivery_summed_1
"""  # noqa: S608  (names of our own)


def add(batch: Batch) -> None:
    """Adds events that were stored just now. What each came to is final. An order's rows are its shard's drain's."""
    if not len(batch):
        return
    counts = _counts(batch)
    minute, hour = batch.at_ms // 60_000, batch.at_ms // 3_600_000
    parts = [_summed(batch, "", [""], np.zeros(len(batch), np.int64), minute, 60_000, counts)]
    for dimension, names, places in _dimensions(batch):
        parts.append(_summed(batch, dimension, names, places, hour, 3_600_000, counts))
    with connection.cursor() as cursor, connection.wrap_database_errors:
        cursor.execute(_STAGE)
        for columns, count in parts:
            cursor.copy_expert(_COPY, io.BytesIO(binary.rows(columns, count)))
        cursor.execute(_ADD)


def _counts(batch: Batch) -> Ints:
    """By event: what it adds to each of COUNTS."""
    counts = np.zeros((len(batch), len(COUNTS)), np.int64)
    shown, valid = batch.type == IMPRESSION_CODE, batch.valid
    counts[:, 0], counts[:, 1], counts[:, 2] = shown, shown & valid, batch.price * batch.charged
    acted = np.nonzero(~shown & valid)[0]
    counts[acted, _PLACE_OF_TYPE[batch.type[acted]]] = 1
    return counts


def _dimensions(batch: Batch) -> Iterator[tuple[str, Sequence[str], Ints]]:
    """A dimension, its values, and which of them each event has."""
    token = batch.token
    countries, country = np.unique(token["country"], return_inverse=True)
    genders = np.minimum(token["gender"], len(GENDERS)).astype(np.int64)
    yield "all", [""], np.zeros(len(batch), np.int64)
    yield "country", [code.decode("ascii") for code in countries.tolist()], country.astype(np.int64)
    yield "age", AGE_BANDS, token["age_band"].astype(np.int64)
    yield "gender", [*GENDERS, ""], genders
    yield "surface", SURFACES, token["surface"].astype(np.int64)


def _summed(
    batch: Batch, dimension: str, names: Sequence[str], places: Ints, step: Ints, step_ms: int, counts: Ints
) -> tuple[list[Fixed | Worded], int]:
    """By order, time and value: the sums of `counts`, as columns; and how many there are."""
    first = step.min()
    spans = int(step.max() - first) + 1
    codes, inverse = np.unique((batch.order * spans + step - first) * len(names) + places, return_inverse=True)
    sums = np.zeros((len(codes), counts.shape[1]), np.int64)
    np.add.at(sums, inverse, counts)
    places_of, steps = codes % len(names), codes // len(names)
    orders = np.array([np.void(order.bytes) for order in batch.orders])
    columns: list[Fixed | Worded] = [
        Fixed("V16", orders[steps // spans]),
        Fixed(">i8", storage.timestamps((steps % spans + first) * step_ms)),
        Worded([dimension], np.zeros(len(codes), np.int64)),
        Worded(names, places_of),
        *(Fixed(">i8", sums[:, place]) for place in range(len(COUNTS))),
    ]
    return columns, len(codes)
