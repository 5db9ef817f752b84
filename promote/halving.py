"""Doing a batch at once, so that a row that can't be done holds up no other."""

from collections.abc import Callable, Sequence
from typing import TypeVar

from django.db import InterfaceError, OperationalError, transaction

Row = TypeVar("Row")

_OF_THE_DATABASE = ("08", "40", "53", "57", "58")
"""SQLSTATE's classes: the connection, a lost race, no room, an operator, the system. No code: the connection broke."""
_LOCK_TIMEOUT = "55P03"


def of_the_database(error: Exception) -> bool:
    """Whether the database failed, which is no matter of one row: it passes, and all rows stay due.

    What a trigger of ours refuses (55000) is an OperationalError too, for psycopg2, and a matter of its row.
    """
    if isinstance(error, InterfaceError):
        return True
    if not isinstance(error, OperationalError):
        return False
    code = sqlstate(error)
    return not code or code[:2] in _OF_THE_DATABASE or code == _LOCK_TIMEOUT


def sqlstate(error: Exception) -> str:
    """PostgreSQL's own code of what Django raises; "" where it gave none."""
    return getattr(error.__cause__, "pgcode", None) or ""


def halved(
    rows: Sequence[Row],
    work: Callable[[Sequence[Row]], None],
    *,
    failed: Callable[[Row, Exception], None],
    passing: Callable[[Exception], bool] = of_the_database,
) -> int:
    """Does `work` on all rows in one transaction (or savepoint). Where that fails, on each half of them, down to the
    one row that fails alone, of which `failed` hears. How many were done. Errors that are `passing` go to the caller.
    """
    if not rows:
        return 0
    try:
        with transaction.atomic():
            work(rows)
    except Exception as error:  # whatever it is, the others go on
        if passing(error):
            raise
        if len(rows) == 1:
            failed(rows[0], error)
            return 0
    else:
        return len(rows)
    middle = len(rows) // 2
    return sum(halved(half, work, failed=failed, passing=passing) for half in (rows[:middle], rows[middle:]))
