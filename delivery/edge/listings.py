"""Live orders as the index lists them, read from PostgreSQL: all of them once, then what has changed since."""

import json
import logging
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django.db import connection

from delivery import ownership
from delivery.engine.index import Listing
from promote import ids

log = logging.getLogger("promote.edge")
# The oldest transaction that may still commit is read first: what it writes is met by the next reading.
_HORIZON = "SELECT pg_snapshot_xmin(pg_current_snapshot())::text"
_ORDERS = """
    SELECT o.id, o.status, o.account_id, a.external_id, o.market_id, o.objective, o.function, o.video_id, o.live_id,
           o.audience, o.shard, extract(epoch FROM o.starts_at)::float8, extract(epoch FROM o.ends_at)::float8,
           o.max_bid_micros, o.website_url, o.call_to_action, m.reserve_micros, m.objective_value, m.action_of_objective
      FROM orders_order o
      JOIN accounts_account a ON a.id = o.account_id
      JOIN markets_market m ON m.code = o.market_id
     WHERE {which}
"""
_LIVE = _ORDERS.format(which="o.status = 'delivering'")
_CHANGED = _ORDERS.format(which="o.changed_xid >= %s::xid8")


@dataclass(frozen=True, slots=True)
class Changes:
    """`horizon` is to be given back at the next reading."""

    horizon: str
    live: list[Listing]
    gone: list[UUID]


@dataclass(frozen=True, slots=True)
class ShardState:
    generation: int
    redis_run_id: str


def read(since: str | None) -> Changes:
    """Every live order, or (with the horizon of the last reading) those that changed."""
    with connection.cursor() as cursor:
        cursor.execute(_HORIZON)
        horizon = str(cursor.fetchone()[0])
        cursor.execute(_LIVE if since is None else _CHANGED, None if since is None else [since])
        rows = cursor.fetchall()
    live, gone = [], []
    for row in rows:
        listing = _listed(row) if row[1] == "delivering" else None
        if listing is None:
            gone.append(row[0])
        else:
            live.append(listing)
    return Changes(horizon, live, gone)


def shards() -> dict[int, ShardState]:
    with connection.cursor() as cursor:
        cursor.execute("SELECT id, generation, redis_run_id FROM delivery_shard")
        return {id_: ShardState(generation, run_id) for id_, generation, run_id in cursor.fetchall()}


def _listed(row: Any) -> Listing | None:
    """None where its market does not know its objective any more: one such order must not keep the others out."""
    try:
        return _listing(row)
    except (KeyError, TypeError, ValueError):
        log.exception("edge: order %s can't be listed", row[0])
        return None


def _listing(row: Any) -> Listing:
    (
        order, _status, account, external_id, market, objective, function, video, live, audience, shard, starts_at,
        ends_at, max_bid, website_url, call_to_action, reserves, values, actions,
    ) = row  # fmt: skip
    audience, reserves, values, actions = map(_json, (audience, reserves, values, actions))
    return Listing(
        order=order,
        public_id=ids.public("ord", order),
        account=account,
        owner_ids=frozenset(ownership.names(external_id=external_id, account_id=account)),
        market=market,
        objective=objective,
        action=actions[objective],
        function=function,
        target=ids.public("liv", live) if live else ids.public("vid", video),
        countries=frozenset(audience.get("countries") or (market,)),
        age_bands=frozenset(audience.get("age_bands") or ()),
        genders=frozenset(audience.get("genders") or ()),
        interests=frozenset(audience.get("interests") or ()),
        shard=shard,
        starts_at=starts_at,
        ends_at=ends_at,
        reserve_micros=int(reserves[objective]),
        value=float(values[objective]),
        max_bid_micros=max_bid or 0,
        website_url=website_url,
        call_to_action=call_to_action,
    )


def _json(value: Any) -> Mapping[str, Any]:
    """Django's connections leave jsonb as text to their fields."""
    found: Mapping[str, Any] = json.loads(value) if isinstance(value, str) else value
    return found
