"""What the pacers publish, followed: each shard's list read whole once, then only what its log says has changed."""

import asyncio
from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any

import numpy as np

from delivery import hot
from delivery.edge.lane import Command, Way
from delivery.engine.columns import Columns
from delivery.engine.index import Index

Pair = tuple[int, int]
"""A shard and its generation."""
ONE_BY_ONE = 1000
"""Up to so many new orders are looked up by themselves."""
PIECE, COPIED_AT_ONCE = 500, 8192
"""Orders and rows between which decisions have their turn: a fraction of a millisecond."""


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
        asked_anew = len(fresh) > ONE_BY_ONE
        since = {} if asked_anew else {pair: last for pair, last in self._since.items() if pair in pairs}
        since = await _read_logs(lane, changes, since)
        since |= await _read_lists(lane, changes, [pair for pair in pairs if pair not in since])
        if not asked_anew:
            await _look_up(lane, changes, dict(pairs), fresh)
        made = await changes.made()
        # Not before: what was read of a log, and lost with what came after it, is read again.
        self._since = since
        return made


async def _read_logs(lane: Way, changes: "_Changes", since: Mapping[Pair, int]) -> dict[Pair, int]:
    """The last entry of each log that has all since the one known."""
    # The last entry known is asked for again: where it is not the first answer, the log is another or has a gap.
    logs = await lane.run(*(("XRANGE", hot.paces_key(*pair), f"{known}-0", "+") for pair, known in since.items()))
    last = dict(since)
    for (pair, known), log in zip(since.items(), logs, strict=True):
        entries = [(int(id_.split(b"-")[0]), fields[1]) for id_, fields in log]
        if (entries[0][0] if entries else 0) != (known or min(1, len(entries))):
            del last[pair]
            continue
        for number, raw in entries:
            if number > known:
                await changes.told(hot.paced(raw))
                last[pair] = number
    return last


async def _read_lists(lane: Way, changes: "_Changes", pairs: Sequence[Pair]) -> dict[Pair, int]:
    """Where the log of each list stood when it was read."""
    commands: list[Command] = []
    for pair in pairs:
        commands.append(("XREVRANGE", hot.paces_key(*pair), "+", "-", "COUNT", 1))
        commands.append(("HGETALL", hot.pace_key(*pair)))
    answers = await lane.run(*commands)
    last = {}
    for pair, end, flat in zip(pairs, answers[::2], answers[1::2], strict=True):
        changes.off(pair[0])
        await changes.told(hot.paced(b"".join(flat)))
        last[pair] = int(end[0][0].split(b"-")[0]) if end else 0
    return last


async def _look_up(lane: Way, changes: "_Changes", generations: dict[int, int], orders: Iterable[str]) -> None:
    rows, shards = changes.index.rows, changes.index.columns.shard
    keys = [
        (order, hot.pace_key(shard, generations[shard]))
        for order in orders
        if (row := rows.get(order)) is not None and (shard := int(shards[row])) in generations
    ]
    answers = await lane.run(*(("HGET", key, order) for order, key in keys))
    raws = [order.encode() + raw for (order, _key), raw in zip(keys, answers, strict=True) if raw is not None]
    await changes.told(hot.paced(b"".join(raws)))


class _Changes:
    """Rows and their figures, gathered for one next version; the last word on a row stands. Piece by piece, since all
    of a hundred thousand orders would keep decisions waiting for twenty milliseconds."""

    def __init__(self, index: Index) -> None:
        self.index = index
        self._pieces: list[tuple[list[int], Any]] = []

    async def told(self, records: Any) -> None:
        get = self.index.rows.get
        for start in range(0, len(records), PIECE):
            piece = records[start : start + PIECE]
            rows = [get(name.decode()) for name in piece["order"].tolist()]
            known = [place for place, row in enumerate(rows) if row is not None]
            self._pieces.append(([row for row in rows if row is not None], piece["figures"][known]))
            await asyncio.sleep(0)

    def off(self, shard: int) -> None:
        columns = self.index.columns
        rows = np.nonzero((columns.shard == shard) & (columns.mu > 0))[0]
        self._pieces.append((rows.tolist(), np.zeros((len(rows), hot.PACED["figures"].shape[0]))))

    async def made(self) -> Index:
        if not any(rows for rows, _figures in self._pieces):
            return self.index
        columns = await _copied(self.index.columns)
        for rows, figures in self._pieces:
            columns.put(rows, figures)
            await asyncio.sleep(0)
        return self.index.over(columns)


async def _copied(columns: Columns) -> Columns:
    table = np.empty_like(columns.table)
    for start in range(0, len(table), COPIED_AT_ONCE):
        part = slice(start, start + COPIED_AT_ONCE)
        table[part] = columns.table[part]
        await asyncio.sleep(0)
    return columns.over(table)
