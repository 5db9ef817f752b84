"""The edge's way to Redis keeps the order in which events were told, and is met before anybody is served."""

import asyncio
from contextlib import nullcontext
from dataclasses import replace
from typing import Any

import pytest
from django.conf import settings
from redis.exceptions import ConnectionError as Disconnected

from delivery import hot
from delivery.edge import cluster, hub, listings
from delivery.edge.hub import Hub
from delivery.edge.lane import Asking, Lane
from delivery.edge.paces import Paces
from delivery.engine.index import Index, Pace
from delivery.models import Shard
from promote.markets.models import Market
from tests.builders import a_delivering_order
from tests.delivery.world import RESERVE, paced


class Falters:
    """A lane that can be away for all but the pacers' logs."""

    is_away = False

    def __init__(self) -> None:
        self._lane = cluster.way(settings.REDIS_URL)

    def run_id(self, key: str) -> str:
        return self._lane.run_id(key)

    async def run(self, *calls: Asking) -> list[Any]:
        if self.is_away and calls and calls[0][0] != "XRANGE":
            raise Disconnected("gone")
        return await self._lane.run(*calls)

    async def close(self) -> None:
        await self._lane.close()


@pytest.mark.skipif(hot.is_cluster(settings.REDIS_URL), reason="a lane of one Redis")
def test_every_script_is_known_before_a_new_connection_is_used():
    client = hot.client()
    client.script_flush()

    async def ping() -> str:
        lane = Lane(settings.REDIS_URL)
        try:
            await lane.run(("PING",))
            return lane.run_id("any")
        finally:
            await lane.close()

    assert asyncio.run(ping()) == client.info("server")["run_id"]
    assert all(client.script_exists(*[script.sha for script in hot.scripts()]))


@pytest.mark.django_db
def test_who_is_ready_knows_what_the_pacers_published(monkeypatch):
    order = a_delivering_order()
    paced(order)
    # What is not committed no thread of the edge's own would see.
    known = listings.read(None), listings.shards()
    monkeypatch.setattr(hub, "_read", lambda _since: known)
    monkeypatch.setattr(hub, "_settle_memory", lambda: None)

    async def begun() -> Hub:
        fresh = Hub()
        assert not fresh.is_ready
        try:
            await fresh.refresh()
        finally:
            await fresh.lane.close()
        return fresh

    edge = asyncio.run(begun())
    assert edge.is_ready
    assert edge.index.columns.mu[edge.index.rows[order.id.hex]] > 0


@pytest.mark.django_db(transaction=True)
def test_what_a_market_says_is_listed_anew_once_it_is_edited():
    order = a_delivering_order()
    first = listings.read(None)
    assert [one.reserve_micros for one in first.live] == [RESERVE]
    reserves = {**order.market.reserve_micros, order.objective: RESERVE + 1000}
    Market.objects.filter(code=order.market_id).update(reserve_micros=reserves)
    edited = listings.read(first.since)
    assert {one.reserve_micros for one in edited.live} == {RESERVE + 1000}


@pytest.mark.django_db
def test_what_a_pacer_told_is_read_again_where_redis_was_lost_before_it_was_used():
    order = a_delivering_order()
    paced(order)
    generation = Shard.objects.get(id=order.shard).generation
    known = listings.read(None).live
    pairs = {(order.shard, generation)}

    async def followed() -> list[float]:
        lane, paces, told = Falters(), Paces(), []
        try:
            index = await paces.followed(lane, Index().changed(put=known), pairs, [])
            told.append(index.columns.mu[index.rows[order.id.hex]])
            hot.run(
                hot.client(),
                hot.release(shard=order.shard, generation=generation, epoch=10**6, grants=[_dearer(order)]),
            )
            lane.is_away = True
            with pytest.raises(Disconnected):
                await paces.followed(lane, index, pairs, [order.id.hex])
            lane.is_away = False
            index = await paces.followed(lane, index, pairs, [])
            told.append(index.columns.mu[index.rows[order.id.hex]])
        finally:
            await lane.close()
        return told

    before, after = asyncio.run(followed())
    assert before != after == 0.5


@pytest.mark.django_db
def test_an_order_that_came_while_redis_faltered_is_shown_as_soon_as_it_is_back(monkeypatch):
    """Its pace was told before it was listed, and is told again at the pacer's next look only, in seconds."""
    order = a_delivering_order()
    paced(order)
    known, shards = listings.read(None), listings.shards()
    nothing = replace(known, live=[])
    monkeypatch.setattr(hub, "_settle_memory", lambda: None)

    async def refreshed() -> Hub:
        edge = Hub()
        edge.lane = lane = Falters()
        try:
            for changes, is_away in ((nothing, False), (known, True), (nothing, False)):
                monkeypatch.setattr(hub, "_read", lambda _since, changes=changes: (changes, shards))
                lane.is_away = is_away
                with pytest.raises(Disconnected) if is_away else nullcontext():
                    await edge.refresh()
        finally:
            await edge.lane.close()
        return edge

    edge = asyncio.run(refreshed())
    assert edge.index.columns.mu[edge.index.rows[order.id.hex]] > 0


def _dearer(order) -> hot.Grant:
    pace = Pace(0.5, 100.0, ((1.0, 3.0),) * 3)
    return hot.Grant(order=order.id, most_micros=0, left_micros=0, drained_micros=0, pace=pace)
