"""Day partitions of events: made ahead by a function of the schema's owner, since the application owns no table."""

from collections.abc import Iterable
from datetime import UTC, date, datetime, timedelta
from functools import partial

from django.db import connection, transaction

AHEAD_DAYS = 7
BEHIND_DAYS = 9
"""Tokens of so many days ago can still be told."""
_known: set[tuple[str, date]] = set()


def make_ahead(*, now: datetime) -> int:
    """Partitions for every day of which an event may come in the next week. Returns how many were missing."""
    today = now.astimezone(UTC).date()
    return _make(today - timedelta(days=BEHIND_DAYS), today + timedelta(days=AHEAD_DAYS))


def ensure(days: Iterable[date]) -> None:
    """Makes what is missing for these days, before a transaction that needs them. Asked once a day and process."""
    database = str(connection.settings_dict["NAME"])
    for key in {(database, day) for day in days} - _known:
        _make(key[1], key[1])
        transaction.on_commit(partial(_known.add, key))


def forget() -> None:
    """What this process knows to be there may not be any more."""
    _known.clear()


def _make(first: date, last: date) -> int:
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SELECT delivery_make_partitions(%s, %s)", [first, last])
        row = cursor.fetchone()
        return int(row[0]) if row else 0
