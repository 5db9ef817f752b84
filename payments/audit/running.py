"""Runs every check in one snapshot of the database."""

from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from functools import partial

from django.db import connection, transaction

from payments import audit
from payments.audit import Check, Finding, Progress, Report
from payments.audit.walking import lanes as open_lanes

_NONE: Mapping[str, Check] = {}


def run(
    *,
    names: Collection[str] | None = None,
    besides: Mapping[str, Check] = _NONE,
    progress: Progress = lambda _name, _seen, _part: None,
    lanes: int = 1,
) -> Report:
    """The report of all checks, or of those named, and of some `besides`. Writes nothing; what commits meanwhile is
    left to the next one. With more than one lane, ranges are looked at on as many connections at once.
    """
    with _one_snapshot(lanes):
        wanted = {name: check for name, check in audit.checks().items() if names is None or name in names}
        findings = {
            name: audit.run_check(check, progress=partial(progress, name))
            for name, check in (wanted | dict(besides)).items()
        }
        return Report(transfers=_transfers(findings), checks=findings)


def _transfers(findings: Mapping[str, Finding]) -> int:
    """How many there are: as many as the check that looks at each has seen, where it came to its end."""
    looked = findings.get("transfers")
    if looked is not None and looked.ok:
        return looked.seen
    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM payments_transfer")
        return int(cursor.fetchone()[0])


@contextmanager
def _one_snapshot(lanes: int) -> Iterator[None]:
    """Repeatable read; within a caller's transaction, whatever that one sees, on its connection alone."""
    if connection.in_atomic_block:
        yield
        return
    with transaction.atomic():
        with connection.cursor() as cursor:
            cursor.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
        if lanes > 1:
            with open_lanes(lanes):
                yield
        else:
            yield
