"""Live orders as the index lists them, read from PostgreSQL: all of them once, then what has changed since."""

import json
import logging
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, NamedTuple

from django.db import connection

from delivery import ownership
from delivery.engine.index import Listing

log = logging.getLogger("promote.edge")
# The oldest transaction that may still commit is read first: what it writes is met by the next reading.
_HORIZON = "SELECT pg_snapshot_xmin(pg_current_snapshot())::text"
_ORDERS = """
    SELECT encode(uuid_send(o.id), 'hex'), o.status, encode(uuid_send(o.account_id), 'hex'), a.external_id, o.market_id,
           o.objective, o.function, encode(uuid_send(o.video_id), 'hex'), encode(uuid_send(o.live_id), 'hex'),
           o.audience, o.shard, extract(epoch FROM o.starts_at)::float8, extract(epoch FROM o.ends_at)::float8,
           o.max_bid_micros, o.website_url, o.call_to_action
      FROM orders_order o
      JOIN accounts_account a ON a.id = o.account_id
     WHERE {which}
"""
# Ids are read as text: a hundred thousand orders would make four objects each, of which two are wanted.
_MARKETS = "SELECT code, reserve_micros, objective_value, action_of_objective FROM markets_market WHERE code = ANY(%s)"
_LIVE = _ORDERS.format(which="o.status = 'delivering'")
_CHANGED = _ORDERS.format(which="o.changed_xid >= %s::xid8")
# What a market says of its objectives is part of what is listed of its orders.
_EDITIONS = "SELECT code, xmin::text FROM markets_market"
_OF_MARKETS = _ORDERS.format(which="o.status = 'delivering' AND o.market_id = ANY(%s)")


@dataclass(frozen=True, slots=True)
class Since:
    """What a reading knew: the oldest transaction that could still commit, and each market's row by its own."""

    horizon: str
    editions: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Changes:
    """`since` is to be given back at the next reading."""

    since: "Since"
    live: list[Listing]
    gone: list[str]
    """Orders by their ids in hex."""


@dataclass(frozen=True, slots=True)
class ShardState:
    generation: int
    redis_run_id: str


def read(since: Since | None) -> Changes:
    """Every live order, or (since the last reading) those that changed, or whose market did."""
    with connection.cursor() as cursor:
        cursor.execute(_HORIZON)
        horizon = str(cursor.fetchone()[0])
        cursor.execute(_EDITIONS)
        editions = dict(cursor.fetchall())
        if since is None:
            cursor.execute(_LIVE)
            rows = cursor.fetchall()
        else:
            cursor.execute(_CHANGED, [since.horizon])
            rows = cursor.fetchall()
            if edited := [code for code, edition in editions.items() if since.editions.get(code) != edition]:
                cursor.execute(_OF_MARKETS, [edited])
                rows += cursor.fetchall()
        if not rows:
            return Changes(Since(horizon, editions), [], [])
        cursor.execute(_MARKETS, [list({row[4] for row in rows})])
        markets = {code: _Market(*facts) for code, *facts in cursor.fetchall()}
    live, gone = [], []
    for row in rows:
        listing = _listed(row, markets) if row[1] == "delivering" else None
        if listing is None:
            gone.append(row[0])
        else:
            live.append(listing)
    return Changes(Since(horizon, editions), live, gone)


def shards() -> dict[int, ShardState]:
    with connection.cursor() as cursor:
        cursor.execute("SELECT id, generation, redis_run_id FROM delivery_shard")
        return {id_: ShardState(generation, run_id) for id_, generation, run_id in cursor.fetchall()}


class _Terms(NamedTuple):
    """What a market says of an objective."""

    reserve_micros: int
    value: float
    action: str


class _Market(dict[str, _Terms]):
    """By objective, read when it is first asked for. Raises KeyError, TypeError, ValueError."""

    def __init__(self, reserve_micros: Any, value: Any, action: Any) -> None:
        super().__init__()
        self._said = _json(reserve_micros), _json(value), _json(action)

    def __missing__(self, objective: str) -> _Terms:
        reserve_micros, value, action = (said[objective] for said in self._said)
        found = self[objective] = _Terms(int(reserve_micros), float(value), action)
        return found


class _Audience(NamedTuple):
    countries: frozenset[str]
    age_bands: frozenset[str]
    genders: frozenset[str]
    interests: frozenset[str]


def _listed(row: Any, markets: Mapping[str, _Market]) -> Listing | None:
    """None where its market does not know its objective any more: one such order must not keep the others out."""
    try:
        return _listing(row, markets[row[4]])
    except (KeyError, TypeError, ValueError):
        log.exception("edge: order %s can't be listed", row[0])
        return None


def _listing(row: Any, its: _Market) -> Listing:
    (
        order, _status, account, external_id, market, objective, function, video, live, audience, shard, starts_at,
        ends_at, max_bid, website_url, call_to_action,
    ) = row  # fmt: skip
    terms = its[objective]
    audience = _audience(audience if isinstance(audience, str) else json.dumps(audience))
    # By place: a hundred thousand made by names take a tenth of a second longer.
    return Listing(
        order,
        int(account[-13:], 16),
        ownership.names(external_id=external_id, public_id=f"acc_{account}"),
        sys.intern(market),
        sys.intern(objective),
        terms.action,
        sys.intern(function),
        f"liv_{live}" if live else f"vid_{video}",
        audience.countries or _only(market),
        audience.age_bands,
        audience.genders,
        audience.interests,
        shard,
        starts_at,
        ends_at,
        terms.reserve_micros,
        terms.value,
        max_bid or 0,
        website_url,
        sys.intern(call_to_action),
    )


@lru_cache(maxsize=20_000)
def _audience(text: str) -> _Audience:
    """Many orders ask for the same: they share it."""
    asked = json.loads(text)
    return _Audience(*(_shared(frozenset(asked.get(part) or ())) for part in _Audience._fields))


@lru_cache(maxsize=20_000)
def _shared(words: frozenset[str]) -> frozenset[str]:
    return frozenset(map(sys.intern, words))


@lru_cache(maxsize=1000)
def _only(market: str) -> frozenset[str]:
    return _shared(frozenset({market}))


def _json(value: Any) -> Mapping[str, Any]:
    """Django's connections leave jsonb as text to their fields."""
    found: Mapping[str, Any] = json.loads(value) if isinstance(value, str) else value
    return found
