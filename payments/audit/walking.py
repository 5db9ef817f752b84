"""Walks a table by its bigint id, a range at a time, with one statement of SQL for each.

A statement stands in a file, answers one row, and has every value of a check by name: how many rows it saw, and the
first that does not fit, or NULL.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from django.db import connection
from django.db.backends.utils import CursorWrapper

from payments.audit import Chunk

SQL = Path(__file__).parent / "sql"
CHUNK = 20_000


def walk(table: str, name: str, *, size: int = CHUNK, **values: int) -> Iterator[Chunk]:
    """Runs sql/`name`.sql on the ids from %(low)s to %(high)s, range by range."""
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT min(id), max(id) FROM {table}")  # noqa: S608  (names written in this package)
        lowest, highest = cursor.fetchone()
        if lowest is None:
            return
        for low in range(lowest, highest + 1, size):
            yield _look(cursor, name, {"low": low, "high": low + size - 1, **values})


def all_at_once(name: str, **values: Any) -> Iterator[Chunk]:
    """Runs sql/`name`.sql once: for what is small."""
    with connection.cursor() as cursor:
        yield _look(cursor, name, values)


def _look(cursor: CursorWrapper, name: str, values: dict[str, Any]) -> Chunk:
    cursor.execute((SQL / f"{name}.sql").read_text(), values)
    seen, wrong = cursor.fetchone()
    return Chunk(seen, wrong)
