"""`migrate` as the owner of the schema, then the rights of the application's role, which owns nothing."""

import contextlib
import gc
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management import CommandError
from django.core.management.commands import migrate
from django.db import ProgrammingError, connections, transaction
from django.db.migrations.executor import MigrationExecutor

from promote.halving import sqlstate

GRANTS = """
    REVOKE CREATE ON SCHEMA public FROM PUBLIC;
    GRANT USAGE ON SCHEMA public TO :app;
    GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public TO :app;
    REVOKE INSERT, UPDATE, DELETE ON django_migrations FROM :app;
    GRANT USAGE, SELECT ON ALL SEQUENCES IN SCHEMA public TO :app;
    GRANT EXECUTE ON ALL FUNCTIONS IN SCHEMA public TO :app;
"""
# Takes back what the application must not do to the ledger: read after the grants above, every time.
RESTRICTIONS = Path("payments/sql/grants.sql")
_NOT_THERE = ("42P01", "42703", "42883")  # a table, a column, a function


class Command(migrate.Command):
    help = "Updates the schema as its owner, then grants the application's role what it needs."

    def handle(self, *args: Any, **options: Any) -> None:
        options["database"] = "owner"
        if settings.PRODUCTION and _one_role():
            raise CommandError(
                "Set DATABASE_OWNER_URL to the schema's owner, another role than that of DATABASE_URL: with one role "
                "the application would own its tables and could change the ledger. deploy/roles.sql makes the two."
            )
        with _collected_seldom():
            super().handle(*args, **options)
        if not (options["plan"] or options["check_unapplied"]):
            self._grant()

    def _grant(self) -> None:
        if _one_role():
            self.stderr.write(
                self.style.WARNING(
                    "DATABASE_URL and DATABASE_OWNER_URL name one role: the application owns its tables, "
                    "so nothing but our own code keeps it from changing the ledger."
                )
            )
            return
        with transaction.atomic(using="owner"), connections["owner"].cursor() as cursor:
            # Two who migrate one database at once would meet on the same catalogue rows.
            cursor.execute("SELECT pg_advisory_xact_lock(hashtext('promote grants'))")
            role = connections["owner"].ops.quote_name(str(settings.DATABASES["default"]["USER"]))
            whole = _is_whole()
            for statement in _statements(GRANTS + (settings.BASE_DIR / RESTRICTIONS).read_text()):
                self._run(cursor, re.sub(r"(?<!:):app\b", role, statement), whole=whole)

    def _run(self, cursor: Any, statement: str, *, whole: bool) -> None:
        """Leaves out what speaks of a table that is not there, while migrations are missing that make it."""
        try:
            with transaction.atomic(using="owner"):
                cursor.execute(statement)
        except ProgrammingError as error:
            if whole or sqlstate(error) not in _NOT_THERE:
                raise


@contextlib.contextmanager
def _collected_seldom() -> Iterator[None]:
    """Django makes models anew with every change of one that they belong to, 8,000 from an empty database on, and the
    collector would go through all of them again and again: a fifth of the time."""
    before = gc.get_threshold()
    gc.set_threshold(500_000, 10, 10)
    try:
        yield
    finally:
        gc.set_threshold(*before)


def _one_role() -> bool:
    return bool(settings.DATABASES["default"]["USER"] == settings.DATABASES["owner"]["USER"])


def _is_whole() -> bool:
    """Whether every migration is applied: not, after going back."""
    executor = MigrationExecutor(connections["owner"])
    return not executor.migration_plan(executor.loader.graph.leaf_nodes())


def _statements(text: str) -> list[str]:
    return [part for part in re.sub(r"--.*", "", text).split(";") if part.strip()]
