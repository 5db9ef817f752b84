"""Where an order's chances went: noted by the decision, told to Redis each second, by minute; diagnosis.py reads it.

Beside it the traffic itself, by who watched where: slots by the hour, decisions by the minute. A decision only notes;
adding up is done for many at once.
"""

import asyncio
import time
from collections import Counter
from datetime import UTC, datetime

import numpy as np
from numpy.typing import NDArray

from delivery import hot, traffic
from delivery.edge.lane import Asking, Way
from delivery.engine.index import Index
from delivery.funnels import FUNNEL_FOR_S, STAGES, stage_field
from delivery.traffic import Watcher

TARGETED, PACED, OUTBID, CAPPED, SHOWN = range(len(STAGES))
_NOTED_MOST = 500_000
"""Rows that are noted before they are added up."""
_TOLD_AT_ONCE = 200
_BREATH_S = 0.005
"""Between two tellings, so that no decision waits for all of them."""


class Funnel:
    def __init__(self, index: Index) -> None:
        self._index = index
        self._room = index.columns.room
        self._counts: NDArray[np.int64] | None = None
        self._noted: list[list[int]] = [[] for _ in STAGES]
        self._traffic: Counter[Watcher] = Counter()
        self._chances: Counter[Watcher] = Counter()

    def note(self, *, targeted: list[int], outbid: list[int], capped: list[int], shown: list[int]) -> None:
        """One decision: rows, each once a stage. Who is targeted and at no other stage was paced."""
        noted = self._noted
        noted[TARGETED] += targeted
        noted[OUTBID] += outbid
        noted[CAPPED] += capped
        noted[SHOWN] += shown
        if len(noted[TARGETED]) > _NOTED_MOST:
            self._add_up()

    def watched(self, watcher: Watcher, slots: int) -> None:
        self._traffic[watcher] += slots
        self._chances[watcher] += 1

    async def tell(self, lane: Way) -> None:
        """Tells what was noted since the last time, in pieces. Raises RedisError: then the rest is lost."""
        calls = self._taken()
        for start in range(0, len(calls), 2):
            if start:
                await asyncio.sleep(_BREATH_S)
            await lane.run(*calls[start : start + 2])

    def _add_up(self) -> None:
        counts = self._counts if self._counts is not None else np.zeros((len(STAGES), self._room), np.int64)
        for stage, rows in enumerate(self._noted):
            counts[stage] += np.bincount(np.array(rows, np.int64), minlength=self._room)
            rows.clear()
        self._counts = counts

    def _taken(self) -> list[Asking]:
        now = time.time()
        minute = int(now // 60)
        told = self._told_traffic(now, minute)
        if self._noted[TARGETED] or self._counts is not None:
            self._add_up()
            told += self._told_orders(minute)
            self._counts = None
        return told

    def _told_orders(self, minute: int) -> list[Asking]:
        counts = self._counts
        assert counts is not None
        counts[PACED] = counts[TARGETED] - counts[OUTBID] - counts[CAPPED] - counts[SHOWN]
        parts: dict[str, list[str | int]] = {}
        rows = np.nonzero(counts[TARGETED])[0]
        for row, figures in zip(rows.tolist(), counts[:, rows].T.tolist(), strict=True):
            listing = self._index.listings[row]
            assert listing is not None  # a row of this very version
            some = parts.setdefault(hot.funnel_key(listing.shard, minute), [])
            for stage, times in zip(STAGES, figures, strict=True):
                if times:
                    some += (stage_field(listing.order, stage), times)
        most = 2 * len(STAGES) * _TOLD_AT_ONCE
        return [
            hot.count(key=key, kept_for_s=FUNNEL_FOR_S, parts=some[start : start + most])
            for key, some in parts.items()
            for start in range(0, len(some), most)
        ]

    def _told_traffic(self, now: float, minute: int) -> list[Asking]:
        if not self._traffic:
            return []
        hour = traffic.key(datetime.fromtimestamp(now, UTC).replace(minute=0, second=0, microsecond=0))
        commands: list[Asking] = []
        for watcher, slots in self._traffic.items():
            commands.append(("HINCRBY", hour, traffic.field(watcher), slots))
            chances = self._chances[watcher]
            commands.append(("HINCRBY", traffic.minute_key(minute), traffic.minute_field(watcher), chances))
        commands.append(("EXPIRE", hour, traffic.KEPT_FOR_S))
        commands.append(("EXPIRE", traffic.minute_key(minute), FUNNEL_FOR_S))
        self._traffic.clear()
        self._chances.clear()
        return commands
