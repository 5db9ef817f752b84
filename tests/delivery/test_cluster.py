"""A Redis Cluster of three nodes carries what one Redis does: each shard's keys on one node."""

import asyncio
import secrets
from collections.abc import Iterator

import pytest
import redis

from bench import redis_cluster
from delivery import hot
from delivery.edge.cluster import ClusterLane, slot_of
from delivery.edge.hub import Hub
from delivery.edge.listings import ShardState
from delivery.models import Shard
from tests.builders import a_delivering_order
from tests.delivery.world import RESERVE, charged_in_events, drained, looks, paced, redis_lost, shown, sold, spent, told
from tests.harness.run import Run

pytestmark = pytest.mark.django_db
"""All of them, that they stay together: three nodes are started once."""


@pytest.fixture(scope="module")
def nodes(run: Run) -> Iterator[str]:
    folder = run.folder / f"cluster-{secrets.token_hex(4)}"
    with redis_cluster.started(folder, folder) as url:
        yield url


@pytest.fixture
def cluster(nodes: str, settings) -> Iterator[str]:
    """Django here is on it, and it is empty."""
    settings.REDIS_URL = nodes
    hot.client.cache_clear()
    redis_lost()
    yield nodes
    hot.client.cache_clear()


def test_an_order_is_sold_charged_and_drained_and_outlives_a_loss(cluster):
    assert isinstance(hot.client(), redis.RedisCluster)
    orders = [a_delivering_order() for _ in range(3)]
    for order in orders:
        paced(order)
        shown(order, 3)
    for order in orders:
        drained(order)
        assert spent(order) == charged_in_events(order) == 3 * RESERVE
    order, late = orders[0], sold(orders[0])
    redis_lost()
    now = looks(order, 1)
    assert Shard.objects.get(id=order.shard).generation == 2
    assert told(late, now=now) == hot.DONE
    drained(order, now=now)
    assert spent(order) == 4 * RESERVE


def test_the_edge_asks_each_node_for_what_it_has_and_follows_what_moved(cluster):
    shards = range(6)
    calls = [hot.count(key=hot.funnel_key(shard, 1), kept_for_s=60, parts=["a", 1]) for shard in shards]
    reservations = [
        hot.reserve(
            shard=shard, generation=9, order=b"o" * 16, until_s=1, token=b"t" * 16, price_micros=1, viewer=1,
            cap=hot.Cap(1, 60),
        )
        for shard in shards
    ]  # fmt: skip

    async def asked() -> None:
        lane = ClusterLane(cluster)
        try:
            assert await lane.run() == []
            assert await lane.run(*calls, *reservations, ("PING",)) == [1] * 6 + [hot.LOST] * 6 + [b"PONG"]
            assert {shard: lane.run_id(hot.generation_key(shard)) for shard in shards} == hot.run_ids(
                hot.client(), shards
            )
            # It believes that every slot has moved on to the next node.
            nodes = list(dict.fromkeys(lane._of_slot))
            lane._of_slot = [nodes[(nodes.index(node) + 1) % len(nodes)] for node in lane._of_slot]
            assert await lane.run(*calls, *reservations) == [1] * 6 + [hot.LOST] * 6
        finally:
            await lane.close()

    asyncio.run(asked())
    told_twice = [hot.client().hget(hot.funnel_key(shard, 1), "a") for shard in shards]
    assert told_twice == [b"2"] * 6


def test_keys_that_belong_together_share_a_slot():
    client = redis.cluster.RedisCluster.__new__(redis.cluster.RedisCluster)
    client.encoder = redis.Redis().get_encoder()
    keys = [hot.generation_key(7), hot.stream_key(7, 3), hot.pace_key(7, 3), hot.paces_key(7, 3), hot.funnel_key(7, 1)]
    keys += [hot.caps_key(7, 2**63)]
    assert {client.keyslot(key) for key in keys} == {slot_of(keys[0])}
    assert slot_of("{x") == client.keyslot("{x")
    assert slot_of("{}x") == client.keyslot("{}x")


def test_a_node_that_comes_back_is_met_again_without_being_needed(cluster):
    shards = {shard: ShardState(1, run_id) for shard, run_id in hot.run_ids(hot.client(), range(6)).items()}

    async def looked() -> None:
        hub = Hub()
        hub._shards = shards
        try:
            await _until_all(hub)
            # One was away when the others were met. It is not the node that any request without a key asks.
            lane = hub.lane
            theirs = (lane._of_slot[slot_of(hot.generation_key(shard))] for shard in shards)
            away = next(wire for wire in theirs if wire is not lane._of_slot[slot_of("")])
            lane._of_slot = [None if wire is away else wire for wire in lane._of_slot]
            lane._wires = {address: wire for address, wire in lane._wires.items() if wire is not away}
            away.leave()
            assert not all(map(hub.generation, shards))
            await _until_all(hub)
        finally:
            await hub.stop()

    async def _until_all(hub: Hub) -> None:
        async with asyncio.timeout(30):
            while not all(map(hub.generation, shards)):
                await hub._read_paces()
                await asyncio.sleep(0.02)

    asyncio.run(looked())
