"""Whether a room's guards are there, switched on, and do what its files of SQL say.

What is wanted is read from those files and from the models, so that a guard can't be forgotten here: triggers and the
text of functions from `sql/`, CHECKs and unique constraints from the models.
"""

import re
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path

from django.apps import apps

from payments.audit import Chunk
from payments.audit.walking import all_at_once

_MADE = re.compile(
    r"^CREATE (?:OR REPLACE )?FUNCTION (?P<function>\w+)\s*\([^;]*?AS \$\$(?P<body>.*?)\$\$"
    r"|^CREATE (?:CONSTRAINT )?TRIGGER (?P<trigger>\w+)\s.*?\sON (?P<table>\w+)"
    r"|^DROP TRIGGER (?P<dropped>\w+) ON (?P<of>\w+)",
    re.DOTALL | re.MULTILINE,
)


def hold(room: str, *, constraints: Mapping[str, list[str]] | None = None) -> Iterator[Chunk]:
    """Names the first guard of the room (an app's label) that is missing, switched off or another than in its files.

    `constraints`, by table, are those that stand in SQL alone.
    """
    triggered, functions = _of_files(_folder(room))
    named = [*_constraints(room), *((table, name) for table, names in (constraints or {}).items() for name in names)]
    for name, wanted in (("constraints", named), ("triggers", triggered)):
        yield from all_at_once(name, tables=[table for table, _name in wanted], names=[one for _table, one in wanted])
    yield from all_at_once("functions", names=list(functions), bodies=list(functions.values()))


def triggers(room: str) -> list[tuple[str, str]]:
    """The (table, name) of each that the room has."""
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


def _constraints(room: str) -> list[tuple[str, str]]:
    return [
        (model._meta.db_table, constraint.name)
        for model in apps.get_app_config(room).get_models()
        if model._meta.managed
        for constraint in model._meta.constraints
    ]
