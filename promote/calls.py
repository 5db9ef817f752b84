"""A call of one of the database's functions, for what is done thousands of times a second.

What Django puts around a cursor takes as long as psycopg2's own call; here it is left out, but for what matters: the
connection is Django's, in whatever transaction it is, and so are the errors.
"""

from collections.abc import Sequence
from typing import Any

from django.db import connection


def answer(statement: str, asked: Sequence[Any]) -> Any:
    """The one value of the one row that the statement answers. Raises Django's DatabaseError."""
    connection.ensure_connection()
    connection.validate_no_broken_transaction()
    with connection.wrap_database_errors, connection.connection.cursor() as cursor:
        cursor.execute(statement, asked)
        (value,) = cursor.fetchone()
    return value
