"""Single rows as JSON, to and from functions of the database that read or write several rooms' rows in one call.

For what is done too often for a query a row, whose SQL Django would put together anew each time. The JSON of a row has
its columns by name, as PostgreSQL's `to_json` and `json_populate_record` have it. Many rows: many.py.
"""

import json
from collections.abc import Callable, Mapping
from datetime import date, datetime
from decimal import Decimal
from functools import cache
from typing import Any, TypeVar
from uuid import UUID

from django.contrib.postgres.fields import ArrayField
from django.db import models

Some = TypeVar("Some", bound=models.Model)
Read = Callable[[Any], Any]


def loaded(model: type[Some], row: Mapping[str, Any]) -> Some:
    """The instance that a query would have made of the row."""
    readers = _readers(model)
    values = [_value(row[column], read) for column, read in readers]
    return model.from_db("default", _names(model), values)


def written(instance: models.Model) -> str:
    """The row of an instance that is not saved yet. What `auto_now_add` fills in is for the caller to give."""
    fields = instance._meta.concrete_fields
    return json.dumps({field.column: getattr(instance, field.attname) for field in fields}, default=str)


def _value(raw: Any, read: Read | None) -> Any:
    return raw if read is None or raw is None else read(raw)


@cache
def _readers(model: type[models.Model]) -> list[tuple[str, Read | None]]:
    return [(field.column, _reader(field)) for field in model._meta.concrete_fields]


@cache
def _names(model: type[models.Model]) -> list[str]:
    return [field.attname for field in model._meta.concrete_fields]


def _reader(field: Any) -> Read | None:
    """How the field's JSON becomes its value; None where it is that already."""
    if isinstance(field, models.ForeignKey):
        return _reader(field.target_field)
    if isinstance(field, ArrayField):
        one = _reader(field.base_field)
        return None if one is None else lambda values: [one(value) for value in values]
    if isinstance(field, models.DecimalField):
        digits = Decimal(1).scaleb(-(field.decimal_places or 0))
        return lambda value: Decimal(str(value)).quantize(digits)
    for kind, read in _READ.items():
        if isinstance(field, kind):
            return read
    return None


# A DateTimeField is a DateField too, so that it comes first.
_READ: Mapping[type[Any], Read] = {
    models.UUIDField: UUID,
    models.DateTimeField: datetime.fromisoformat,
    models.DateField: date.fromisoformat,
}
