"""Sums of events by minute, and by hour and dimension: kept in the drain's transaction, from the new rows only."""

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from typing import Any

import numpy as np

from delivery import bulk
from delivery.batch import IMPRESSION_CODE, Batch, Ints
from delivery.engine.vocabulary import AGE_BANDS, EVENT_TYPES, GENDERS, IMPRESSION, SURFACES
from delivery.models import COUNTS

_PLACE_OF_TYPE = np.array([COUNTS.index("impressions" if name == IMPRESSION else name) for name in EVENT_TYPES])
_SET = ", ".join(f"{name} = r.{name} + EXCLUDED.{name}" for name in COUNTS)
_MINUTE = f"""
    INSERT INTO delivery_minute_rollup AS r (order_id, minute, {", ".join(COUNTS)}) VALUES %s
    ON CONFLICT (order_id, minute) DO UPDATE SET {_SET}
"""  # noqa: S608  (names of our own)
_HOUR = f"""
    INSERT INTO delivery_hour_rollup AS r (order_id, hour, dimension, value, {", ".join(COUNTS)}) VALUES %s
    ON CONFLICT (order_id, hour, dimension, value) DO UPDATE SET {_SET}
"""  # noqa: S608  (names of our own)


def add(batch: Batch) -> None:
    """Adds events that were stored just now. What each came to is final."""
    if not len(batch):
        return
    counts = _counts(batch)
    minute, hour = batch.at_ms // 60_000, batch.at_ms // 3_600_000
    _write(_MINUTE, [(*key, *sums) for key, sums in _sums(batch, minute, 60, counts)])
    rows: list[tuple[Any, ...]] = []
    for dimension, names, places in _dimensions(batch):
        for (order, at, place), sums in _sums(batch, hour, 3600, counts, places):
            rows.append((order, at, dimension, names[place], *sums))
    _write(_HOUR, rows)


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


def _sums(batch: Batch, step: Ints, seconds: int, counts: Ints, *more: Ints) -> Iterator[tuple[Any, list[int]]]:
    """By order, time (and place): the sums of `counts`."""
    keys, inverse = np.unique(np.stack([batch.order, step, *more], axis=1), axis=0, return_inverse=True)
    sums = np.zeros((len(keys), counts.shape[1]), np.int64)
    np.add.at(sums, inverse.reshape(-1), counts)
    for (order, at, *place), some in zip(keys.tolist(), sums.tolist(), strict=True):
        yield (batch.orders[order], datetime.fromtimestamp(at * seconds, UTC), *place), some


def _write(statement: str, rows: list[tuple[Any, ...]]) -> None:
    bulk.values(statement, sorted(rows))
