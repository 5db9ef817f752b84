"""Where an order's chances went: noted by the decision, told to Redis each second, by minute; diagnosis.py reads it.

Beside it the traffic itself, by who watched where: slots by the hour, decisions by the minute. A decision only notes;
what was noted is added up and told in small pieces, since all of it at once would keep decisions waiting for as long as
the slowest of a hundred may take.
"""

import asyncio
import time
from collections import Counter
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from itertools import compress

import numpy as np

from delivery import hot, traffic
from delivery.edge.lane import Asking, Way
from delivery.engine.auction import Auction
from delivery.engine.index import Index
from delivery.funnels import FUNNEL_FOR_S, stage_fields
from delivery.traffic import Watcher

TARGETED, BIDDING, WINNING, CAPPED, SHOWN = range(5)
"""What is counted; the stages follow from it."""
_NOTED_MOST = 2_000
"""Rows that are noted before they are added up: a fraction of a millisecond."""
_TOLD_AT_ONCE = 50
_BREATH_S, _TOLD_WITHIN_S = 0.002, 0.2
"""Between two tellings; less where there are many."""
Piece = tuple[int, list[int]]
"""A shard, and some of its rows."""


class Funnel:
    def __init__(self, index: Index) -> None:
        self._index = index
        self._counts = _zeros()
        self._noted: list[list[int]] = [[] for _ in self._counts]
        self._watched: list[tuple[Watcher, int]] = []
        self._traffic: Counter[Watcher] = Counter()
        self._chances: Counter[Watcher] = Counter()

    def note(self, targeted: list[int], last: Auction | None, *, aside: Mapping[int, str], shown: list[int]) -> None:
        """One decision: its rows, its last auction, and why some stood aside before it or after it. Each row is at one
        stage."""
        noted = self._noted
        noted[TARGETED] += targeted
        if last is not None:
            bidding, winning = compress(last.rows, last.micros), [won.row for won in last.won if won]
            if aside:
                noted[BIDDING] += [row for row in bidding if row not in aside]
                noted[WINNING] += [row for row in winning if row not in aside]
                noted[CAPPED] += [row for row, why in aside.items() if why == "capped"]
            else:
                noted[BIDDING].extend(bidding)
                noted[WINNING] += winning
        noted[SHOWN] += shown
        if len(noted[TARGETED]) > _NOTED_MOST:
            self._add_up()

    def watched(self, watcher: Watcher, slots: int) -> None:
        self._watched.append((watcher, slots))

    async def tell(self, lane: Way) -> None:
        """Tells what was noted since the last time, in pieces. Raises RedisError: then the rest is lost."""
        now = time.time()
        minute = int(now // 60)
        self._add_up()
        if asked := self._told_traffic(now, minute):
            await lane.run(*asked)
        counts, self._counts = self._counts, _zeros()
        pieces = list(self._pieces(counts))
        breath_s = min(_BREATH_S, _TOLD_WITHIN_S / max(1, len(pieces)))
        for shard, rows in pieces:
            await lane.run(self._told(shard, rows, counts, minute))
            await asyncio.sleep(breath_s)

    def _add_up(self) -> None:
        for count, rows in zip(self._counts, self._noted, strict=True):
            count.update(rows)
            rows.clear()
        for (watcher, slots), times in Counter(self._watched).items():
            if _is_country(watcher[0]):
                self._traffic[watcher] += slots * times
                self._chances[watcher] += times
        self._watched.clear()

    def _pieces(self, counts: list[Counter[int]]) -> Iterator[Piece]:
        rows = np.fromiter(counts[TARGETED], np.int64, len(counts[TARGETED]))
        shards = self._index.columns.shard[rows].astype(np.int64)
        for shard in np.unique(shards).tolist():
            mine = rows[shards == shard].tolist()
            for start in range(0, len(mine), _TOLD_AT_ONCE):
                yield shard, mine[start : start + _TOLD_AT_ONCE]

    def _told(self, shard: int, rows: list[int], counts: list[Counter[int]], minute: int) -> Asking:
        parts: list[str | int] = []
        gets = [count.get for count in counts]
        for row in rows:
            stages = _stages(*[get(row, 0) for get in gets])
            for field, times in zip(stage_fields(self._index.listing(row).order).values(), stages, strict=True):
                if times:
                    parts += (field, times)
        return hot.count(key=hot.funnel_key(shard, minute), kept_for_s=FUNNEL_FOR_S, parts=parts)

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


def _is_country(code: str) -> bool:
    return len(code) == 2 and code.isalpha() and code.isascii()


def _stages(targeted: int, bidding: int, winning: int, capped: int, shown: int) -> tuple[int, ...]:
    """Who bids and does not win is outbid. Who is targeted and at no other stage was paced."""
    outbid = bidding - winning
    return targeted, targeted - outbid - capped - shown, outbid, capped, shown


def _zeros() -> list[Counter[int]]:
    return [Counter() for _ in range(5)]
