"""Many rows in one statement, by what psycopg2 has for it; its errors told as Django's."""

import io
from collections.abc import Iterable, Sequence
from typing import Any

from django.db import connection
from psycopg2.extras import execute_values


def copy(statement: str, lines: Iterable[str]) -> None:
    """`COPY … FROM STDIN` in the text form."""
    with connection.cursor() as cursor, connection.wrap_database_errors:
        cursor.copy_expert(statement, io.StringIO("".join(lines)))


def values(statement: str, rows: Sequence[tuple[Any, ...]]) -> None:
    """A statement with `VALUES %s`, for all rows."""
    if rows:
        with connection.cursor() as cursor, connection.wrap_database_errors:
            execute_values(cursor.cursor, statement, rows, page_size=500)
