"""Migrations written in SQL: a numbered file each, frozen once it is on main."""

from pathlib import Path

from django.conf import settings
from django.db.migrations.operations.special import RunSQL


class SqlFile(RunSQL):
    """Runs a file of SQL, named from the project's root: `SqlFile("payments/sql/0001_ledger.sql")`.

    `undo` names the file that takes it back; without it the migration can't be reversed.
    """

    def __init__(self, path: str, undo: str | None = None) -> None:
        self.path, self.undo = path, undo
        reverse = (Path(settings.BASE_DIR) / undo).read_text() if undo else None
        super().__init__((Path(settings.BASE_DIR) / path).read_text(), reverse)

    def deconstruct(self):
        return "SqlFile", [self.path], {"undo": self.undo} if self.undo else {}

    def database_backwards(self, app_label, schema_editor, from_state, to_state):
        # What an operation before it left to be checked at the end would keep its tables from being altered.
        schema_editor.execute("SET CONSTRAINTS ALL IMMEDIATE")
        super().database_backwards(app_label, schema_editor, from_state, to_state)

    def describe(self) -> str:
        return f"SQL of {self.path}"
