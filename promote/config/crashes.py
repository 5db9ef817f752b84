"""What a process says when it breaks before its log is there, or outside of it (promote/unforeseen.py).

Python's own way shows what an error says, which may be an address with its password, or a row.
"""

import contextlib
import sys
import threading
from collections.abc import Iterator
from types import TracebackType

from promote import unforeseen


def tell_privately() -> None:
    """From now on, of this process: what nobody catches is told by its kind and place."""
    sys.excepthook = _uncaught
    threading.excepthook = lambda thread: _uncaught(thread.exc_type, thread.exc_value, thread.exc_traceback)


@contextlib.contextmanager
def told_privately(*, is_silent: bool = False) -> Iterator[None]:
    """The same where somebody else would catch it and show it whole; or not at all, since another process tells the
    same. Raises SystemExit."""
    try:
        yield
    except Exception as error:  # noqa: BLE001  (it is told, and the process ends)
        if not is_silent:
            _tell(error)
        sys.exit(1)


def _uncaught(kind: type[BaseException], error: BaseException | None, trace: TracebackType | None) -> None:
    if issubclass(kind, KeyboardInterrupt):
        sys.exit(130)
    if error is not None:
        _tell(error)


def _tell(error: BaseException) -> None:
    print(unforeseen.traced(error), file=sys.stderr, flush=True)
