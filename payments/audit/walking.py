"""Walks a table by its id, a range at a time, with one statement of SQL for each.

A statement answers one row, and has every value of a check by name: how many rows it saw, and the first that does not
fit, or NULL. Ranges are looked at on several lanes at once, connections that see one snapshot;
answers come in their order, and only a few are under way, so that memory does not grow with the table.
"""

from collections import deque
from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from itertools import pairwise
from pathlib import Path
from queue import SimpleQueue
from typing import Any
from uuid import UUID

from django.db import connection

from payments.audit import Chunk

SQL = Path(__file__).parent / "sql"
CHUNK = 20_000
MEMORY = "32MB"
"""What a lane may use for a sort or a table of hashes, before it goes by way of the disk: a block's rows take 6 MB."""
_LEAST, _MOST = UUID(int=0), UUID(int=2**128 - 1)
Answer = tuple[int, str | None]

_lanes: list[Any] = []


def walk(table: str, name: str, *, key: str = "id", size: int = CHUNK, **values: int) -> Iterator[Chunk]:
    """Runs sql/`name`.sql on the keys from %(low)s to %(high)s, range by range."""
    yield from walk_ids(table, text_of(name), key=key, size=size, **values)


def walk_ids(table: str, statement: str, *, key: str = "id", size: int = CHUNK, **values: int) -> Iterator[Chunk]:
    """As `walk`, with the statement itself."""
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT min({key}), max({key}) FROM {table}")  # noqa: S608  (names written in this package)
        lowest, highest = cursor.fetchone()
    if lowest is None:
        return
    ranges = range(lowest, highest + 1, size)
    yield from look(statement, [{"low": low, "high": low + size - 1, **values} for low in ranges])


def walk_uuids(table: str, statement: str, *, size: int = CHUNK, **values: int) -> Iterator[Chunk]:
    """Runs a statement on the ids above %(after)s and up to %(up_to)s, so many of the table's rows at a time."""
    numbered = f"SELECT id, row_number() OVER (ORDER BY id) AS number FROM {table}"  # noqa: S608  (as above)
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT id FROM ({numbered}) row WHERE number %% %s = 0 ORDER BY id", [size])  # noqa: S608
        bounds = [_LEAST, *(id_ for (id_,) in cursor.fetchall()), _MOST]
    yield from look(statement, [{"after": after, "up_to": up_to, **values} for after, up_to in pairwise(bounds)])


def all_at_once(name: str, **values: Any) -> Iterator[Chunk]:
    """Runs sql/`name`.sql once: for what is small."""
    yield from each(name, [values])


def each(name: str, asked: Sequence[Mapping[str, Any]]) -> Iterator[Chunk]:
    """Runs sql/`name`.sql once for each of these values; a chunk for each, in their order."""
    yield from look(text_of(name), asked)


def text_of(name: str) -> str:
    return (SQL / f"{name}.sql").read_text()


def look(statement: str, asked: Sequence[Mapping[str, Any]]) -> Iterator[Chunk]:
    """Runs a statement once for each of these values; a chunk for each, in their order."""
    answers = _on_lanes(statement, asked) if _lanes else _one_by_one(statement, asked)
    for number, (seen, wrong) in enumerate(answers, 1):
        yield Chunk(seen, wrong, number / len(asked))


@contextmanager
def lanes(count: int) -> Iterator[None]:
    """So many more connections, which see what this transaction sees, until the block is left."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_export_snapshot()")
        snapshot = cursor.fetchone()[0]
    try:
        for _ in range(count):
            lane = connection.get_new_connection(connection.get_connection_params())
            _lanes.append(lane)
            with lane.cursor() as cursor:
                cursor.execute("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY")
                cursor.execute("SET TRANSACTION SNAPSHOT %s", [snapshot])
                cursor.execute("SET LOCAL work_mem = %s", [MEMORY])
        yield
    finally:
        while _lanes:
            _lanes.pop().close()


def _one_by_one(statement: str, asked: Iterable[Mapping[str, Any]]) -> Iterator[Answer]:
    for values in asked:
        with connection.cursor() as cursor:
            cursor.execute(statement, values)
            yield cursor.fetchone()


def _on_lanes(statement: str, asked: Iterable[Mapping[str, Any]]) -> Iterator[Answer]:
    free: SimpleQueue[Any] = SimpleQueue()
    for lane in _lanes:
        free.put(lane)
    under_way: deque[Future[Answer]] = deque()
    with ThreadPoolExecutor(len(_lanes)) as pool:
        try:
            for values in asked:
                under_way.append(pool.submit(_look, free, statement, values))
                if len(under_way) > 2 * len(_lanes):
                    yield under_way.popleft().result()
            while under_way:
                yield under_way.popleft().result()
        finally:
            for future in under_way:
                future.cancel()


def _look(free: "SimpleQueue[Any]", statement: str, values: Mapping[str, Any]) -> Answer:
    lane = free.get()
    try:
        with lane.cursor() as cursor:
            cursor.execute(statement, values)
            answer: Answer = cursor.fetchone()
            return answer
    finally:
        free.put(lane)
