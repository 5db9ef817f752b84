"""Where an order's chances went, counted by the row and told to Redis once a second, by minute (diagnosis.py reads it).

Beside it the traffic itself, by who watched where: slots by the hour, decisions by the minute.
"""

import time
from collections import Counter
from datetime import UTC, datetime

import numpy as np

from delivery import hot, traffic
from delivery.edge.lane import Command
from delivery.engine.index import Index
from delivery.funnels import FUNNEL_FOR_S, STAGES, stage_field
from delivery.traffic import Watcher


class Funnel:
    def __init__(self, index: Index) -> None:
        self._index = index
        self._counts = np.zeros((len(STAGES), index.columns.mu.shape[0]), np.int64)
        self._traffic: Counter[Watcher] = Counter()
        self._chances: Counter[Watcher] = Counter()

    def count(self, stage: str, rows: list[int]) -> None:
        """Rows, each once."""
        self._counts[STAGES.index(stage), rows] += 1

    def watched(self, watcher: Watcher, slots: int) -> None:
        self._traffic[watcher] += slots
        self._chances[watcher] += 1

    def taken(self) -> list[Command]:
        """The commands that tell what was counted since the last time."""
        now = time.time()
        minute = int(now // 60)
        commands: list[Command] = []
        for stage, row in zip(*np.nonzero(self._counts), strict=True):
            listing = self._index.listings[row]
            if listing is not None:
                key = hot.funnel_key(listing.shard, minute)
                times = int(self._counts[stage, row])
                commands.append(("HINCRBY", key, stage_field(listing.order, STAGES[stage]), times))
        shards = {listing.shard for listing in self._index.listings if listing} if commands else set()
        commands += [("EXPIRE", hot.funnel_key(shard, minute), FUNNEL_FOR_S) for shard in shards]
        commands += self._told_traffic(now, minute)
        self._counts[:] = 0
        return commands

    def _told_traffic(self, now: float, minute: int) -> list[Command]:
        if not self._traffic:
            return []
        hour = traffic.key(datetime.fromtimestamp(now, UTC).replace(minute=0, second=0, microsecond=0))
        commands: list[Command] = []
        for watcher, slots in self._traffic.items():
            commands.append(("HINCRBY", hour, traffic.field(watcher), slots))
            chances = self._chances[watcher]
            commands.append(("HINCRBY", traffic.minute_key(minute), traffic.minute_field(watcher), chances))
        commands.append(("EXPIRE", hour, traffic.KEPT_FOR_S))
        commands.append(("EXPIRE", traffic.minute_key(minute), FUNNEL_FOR_S))
        self._traffic.clear()
        self._chances.clear()
        return commands
