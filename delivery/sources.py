"""Where charged impressions came from, kept for as long as it may be found out that nobody watched from there.

Nothing else keeps an address or an agent: what is not billed needs no return, and after SOURCES_KEPT_DAYS they go.
"""

import io
from datetime import UTC, datetime, timedelta
from functools import lru_cache, partial
from hashlib import blake2b

import numpy as np
from django.db import connection, transaction

from delivery import addresses, binary, bulk
from delivery.agents import KNOWN
from delivery.batch import Batch
from delivery.binary import Fixed
from delivery.blocked import Sources
from delivery.models import Agent
from delivery.storage import EPOCH, day_numbers

_COPY = "COPY delivery_charge_source (day, token, address, agent) FROM STDIN (FORMAT binary)"
_MET = (
    "INSERT INTO delivery_agent AS a (id, words, day) VALUES %s "
    "ON CONFLICT (id) DO UPDATE SET day = EXCLUDED.day WHERE a.day < EXCLUDED.day"
)
_AGENTS_MOST = 100_000
_known: set[tuple[str, int, int]] = set()
"""Database, day and agent: so that one which was forgotten with its charges is told again."""


def keep(batch: Batch) -> None:
    """Of a batch that is stored in this transaction."""
    rows = np.nonzero(batch.charged)[0]
    told = [batch.told[row] for row in rows.tolist()]
    places = [addresses.whole(one.address) if one.address else b"" for one in told]
    agents = [number(one.agent) if one.agent else 0 for one in told]
    has = np.array([bool(place or agent) for place, agent in zip(places, agents, strict=True)], bool)
    if not has.any():
        return
    address = np.array([place or bytes(16) for place in places], "V16")[has]
    agent = np.array(agents, np.int64)[has]
    columns = [
        Fixed(">i4", day_numbers(batch.token["day"][rows][has])),
        Fixed("V16", batch.token["id"][rows][has]),
        Fixed("V16", address, np.array([not place for place in places], bool)[has]),
        Fixed(">i8", agent, agent == 0),
    ]
    with connection.cursor() as cursor, connection.wrap_database_errors:
        cursor.copy_expert(_COPY, io.BytesIO(binary.rows(columns, len(agent))))


def know_agents(batch: Batch) -> None:
    """Keeps the words of agents that were not met today, before the transaction that names them: two drains that meet
    the same new ones don't wait for each other's batch."""
    if len(_known) > _AGENTS_MOST:
        _known.clear()
    database = str(connection.settings_dict["NAME"])
    rows = np.nonzero(batch.charged & (batch.reason == 0))[0]
    met = {(batch.told[row].agent, int(batch.token["day"][row])) for row in rows.tolist()}
    fresh = {(database, day, number(agent)): _words(agent) for agent, day in met if agent}
    for key in fresh.keys() & _known:
        del fresh[key]
    last = {id_: (id_, words, EPOCH + timedelta(days=day)) for (_, day, id_), words in sorted(fresh.items())}
    bulk.values(_MET, sorted(last.values()))
    transaction.on_commit(partial(_known.update, fresh))


@lru_cache(maxsize=KNOWN)
def number(agent: str) -> int:
    """An agent's number, never 0."""
    return int.from_bytes(blake2b(_words(agent).encode(), digest_size=8).digest(), "big", signed=True) or 1


def _words(agent: str) -> str:
    """As PostgreSQL takes them."""
    return agent.replace("\0", "").encode("utf-8", "replace").decode()


def agents_of(blocked: Sources) -> list[int]:
    """Numbers of the agents that we know and that these hold."""
    return [id_ for id_, words in Agent.objects.values_list("id", "words").iterator() if blocked.has_agent(words)]


def forget_old(*, kept_days: int, now: datetime) -> int:
    """Forgets where charges of over so many days ago came from. Returns of how many."""
    before = now.astimezone(UTC).date() - timedelta(days=kept_days)
    with connection.cursor() as cursor:
        cursor.execute("DELETE FROM delivery_charge_source WHERE day < %s", [before])
        forgotten: int = cursor.rowcount
        cursor.execute("DELETE FROM delivery_agent WHERE day < %s", [before])
    return forgotten
