"""Rows in the form that PostgreSQL's binary COPY takes, made column by column.

Rows that have the same columns empty, and the same words, have the same width: each such kind is one NumPy array, and
its bytes are its rows. Source: PostgreSQL's documentation of COPY, "Binary Format".
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

_HEAD = b"PGCOPY\n\xff\r\n\0" + bytes(8)
_END = b"\xff\xff"
_NULL = -1


@dataclass(frozen=True, slots=True)
class Fixed:
    """Values of one width, in network order (`>i8`, `V16`…); `empty` marks those that are NULL."""

    form: str
    values: NDArray[Any]
    empty: NDArray[np.bool_] | None = None


@dataclass(frozen=True, slots=True)
class Worded:
    """Text: for each row the place of its word."""

    words: Sequence[str]
    places: NDArray[np.int64]


def rows(columns: Sequence[Fixed | Worded], count: int) -> bytes:
    kinds = np.zeros(count, np.int64)
    for column in columns:
        if isinstance(column, Worded):
            kinds = kinds * len(column.words) + column.places
        elif column.empty is not None:
            kinds = kinds * 2 + column.empty
    order = np.argsort(kinds, kind="stable")
    parts = np.split(order, np.nonzero(np.diff(kinds[order]))[0] + 1) if count else []
    return b"".join([_HEAD, *(_alike(columns, part) for part in parts), _END])


def _alike(columns: Sequence[Fixed | Worded], at: NDArray[np.int64]) -> bytes:
    form: list[tuple[str, str]] = [("count", ">i2")]
    fills: list[tuple[str, Any]] = [("count", len(columns))]
    for number, column in enumerate(columns):
        form.append((f"size{number}", ">i4"))
        width, values = _field(column, at)
        if values is None:
            fills.append((f"size{number}", _NULL))
            continue
        fills.append((f"size{number}", np.dtype(width).itemsize if width else 0))
        if width:
            form.append((f"value{number}", width))
            fills.append((f"value{number}", values))
    table = np.empty(len(at), np.dtype(form))
    for name, value in fills:
        table[name] = value
    return table.tobytes()


def _field(column: Fixed | Worded, at: NDArray[np.int64]) -> tuple[str, Any]:
    """Its form in this kind of row, and its values: None for NULL."""
    if isinstance(column, Worded):
        word = column.words[int(column.places[at[0]])].encode()
        return (f"V{len(word)}", np.void(word)) if word else ("", b"")
    if column.empty is not None and column.empty[at[0]]:
        return column.form, None
    return column.form, column.values[at]
