"""Many rows in one statement: PostgreSQL reads them from one JSON document, with the types of the model's columns.

For batches of hundreds, where an object and a statement a row would cost more than the work itself. Rows are mappings
of the same column names (`account_id`, not `account`); `same` is what all of them share. Constraints and triggers hold
as ever; what only Python fills in (defaults, `auto_now_add`) is for the caller to give.
"""

import json
from collections.abc import Mapping, Sequence
from typing import Any

from django.db import connection, models

Row = Mapping[str, Any]


def insert(model: type[models.Model], rows: Sequence[Row], **same: Any) -> None:
    """Inserts the rows, in their order."""
    if not rows:
        return
    own = list(rows[0])
    names = ", ".join(map(_quoted, [*own, *same]))
    values = ", ".join([*(f"row.{_quoted(name)}" for name in own), *(f"%s::{_type(model, name)}" for name in same)])
    with connection.cursor() as cursor:
        cursor.execute(
            f"INSERT INTO {_quoted(model._meta.db_table)} ({names}) SELECT {values} FROM {_rows(model, own)}",  # noqa: S608
            [*(_prepared(model, name, value) for name, value in same.items()), _json(rows)],
        )


def update(model: type[models.Model], rows: Sequence[Row], *, where: Row, **same: Any) -> int:
    """Updates by `id` those rows that are as `where` says; how many that were."""
    if not rows:
        return 0
    own = list(rows[0])
    changes = [f"{_quoted(name)} = row.{_quoted(name)}" for name in own if name != "id"]
    changes += [f"{_quoted(name)} = %s" for name in same]
    conditions = " ".join(f"AND old.{_quoted(name)} = %s" for name in where)
    with connection.cursor() as cursor:
        cursor.execute(
            f"UPDATE {_quoted(model._meta.db_table)} old SET {', '.join(changes)} FROM {_rows(model, own)}"  # noqa: S608
            f" WHERE old.id = row.id {conditions}",
            [
                *(_prepared(model, name, value) for name, value in same.items()),
                _json(rows),
                *(_prepared(model, name, value) for name, value in where.items()),
            ],
        )
        return int(cursor.rowcount)


def _rows(model: type[models.Model], names: Sequence[str]) -> str:
    return f"json_to_recordset(%s) AS row ({', '.join(f'{_quoted(name)} {_type(model, name)}' for name in names)})"


def _type(model: type[models.Model], name: str) -> str:
    kind = _field(model, name).db_type(connection)
    assert kind is not None
    return kind.split("(")[0]  # with its length a cast would cut what is too long, where the column refuses it


def _prepared(model: type[models.Model], name: str, value: Any) -> Any:
    return _field(model, name).get_db_prep_save(value, connection)


def _field(model: type[models.Model], name: str) -> "models.Field[Any, Any]":
    field = model._meta.get_field(name)
    assert isinstance(field, models.Field)
    return field


def _json(rows: Sequence[Row]) -> str:
    return json.dumps(list(rows), default=str, separators=(",", ":"))


def _quoted(name: str) -> str:
    return connection.ops.quote_name(name)
