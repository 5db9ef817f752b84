"""`migrate` as the owner of the schema, then the rights of the application's role, which owns nothing."""

import re
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.commands import migrate
from django.db import connections, transaction

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


class Command(migrate.Command):
    help = "Updates the schema as its owner, then grants the application's role what it needs."

    def handle(self, *args: Any, **options: Any) -> None:
        options["database"] = "owner"
        super().handle(*args, **options)
        if not (options["plan"] or options["check_unapplied"]):
            self._grant()

    def _grant(self) -> None:
        app, owner = (str(settings.DATABASES[alias]["USER"]) for alias in ("default", "owner"))
        if app == owner:
            self.stderr.write(
                self.style.WARNING(
                    "DATABASE_URL and DATABASE_OWNER_URL name one role: the application owns its tables, "
                    "so nothing but our own code keeps it from changing the ledger."
                )
            )
            return
        statements = GRANTS
        restrictions = settings.BASE_DIR / RESTRICTIONS
        if restrictions.exists():
            statements += restrictions.read_text()
        with transaction.atomic(using="owner"), connections["owner"].cursor() as cursor:
            # Two who migrate one database at once would meet on the same catalogue rows.
            cursor.execute("SELECT pg_advisory_xact_lock(hashtext('promote grants'))")
            role = connections["owner"].ops.quote_name(app)
            cursor.execute(re.sub(r"(?<!:):app\b", role, statements))
