"""The edge's way to a Redis Cluster: a lane to each of its nodes, chosen by the slot of a key.

A shard's keys carry one hash tag, and so do a viewer's: what belongs together is on one node, in the order in which it
was asked. Source: Redis Cluster specification, key distribution model, redirection.
"""

import asyncio
from binascii import crc_hqx
from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Any

import hiredis
from redis.exceptions import ConnectionError as Disconnected
from redis.exceptions import RedisError

from delivery import hot
from delivery.edge.lane import Asking, Way, address_of, again, met, raw
from delivery.edge.wire import Address, Wire
from delivery.hot import Call, Packed

SLOTS = 16384
REDIRECTIONS = 3
"""So often a call follows a slot that moves."""


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
        answers: list[Any] = [None] * len(calls)
        left: Sequence[int] = range(len(calls))
        for tried in range(1 + REDIRECTIONS):
            if not left:
                break
            if tried:
                await self._look_around()
            # What a node refuses to run, since it has not the slot, is asked of the one that has.
            left = await self._asked(calls, left, answers)
        for place in left:
            raise Disconnected(str(answers[place]))
        return answers

    async def close(self) -> None:
        for wire in self._wires.values():
            wire.leave()

    async def _asked(self, calls: tuple[Asking, ...], places: Iterable[int], answers: list[Any]) -> list[int]:
        """Fills in answers; the places of those that another node has to give."""
        by_node: dict[Wire, list[int]] = {}
        for place in places:
            slot = slot_of(key_of(calls[place]))
            wire = self._of_slot[slot]
            if wire is None or wire.is_lost:
                wire = await self._found(slot)
            by_node.setdefault(wire, []).append(place)
        # All are sent before the first is waited for; and all are waited for, whatever comes of the first.
        asked = [(wire, some, wire.ask([raw(calls[place]) for place in some])) for wire, some in by_node.items()]
        moved: list[int] = []
        lost: RedisError | None = None
        for wire, some, done in asked:
            try:
                told = await done
            except RedisError as error:
                lost = error
                continue
            for place, answer in zip(some, told, strict=True):
                answers[place] = answer
                if isinstance(answer, hiredis.ReplyError):
                    if str(answer).startswith(("MOVED", "ASK", "TRYAGAIN", "CLUSTERDOWN")):
                        moved.append(place)
                    else:
                        answers[place] = await again(wire, calls[place], answer)
        if lost is not None:
            raise lost
        return sorted(moved)

    async def _found(self, slot: int) -> Wire:
        """It may be another's by now. Raises Disconnected."""
        await self._look_around()
        wire = self._of_slot[slot]
        if wire is None or wire.is_lost:
            raise Disconnected(f"no node answers for slot {slot}")
        return wire

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


def key_of(call: Asking) -> str:
    if isinstance(call, Packed):
        return call.key
    if isinstance(call, Call):
        return call.keys[0]
    return str(call[1]) if len(call) > 1 else ""


def slot_of(key: str) -> int:
    """By the hash tag, where there is one."""
    opened = key.find("{")
    closed = key.find("}", opened + 1) if opened >= 0 else -1
    tag = key[opened + 1 : closed] if closed > opened + 1 else key
    return crc_hqx(tag.encode(), 0) % SLOTS
