"""Where charged impressions came from, kept for as long as it may be found out that nobody watched from there.

Nothing else keeps an address or an agent: what is not billed needs no return, and after SOURCES_KEPT_DAYS they go.
"""

import io
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from functools import lru_cache, partial
from hashlib import blake2b

import numpy as np
from django.db import connection, transaction

from delivery import addresses, binary, bulk, referrers
from delivery.agents import KNOWN
from delivery.batch import Batch
from delivery.binary import Fixed
from delivery.blocked import Sources
from delivery.models import Agent, Referrer
from delivery.storage import EPOCH, day_numbers

_COPY = "COPY delivery_charge_source (day, token, address, agent, referrer) FROM STDIN (FORMAT binary)"
_MET = (
    "INSERT INTO {table} AS met (id, words, day) VALUES %s "
    "ON CONFLICT (id) DO UPDATE SET day = EXCLUDED.day WHERE met.day < EXCLUDED.day"
)
_KNOWN_MOST = 100_000
_known: set[tuple[str, str, int, int]] = set()
"""Database, table, day and number: so that one which was forgotten with its charges is told again."""


def keep(batch: Batch) -> None:
    """Of a batch that is stored in this transaction."""
    rows = np.nonzero(batch.charged)[0]
    told = [batch.told[row] for row in rows.tolist()]
    places = [addresses.whole(one.address) if one.address else b"" for one in told]
    agents = np.array([number(one.agent) if one.agent else 0 for one in told], np.int64)
    hosts = np.array([_host_number(one.referrer) if one.referrer else 0 for one in told], np.int64)
    has = np.array([bool(place) for place in places], bool) | (agents != 0) | (hosts != 0)
    if not has.any():
        return
    address = np.array([place or bytes(16) for place in places], "V16")[has]
    agent, host = agents[has], hosts[has]
    columns = [
        Fixed(">i4", day_numbers(batch.token["day"][rows][has])),
        Fixed("V16", batch.token["id"][rows][has]),
        Fixed("V16", address, np.array([not place for place in places], bool)[has]),
        Fixed(">i8", agent, agent == 0),
        Fixed(">i8", host, host == 0),
    ]
    with connection.cursor() as cursor, connection.wrap_database_errors:
        cursor.copy_expert(_COPY, io.BytesIO(binary.rows(columns, len(agent))))


def know(batch: Batch) -> None:
    """Keeps the words of agents and hosts that were not met today, before the transaction that names them: two drains
    that meet the same new ones don't wait for each other's batch."""
    rows = np.nonzero(batch.charged & (batch.reason == 0))[0].tolist()
    days = batch.token["day"]
    _met("delivery_agent", {(_words(agent), int(days[row])) for row in rows if (agent := batch.told[row].agent)})
    pages = {(page, int(days[row])) for row in rows if (page := batch.told[row].referrer)}
    _met("delivery_referrer", {(host, day) for page, day in pages if (host := referrers.host(page))})


def _met(table: str, met: set[tuple[str, int]]) -> None:
    if len(_known) > _KNOWN_MOST:
        _known.clear()
    database = str(connection.settings_dict["NAME"])
    fresh = {(database, table, day, number(words)): words for words, day in met}
    for key in fresh.keys() & _known:
        del fresh[key]
    last = {id_: (id_, words, EPOCH + timedelta(days=day)) for (_, _, day, id_), words in sorted(fresh.items())}
    bulk.values(_MET.format(table=table), sorted(last.values()))
    transaction.on_commit(partial(_known.update, fresh))


@lru_cache(maxsize=KNOWN)
def number(words: str) -> int:
    """An agent's number, or a host's, never 0."""
    return int.from_bytes(blake2b(_words(words).encode(), digest_size=8).digest(), "big", signed=True) or 1


def _host_number(page: str) -> int:
    """0 where it names none."""
    return number(host) if (host := referrers.host(page)) else 0


def _words(agent: str) -> str:
    """As PostgreSQL takes them."""
    return agent.replace("\0", "").encode("utf-8", "replace").decode()


def agents_of(blocked: Sources) -> list[int]:
    """Numbers of the agents that we know and that these hold."""
    return _numbers(Agent, blocked.has_agent)


def referrers_of(blocked: Sources) -> list[int]:
    """Numbers of the hosts that we know and that these hold."""
    return _numbers(Referrer, blocked.has_referrer)


def _numbers(known: type[Agent] | type[Referrer], holds: Callable[[str], bool]) -> list[int]:
    rows = known._default_manager.values_list("id", "words")
    return [id_ for id_, words in rows.iterator() if holds(words)]


def forget_old(*, kept_days: int, now: datetime) -> int:
    """Forgets where charges of over so many days ago came from. Returns of how many."""
    before = now.astimezone(UTC).date() - timedelta(days=kept_days)
    with connection.cursor() as cursor:
        cursor.execute("DELETE FROM delivery_charge_source WHERE day < %s", [before])
        forgotten: int = cursor.rowcount
        cursor.execute("DELETE FROM delivery_agent WHERE day < %s", [before])
        cursor.execute("DELETE FROM delivery_referrer WHERE day < %s", [before])
    return forgotten
