"""Whether a room's guards are there, switched on, and are what they were made as.

What is wanted is read from the room's files, so that a guard can't be forgotten here: the functions' text from `sql/`;
each constraint, unique index and trigger with its definition from `guards.json`, which `manage.py freeze_guards` writes
from a migrated database and a test compares with a fresh one.
"""

import json
import re
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path

from django.apps import apps
from django.db import connection

from payments.audit import Chunk
from payments.audit.walking import all_at_once

Definitions = dict[str, dict[str, str]]
"""Of `constraints` and of `triggers`: by `table.name`, as PostgreSQL tells it."""

_MADE = re.compile(
    r"^CREATE (?:OR REPLACE )?FUNCTION (?P<function>\w+)\s*\([^;]*?AS \$\$(?P<body>.*?)\$\$"
    r"|^CREATE (?:CONSTRAINT )?TRIGGER (?P<trigger>\w+)\s.*?\sON (?P<table>\w+)"
    r"|^DROP TRIGGER (?P<dropped>\w+) ON (?P<of>\w+)",
    re.DOTALL | re.MULTILINE,
)


# A table that is gone has no guards; nor does a constraint count that isn't valid, or a trigger that is switched off.
_CONSTRAINTS = """
      WITH tables AS (SELECT to_regclass(name)::oid AS id FROM unnest(%(tables)s) AS name)
    SELECT held.conrelid::regclass || '.' || held.conname, pg_get_constraintdef(held.oid)
      FROM pg_constraint held JOIN tables ON tables.id = held.conrelid
     WHERE held.contype IN ('c', 'f', 'p', 'u', 'x') AND held.convalidated
     UNION ALL  -- a unique constraint with a condition is an index alone
    SELECT kept.indrelid::regclass || '.' || named.relname, pg_get_indexdef(kept.indexrelid)
      FROM pg_index kept JOIN tables ON tables.id = kept.indrelid JOIN pg_class named ON named.oid = kept.indexrelid
     WHERE kept.indisunique AND kept.indisvalid
       AND NOT EXISTS (SELECT FROM pg_constraint held WHERE held.conindid = kept.indexrelid)
"""
_TRIGGERS = """
    SELECT held.tgrelid::regclass || '.' || held.tgname, pg_get_triggerdef(held.oid)
      FROM pg_trigger held JOIN (SELECT to_regclass(name)::oid AS id FROM unnest(%(tables)s) AS name) tables
        ON tables.id = held.tgrelid
     WHERE NOT held.tgisinternal AND held.tgenabled IN ('O', 'A')
"""


def hold(room: str) -> Iterator[Chunk]:
    """Names the first guard of the room (an app's label) that is missing, switched off or another than was made."""
    wanted: Definitions = json.loads(file_of(room).read_text())
    found = defined(room)
    made, functions = _of_files(_folder(room))
    # One that a file makes is looked for, also where it was forgotten to be written down.
    named: dict[str, str | None] = {f"{table}.{name}": None for table, name in made}
    yield _compared(wanted["constraints"], found["constraints"], gone="is missing or not valid")
    yield _compared(named | wanted["triggers"], found["triggers"], gone="is missing or switched off")
    yield from all_at_once("functions", names=list(functions), bodies=list(functions.values()))


def defined(room: str) -> Definitions:
    """The guards of the room's tables, as the database has them."""
    tables = [model._meta.db_table for model in apps.get_app_config(room).get_models(include_auto_created=True)]
    found: Definitions = {}
    with connection.cursor() as cursor:
        for name, statement in (("constraints", _CONSTRAINTS), ("triggers", _TRIGGERS)):
            cursor.execute(statement, {"tables": tables})
            found[name] = dict(sorted(cursor.fetchall()))
    return found


def file_of(room: str) -> Path:
    return Path(apps.get_app_config(room).path) / "guards.json"


def _compared(wanted: Mapping[str, str | None], found: dict[str, str], *, gone: str) -> Chunk:
    for place, definition in wanted.items():
        if place not in found or found[place] != (definition or found[place]):
            table, name = place.split(".")
            return Chunk(len(wanted), f"{name} of {table} {'is not what it was made as' if place in found else gone}")
    return Chunk(len(wanted))


def triggers(room: str) -> list[tuple[str, str]]:
    """The (table, name) of each that the room's files make."""
    return _of_files(_folder(room))[0]


def _folder(room: str) -> Path:
    return Path(apps.get_app_config(room).path) / "sql"


@cache
def _of_files(folder: Path) -> tuple[list[tuple[str, str]], dict[str, str]]:
    """The (table, name) of each trigger and the text of each function, as the last file that speaks of it has it."""
    triggers: dict[tuple[str, str], None] = {}
    functions: dict[str, str] = {}
    for file in sorted(folder.glob("[0-9]*.sql")):
        if file.stem.endswith("_undo"):
            continue
        for found in _MADE.finditer(file.read_text()):
            if found["function"]:
                functions[found["function"]] = found["body"]
            elif found["trigger"]:
                triggers[found["table"], found["trigger"]] = None
            else:
                triggers.pop((found["of"], found["dropped"]), None)
    return list(triggers), functions
