"""Doing a batch at once, so that a row that can't be done holds up no other."""

from collections.abc import Callable, Sequence
from typing import TypeVar

from django.db import InterfaceError, OperationalError, transaction

Row = TypeVar("Row")

DATABASE_FAILS = (InterfaceError, OperationalError)
"""What is no matter of one row."""


def halved(
    rows: Sequence[Row],
    work: Callable[[Sequence[Row]], None],
    *,
    failed: Callable[[Row, Exception], None],
    passing: tuple[type[Exception], ...] = DATABASE_FAILS,
) -> int:
    """Does `work` on all rows in one transaction (or savepoint). Where that fails, on each half of them, down to the
    one row that fails alone, of which `failed` hears. How many were done. `passing` are errors that go to the caller.
    """
    if not rows:
        return 0
    try:
        with transaction.atomic():
            work(rows)
    except passing:
        raise
    except Exception as error:  # noqa: BLE001  (whatever it is, the others go on)
        if len(rows) == 1:
            failed(rows[0], error)
            return 0
    else:
        return len(rows)
    middle = len(rows) // 2
    return sum(halved(half, work, failed=failed, passing=passing) for half in (rows[:middle], rows[middle:]))
