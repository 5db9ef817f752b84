"""The edge's way to Redis keeps the order in which events were told, and is met before anybody is served."""

import asyncio

import pytest
from django.conf import settings

from delivery import hot
from delivery.edge import hub, listings
from delivery.edge.hub import Hub
from delivery.edge.lane import Lane
from promote.markets.models import Market
from tests.builders import a_delivering_order
from tests.delivery.world import RESERVE, paced


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
