"""Many rows in one statement, by what psycopg2 has for it; its errors told as Django's."""

from collections.abc import Iterable, Sequence
from typing import Any

from django.db import connection
from psycopg2.extras import execute_values


def values(statement: str, rows: Sequence[tuple[Any, ...]]) -> None:
    """A statement with `VALUES %s`, for all rows."""
    if rows:
        with connection.cursor() as cursor, connection.wrap_database_errors:
            execute_values(cursor.cursor, statement, rows, page_size=500)


def array(values: Iterable[Any]) -> str:
    """Numbers or ids as one literal: a list of parameters would be parsed as an expression of a thousand parts."""
    return f"{{{','.join(map(str, values))}}}"
