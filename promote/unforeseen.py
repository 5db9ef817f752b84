"""Errors that nobody foresaw, told without what they quote: a log, and what staff reads, hold no secret, token or name.

What an error says is somebody else's: a provider's answer, a row that PostgreSQL shows in its DETAIL, a text that could
not be parsed. Its kind, the place in the code and PostgreSQL's own names (the code, the constraint, the table) say
enough to find it. The house's own errors are written by us, of ids and codes (said.py), and are told whole.
Source: issue of methods ("logs carry no secret, token or full name").
"""

import traceback
from collections.abc import Iterator

from django.core.exceptions import ImproperlyConfigured

HOUSE = ("promote.", "payments.", "orders.", "delivery.", "coupons.", "analytics.")
_NAMES_OF_POSTGRESQL = ("schema_name", "table_name", "column_name", "constraint_name")


class Misconfigured(ImproperlyConfigured):
    """What is missing in the environment of a process, or wrong there, in our words: its variables by their names."""


def named(error: BaseException) -> str:
    """One line: what kind of error it is, and what of its own words is known to be safe."""
    kind = type(error)
    if kind.__module__.startswith(HOUSE):
        return f"{kind.__name__}: {error}" if str(error) else kind.__name__
    found = _of_postgresql(error) or _of_postgresql(error.__cause__) or _of_the_system(error)
    name = kind.__name__ if kind.__module__ == "builtins" else f"{kind.__module__}.{kind.__name__}"
    return f"{name} ({found})" if found else name


def traced(error: BaseException) -> str:
    """As a traceback reads, of the error and of those that led to it; each with its place in the code and its kind."""
    return "\n".join(line for one in _chain(error) for line in one)


def _chain(error: BaseException, seen: frozenset[int] = frozenset()) -> Iterator[list[str]]:
    before = error.__cause__ or (None if error.__suppress_context__ else error.__context__)
    if before is not None and id(before) not in seen:
        yield from _chain(before, seen | {id(error)})
        yield ["", "… which led to:", ""]
    frames = traceback.StackSummary.extract(traceback.walk_tb(error.__traceback__), limit=100)
    yield ["Traceback (most recent call last):", *"".join(frames.format()).splitlines(), named(error)]
    if isinstance(error, BaseExceptionGroup):
        for one in error.exceptions:
            yield from _chain(one, seen | {id(error)})


def _of_postgresql(error: BaseException | None) -> str:
    """Its code, and the names of what it is about: not its message nor its DETAIL, which show the row."""
    code, diag = getattr(error, "pgcode", None), getattr(error, "diag", None)
    if not code:
        return ""
    about = [f"{name.partition('_')[0]} {found}" for name in _NAMES_OF_POSTGRESQL if (found := getattr(diag, name, ""))]
    return ", ".join([code, *about])


def _of_the_system(error: BaseException) -> str:
    """The system's own words for its number: no path, no address."""
    number = getattr(error, "errno", None)
    return f"{number} {error.strerror}" if isinstance(error, OSError) and number and error.strerror else ""
