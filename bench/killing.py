"""Work done in a process of its own that is killed outright (SIGKILL) at a numbered point: before its n-th statement.

The points are between the statements that the work sends to PostgreSQL, counted from 1, so that they are whatever the
product's code makes them: nothing in it knows of this.
"""

import os
import signal
from collections.abc import Callable, Iterator
from itertools import count
from typing import Any

from django.db import connection, connections


def points(work: Callable[[], object]) -> Iterator[int]:
    """Runs the work again and again, killed one statement later each time; the point after each death.

    Ends when the work got through: then it is done. Raises RuntimeError where it failed by itself.
    """
    for point in count(1):
        if not dies_at(point, work):
            return
        yield point


def dies_at(point: int, work: Callable[[], object]) -> bool:
    """Whether the work was killed before its statement number `point`; else it had fewer, and is done."""
    connections.close_all()  # a child must not speak on its parent's connection
    child = os.fork()
    if child == 0:
        _live_until(point, work)
    _, status = os.waitpid(child, 0)
    if os.WIFSIGNALED(status):
        return True
    if os.WEXITSTATUS(status):
        raise RuntimeError("the work failed by itself; what it said is above")
    return False


def _live_until(point: int, work: Callable[[], object]) -> None:
    failed = 1
    try:
        with connection.execute_wrapper(_Countdown(point)):
            work()
        failed = 0
    finally:
        os._exit(failed)


class _Countdown:
    def __init__(self, statements: int) -> None:
        self.left = statements

    def __call__(self, execute: Callable[..., Any], sql: str, params: Any, many: bool, context: Any) -> Any:
        self.left -= 1
        if not self.left:
            os.kill(os.getpid(), signal.SIGKILL)
        return execute(sql, params, many, context)
