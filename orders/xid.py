"""The transaction that last wrote a row, so that a reader who polls misses none that committed late."""

from typing import Any

from django.db import models


class XidField(models.Field):  # type: ignore[type-arg]
    """PostgreSQL's `xid8`. A trigger writes it; nothing in Python does."""

    description = "64-bit transaction id"

    def db_type(self, connection: Any) -> str:
        return "xid8"

    def from_db_value(self, value: Any, expression: Any, connection: Any) -> int | None:
        return None if value is None else int(value)

    def get_prep_value(self, value: Any) -> str | None:
        return None if value is None else str(int(value))
