"""The edge's way to a Redis Cluster: a lane to each of its nodes, chosen by the slot of a key.

A shard's keys carry one hash tag: what belongs together is on one node, in the order in which it was asked. Source:
Redis Cluster specification, key distribution model, redirection.
"""

import asyncio
from binascii import crc_hqx
from collections.abc import Sequence
from dataclasses import replace
from functools import lru_cache
from typing import Any

import hiredis
from redis.exceptions import ConnectionError as Disconnected
from redis.exceptions import RedisError

from delivery import hot
from delivery.edge.lane import Asking, Lane, Way, address_of, again, met, raw
from delivery.edge.wire import Address, Wire
from delivery.hot import Call, Packed

SLOTS = 16384
REDIRECTIONS = 3
"""So often a call follows a slot that moves."""
_MOVES = ("MOVED", "ASK", "TRYAGAIN", "CLUSTERDOWN")


class ClusterLane(Way):
    """To several."""

    def __init__(self, url: str) -> None:
        self._seed = address_of(hot.plain(url))
        self._wires: dict[Address, Wire] = {}
        self._of_slot: list[Wire | None] = [None] * SLOTS
        """Whom to ask, by slot: an address would be hashed anew for each call."""
        self._connecting = asyncio.Lock()

    def run_id(self, key: str) -> str:
        wire = self._of_slot[slot_of(key)]
        return wire.run_id if wire else ""

    async def run(self, *calls: Asking) -> list[Any]:
        nodes = self._met(calls)
        if len(nodes) < len(calls):
            nodes = await self._met_again(calls)
        # All are sent before the first is waited for; and all are waited for, whatever comes of the first.
        asked = [wire.ask((raw(call),)) for wire, call in zip(nodes, calls, strict=True)]
        answers: list[Any] = []
        lost: RedisError | None = None
        for done in asked:
            try:
                answers += await done
            except RedisError as error:
                lost = error
        if lost is not None:
            raise lost
        for place, answer in enumerate(answers):
            if isinstance(answer, hiredis.ReplyError):
                answers[place] = await self._elsewhere(nodes[place], calls[place], answer)
        return answers

    async def close(self) -> None:
        for wire in self._wires.values():
            wire.leave()

    async def _elsewhere(self, wire: Wire, call: Asking, answer: Any) -> Any:
        """What a node refuses to run, since it has not the slot, is asked of the one that has. Raises RedisError."""
        for _ in range(REDIRECTIONS):
            if not str(answer).startswith(_MOVES):
                break
            await self._look_around()
            [wire] = self._met([call]) or await self._met_again([call])
            [answer] = await wire.ask((raw(call),))
            if not isinstance(answer, hiredis.ReplyError):
                return answer
        if str(answer).startswith(_MOVES):
            raise Disconnected(str(answer))
        return await again(wire, call, answer)

    def _met(self, calls: Sequence[Asking]) -> list[Wire]:
        """The wires to their nodes, in their order; fewer where one is lost."""
        of_slot = self._of_slot
        return [wire for call in calls if (wire := of_slot[slot_of(key_of(call))]) is not None and not wire.is_lost]

    async def _met_again(self, calls: Sequence[Asking]) -> list[Wire]:
        """All of them: a slot may be another's by now. Raises Disconnected."""
        await self._look_around()
        nodes = self._met(calls)
        if len(nodes) < len(calls):
            raise Disconnected(f"no node answers for one of the slots {[slot_of(key_of(call)) for call in calls]}")
        return nodes

    async def _look_around(self) -> None:
        """Asks any node who has which slot, and meets those that are new, or came back."""
        async with self._connecting:
            nodes = await self._map()
            for address in dict.fromkeys(nodes):
                wire = self._wires.get(address)
                if wire is None or wire.is_lost:
                    try:
                        self._wires[address] = await met(address)
                    except RedisError:
                        self._wires.pop(address, None)
            self._of_slot = [self._wires.get(address) for address in nodes]

    async def _map(self) -> list[Address]:
        """Raises Disconnected where nobody tells."""
        for wire in [one for one in self._wires.values() if not one.is_lost]:
            try:
                return self._read_map((await wire.ask([hot.pack(("CLUSTER", "SLOTS"))]))[0])
            except RedisError:
                continue
        wire = await met(self._seed)
        try:
            return self._read_map((await wire.ask([hot.pack(("CLUSTER", "SLOTS"))]))[0])
        finally:
            wire.leave()

    def _read_map(self, ranges: Any) -> list[Address]:
        if isinstance(ranges, hiredis.ReplyError):
            raise Disconnected(str(ranges))
        nodes = [self._seed] * SLOTS
        for first, last, (host, port, *_), *_replicas in ranges:
            address = replace(self._seed, host=host.decode() or self._seed.host, port=port)
            nodes[first : last + 1] = [address] * (last - first + 1)
        return nodes


def way(url: str) -> Way:
    """To the Redis, or the cluster, of this address."""
    return ClusterLane(url) if hot.is_cluster(url) else Lane(url)


def key_of(call: Asking) -> str:
    if isinstance(call, Packed):
        return call.key
    if isinstance(call, Call):
        return call.keys[0]
    return str(call[1]) if len(call) > 1 else ""


@lru_cache(maxsize=4096)
def slot_of(key: str) -> int:
    """By the hash tag, where there is one."""
    _, opened, rest = key.partition("{")
    tag, closed, _ = rest.partition("}")
    return crc_hqx((tag if opened and closed and tag else key).encode(), 0) % SLOTS
