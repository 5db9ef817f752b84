"""What the pacers publish, followed: each shard's list read whole once, then only what its log says has changed."""

from collections.abc import Collection, Iterable
from typing import Any

import numpy as np

from delivery import hot
from delivery.edge.lane import Command, Way
from delivery.engine.index import Index

Pair = tuple[int, int]
"""A shard and its generation."""
ONE_BY_ONE = 1000
"""Up to so many new orders are looked up by themselves."""


class Paces:
    def __init__(self) -> None:
        self._since: dict[Pair, int] = {}
        """The last entry read of each log, 0 where it was empty."""

    async def followed(self, lane: Way, index: Index, pairs: Collection[Pair], fresh: Collection[str]) -> Index:
        """The index as the pacers have it now. `fresh`: orders whose rows know nothing yet. Orders of a shard without
        a generation, and those that left the list, are off. Raises RedisError."""
        changes = _Changes(index)
        for shard, _generation in self._since.keys() - set(pairs):
            changes.off(shard)
        self._since = {pair: since for pair, since in self._since.items() if pair in pairs}
        if len(fresh) > ONE_BY_ONE:
            self._since.clear()
        await self._read_logs(lane, changes)
        await self._read_lists(lane, changes, [pair for pair in pairs if pair not in self._since])
        if len(fresh) <= ONE_BY_ONE:
            await _look_up(lane, changes, dict(pairs), fresh)
        return changes.made()

    async def _read_logs(self, lane: Way, changes: "_Changes") -> None:
        # The last entry known is asked for again: where it is not the first answer, the log is another or has a gap.
        pairs = list(self._since)
        logs = await lane.run(*(("XRANGE", hot.paces_key(*pair), f"{self._since[pair]}-0", "+") for pair in pairs))
        for pair, log in zip(pairs, logs, strict=True):
            known = self._since[pair]
            entries = [(int(id_.split(b"-")[0]), fields[1]) for id_, fields in log]
            if (entries[0][0] if entries else 0) != (known or min(1, len(entries))):
                del self._since[pair]
                continue
            for number, raw in entries:
                if number > known:
                    changes.told(hot.paced(raw))
                    self._since[pair] = number

    async def _read_lists(self, lane: Way, changes: "_Changes", pairs: list[Pair]) -> None:
        commands: list[Command] = []
        for pair in pairs:
            commands.append(("XREVRANGE", hot.paces_key(*pair), "+", "-", "COUNT", 1))
            commands.append(("HGETALL", hot.pace_key(*pair)))
        answers = await lane.run(*commands)
        for pair, last, flat in zip(pairs, answers[::2], answers[1::2], strict=True):
            changes.off(pair[0])
            changes.told(hot.paced(b"".join(flat)))
            self._since[pair] = int(last[0][0].split(b"-")[0]) if last else 0


async def _look_up(lane: Way, changes: "_Changes", generations: dict[int, int], orders: Iterable[str]) -> None:
    rows, shards = changes.index.rows, changes.index.columns.shard
    keys = [
        (order, hot.pace_key(shard, generations[shard]))
        for order in orders
        if (row := rows.get(order)) is not None and (shard := int(shards[row])) in generations
    ]
    answers = await lane.run(*(("HGET", key, order) for order, key in keys))
    raws = [order.encode() + raw for (order, _key), raw in zip(keys, answers, strict=True) if raw is not None]
    changes.told(hot.paced(b"".join(raws)))


class _Changes:
    """Rows and their figures, gathered for one next version; the last word on a row stands."""

    def __init__(self, index: Index) -> None:
        self.index = index
        self.rows: list[int] = []
        self.figures: list[Any] = []

    def told(self, records: Any) -> None:
        get = self.index.rows.get
        rows = [get(name.decode()) for name in records["order"].tolist()]
        known = [place for place, row in enumerate(rows) if row is not None]
        self.rows += [row for row in rows if row is not None]
        self.figures.append(records["figures"][known])

    def off(self, shard: int) -> None:
        columns = self.index.columns
        rows = np.nonzero((columns.shard == shard) & (columns.mu > 0))[0]
        self.rows += rows.tolist()
        self.figures.append(np.zeros((len(rows), hot.PACED["figures"].shape[0])))

    def made(self) -> Index:
        return self.index.repaced(self.rows, np.concatenate(self.figures)) if self.rows else self.index
