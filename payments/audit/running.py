"""Runs every check in one snapshot of the database."""

from collections.abc import Collection, Iterator
from contextlib import contextmanager
from functools import partial

from django.db import connection, transaction

from payments import audit
from payments.audit import Progress, Report


def run(*, names: Collection[str] | None = None, progress: Progress = lambda _name, _seen: None) -> Report:
    """The report of all checks, or of those named. Writes nothing; what commits meanwhile is left to the next one."""
    with _one_snapshot():
        with connection.cursor() as cursor:
            cursor.execute("SELECT count(*) FROM payments_transfer")
            transfers = int(cursor.fetchone()[0])
        findings = {}
        for name, check in audit.checks().items():
            if names is None or name in names:
                findings[name] = audit.run_check(check, progress=partial(progress, name))
        return Report(transfers=transfers, checks=findings)


@contextmanager
def _one_snapshot() -> Iterator[None]:
    """Repeatable read; within a caller's transaction, whatever that one sees."""
    if connection.in_atomic_block:
        yield
        return
    with transaction.atomic():
        with connection.cursor() as cursor:
            cursor.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
        yield
