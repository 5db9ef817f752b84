"""How log lines are written: whole, but for what an error says that is not ours (promote/unforeseen.py), and for the
token of a sign-in link, which stands in its address.
"""

import logging
import re
from collections.abc import Mapping
from types import TracebackType
from typing import Any

from promote import unforeseen

FORMAT = "{levelname} {name}: {message}"
_TOKEN = re.compile(r"(/sign-in/)[^/\s]+")
ExcInfo = tuple[type[BaseException], BaseException, TracebackType | None] | tuple[None, None, None]


class PrivateFormatter(logging.Formatter):
    """Of an error it tells its kind and place, also where it stands among a line's words, or is told by Celery."""

    def format(self, record: logging.LogRecord) -> str:
        told = logging.makeLogRecord(record.__dict__)
        told.exc_text = None  # another handler may have kept it as it is
        told.args = self._private(record.args, record)
        return _TOKEN.sub(r"\1…", super().format(told))

    def formatException(self, ei: ExcInfo) -> str:  # noqa: N802  (logging's name)
        return unforeseen.traced(ei[1]) if ei[1] is not None else ""

    def _private(self, args: Any, record: logging.LogRecord) -> Any:
        if isinstance(args, Mapping):
            # Celery tells of a task's failure by texts of its own: the error's, and the whole traceback.
            error = record.exc_info[1] if record.exc_info else None
            of_celery = {"exc": unforeseen.named(error) if error else "", "traceback": ""} if "exc" in args else {}
            return {name: _told(value) for name, value in {**args, **of_celery}.items()}
        return tuple(_told(value) for value in args) if isinstance(args, tuple) else args


def _told(value: Any) -> Any:
    return unforeseen.named(value) if isinstance(value, BaseException) else value
