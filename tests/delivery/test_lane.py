"""The edge's way to Redis keeps the order in which events were told."""

import asyncio

import pytest
from django.conf import settings

from delivery import hot
from delivery.edge.lane import Lane


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
