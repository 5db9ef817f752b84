"""The databases of a run: one migrated template, a clone of it for each worker, a fresh clone for a test that commits.

The ledger refuses to be flushed, so a test that commits gets a database to throw away.
"""

import contextlib
import fcntl
import itertools
import os
from collections.abc import Iterator

from django.core.management import call_command
from django.db import connections
from psycopg2 import sql

from promote.config.embedded_postgres import OWNER
from tests.harness.run import Run

TEMPLATE = "promote_template"
_numbers = itertools.count(1)


def ensure_template(run: Run) -> None:
    """Migrate the template, once a run, as its owner; whoever comes first does it, the others wait."""
    marker = run.folder / "template.ready"
    with (run.folder / "template.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if marker.exists():
            return
        _admin(run, "CREATE DATABASE {} OWNER {}", TEMPLATE, OWNER)
        with pointed_at(TEMPLATE):
            call_command("migrate", verbosity=0, interactive=False)
        # Nobody may be connected to a database that is being cloned.
        _admin(run, "ALTER DATABASE {} ALLOW_CONNECTIONS false", TEMPLATE)
        marker.touch()


def clone(run: Run, name: str) -> None:
    _admin(run, "CREATE DATABASE {} TEMPLATE {} OWNER {}", name, TEMPLATE, OWNER)


def drop(run: Run, name: str) -> None:
    _admin(run, "DROP DATABASE IF EXISTS {} WITH (FORCE)", name)


@contextlib.contextmanager
def fresh_clone(run: Run) -> Iterator[str]:
    """A database of its own, under the application's role, for what commits; gone afterwards."""
    name = f"{run.database}_{next(_numbers)}"
    clone(run, name)
    try:
        with pointed_at(name), in_environment(run, name):
            yield name
    finally:
        drop(run, name)


@contextlib.contextmanager
def pointed_at(name: str, *, host: str | None = None) -> Iterator[None]:
    """Point Django's connections, of every thread, at this database (of the cluster whose sockets are in `host`)."""
    wanted = {"NAME": name} | ({"HOST": host} if host else {})
    connections.close_all()
    before = {alias: {key: connections[alias].settings_dict[key] for key in wanted} for alias in connections}
    for alias in connections:
        _set(alias, wanted)
    try:
        yield
    finally:
        connections.close_all()
        for alias, old in before.items():
            _set(alias, old)


def _set(alias: str, place: dict[str, str]) -> None:
    connections.settings[alias].update(place)
    connections[alias].settings_dict.update(place)


@contextlib.contextmanager
def in_environment(run: Run, name: str) -> Iterator[None]:
    """For code and child processes that read the addresses themselves."""
    before = {key: os.environ[key] for key in ("DATABASE_URL", "DATABASE_OWNER_URL")}
    os.environ.update({key: run.environment(name)[key] for key in before})
    try:
        yield
    finally:
        os.environ.update(before)


def _admin(run: Run, statement: str, *names: str) -> None:
    connection = run.postgres.connect(database="postgres")
    try:
        with connection.cursor() as cursor:
            cursor.execute(sql.SQL(statement).format(*map(sql.Identifier, names)))
    finally:
        connection.close()
