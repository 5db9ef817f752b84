"""Viewers of late and what the index bids for them, told for forecasts (delivery/rivals.py): a few every second.

A decision only notes who asked. What is held here is an auction without a draw, a call of Redis, or a winner.
"""

import asyncio
import time
from collections import defaultdict, deque

import numpy as np

from delivery import rivals
from delivery.edge.lane import Way
from delivery.engine import auction
from delivery.engine.index import Index, Viewer
from delivery.engine.vocabulary import SURFACES
from delivery.rivals import Met

EVERY_S = 5.0
AT_ONCE = 32
AT_MOST_S = 0.05
"""So much of those five seconds is taken for them: where each meets thousands of orders, fewer are told."""
_STEPS = 6
"""So often a bid is followed by that of an order which runs longer."""
_BREATH_S = 0.01
Noted = tuple[Viewer, str, int]
"""Who asked, the surface, and the first slot's floor."""


class Sampling:
    def __init__(self) -> None:
        self.noted: deque[Noted] = deque(maxlen=AT_ONCE)

    async def tell(self, index: Index, lane: Way, *, now: float) -> None:
        """Raises RedisError: then these are lost, and the next ones are told."""
        noted, self.noted = self.noted, deque(maxlen=AT_ONCE)
        by_country: dict[str, list[Met]] = defaultdict(list)
        took = 0.0
        for viewer, surface, floor in noted:
            if not _is_country(viewer.country):
                continue
            if took > AT_MOST_S:
                break
            began = time.perf_counter()
            by_country[viewer.country].append(met(index, viewer, surface, floor, now=now))
            took += time.perf_counter() - began
            await asyncio.sleep(_BREATH_S)
        for country, some in by_country.items():
            await lane.run(*rivals.tell(country, some))


def met(index: Index, viewer: Viewer, surface: str, floor: int, *, now: float) -> Met:
    """Whoever they are: their name goes no further."""
    _found, rows = index.match(viewer._replace(id=""), surface)
    bids = _bids(index, rows, SURFACES.index(surface), now)
    return Met(viewer.age_band, viewer.gender, viewer.interests, surface, floor, bids)


def _bids(index: Index, rows: list[int], surface: int, now: float) -> tuple[tuple[int, float], ...]:
    """The highest bid, and of each that is over the highest of those that still run. By expected rates."""
    kept = auction.running(index, np.array(rows, np.int64), now)
    if not len(kept):
        return ()
    columns = index.columns
    alpha, beta = columns.alpha[surface].take(kept), columns.beta[surface].take(kept)
    micros = auction.bid(index, kept, alpha / (alpha + beta)).micros
    order = np.argsort(-micros, kind="stable")
    micros, ends_at = micros[order], columns.ends_at.take(kept)[order]
    longest = np.maximum.accumulate(ends_at)
    runs_longer = np.append(True, longest[1:] > longest[:-1])
    steps = np.nonzero(runs_longer & (micros > 0))[0][:_STEPS]
    return tuple(zip(micros[steps].tolist(), ends_at[steps].tolist(), strict=True))


def _is_country(code: str) -> bool:
    return len(code) == 2 and code.isalpha() and code.isascii()
