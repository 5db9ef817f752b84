"""A Redis Cluster of three nodes on loopback, without replicas, for as long as a block is; or one Redis there."""

import contextlib
import time
from collections.abc import Iterator, Mapping
from pathlib import Path

import redis

from bench import system
from promote.config.embedded_redis import Redis

SLOTS, NODES = 16384, 3
WITHIN_S = 60


@contextlib.contextmanager
def started(folder: Path, sockets: Path) -> Iterator[str]:
    """Its address, as REDIS_URL tells it. Raises NoEngine; TimeoutError where the nodes do not find each other."""
    folder.mkdir(mode=0o711, parents=True, exist_ok=True)
    with contextlib.ExitStack() as stack:
        nodes = [_node(folder, sockets, number) for number in range(NODES)]
        for node in nodes:
            stack.callback(node.stop)
            node.start()
        clients = [stack.enter_context(contextlib.closing(redis.Redis.from_url(node.url()))) for node in nodes]
        _join(clients, [node.port for node in nodes])
        yield f"redis+cluster://127.0.0.1:{nodes[0].port}"


@contextlib.contextmanager
def one(folder: Path, sockets: Path) -> Iterator[str]:
    """Its address. Raises NoEngine."""
    folder.mkdir(mode=0o711, parents=True, exist_ok=True)
    alone = _redis(folder, sockets, 0, {})
    alone.start()
    try:
        yield f"redis://127.0.0.1:{alone.port}"
    finally:
        alone.stop()


def _node(folder: Path, sockets: Path, number: int) -> Redis:
    more = {"cluster-enabled": "yes", "cluster-node-timeout": "2000", "cluster-require-full-coverage": "yes"}
    return _redis(folder, sockets, number, more)


def _redis(folder: Path, sockets: Path, number: int, more: Mapping[str, str]) -> Redis:
    return Redis(
        folder=folder / f"node{number}",
        sockets=sockets / f"n{number}",
        log=folder / f"node{number}.log",
        databases=1,
        port=_port(),
        more=more,
    )


def _port() -> int:
    """A free one whose bus, 10,000 above, is one too."""
    while (port := system.free_port()) > 55_000:
        pass
    return port


def _join(clients: list[redis.Redis], ports: list[int]) -> None:
    for number, client in enumerate(clients):
        mine = range(SLOTS * number // NODES, SLOTS * (number + 1) // NODES)
        client.execute_command("CLUSTER ADDSLOTS", *mine)
        client.execute_command("CLUSTER SET-CONFIG-EPOCH", number + 1)
    for port in ports[1:]:
        clients[0].execute_command("CLUSTER MEET", "127.0.0.1", port)
    end = time.monotonic() + WITHIN_S
    while not all(_knows_all(client) for client in clients):
        if time.monotonic() > end:
            raise TimeoutError("The nodes of the Redis Cluster did not find each other.")
        time.sleep(0.05)


def _knows_all(client: redis.Redis) -> bool:
    told = client.execute_command("CLUSTER INFO")
    return (told["cluster_state"], told["cluster_known_nodes"]) == ("ok", str(NODES))
