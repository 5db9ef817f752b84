"""What every request of this process shares: the index, the shards' generations, the way to Redis. Kept fresh behind.

Every 200 ms: orders that changed (PostgreSQL), what the pacers published (Redis). A request waits for neither.
"""

import asyncio
import contextlib
import gc
import logging
import sys
import time
from collections import Counter
from collections.abc import Awaitable, Callable

import numpy as np
from django.conf import settings
from django.db import DatabaseError, InterfaceError, close_old_connections
from pyroaring import BitMap
from redis.exceptions import RedisError

from delivery import hot, ownership, unbilled
from delivery.edge import cluster, listings, sampling
from delivery.edge.background import in_thread
from delivery.edge.callers import Keys
from delivery.edge.funnel import Funnel
from delivery.edge.listings import ShardState, Since
from delivery.edge.paces import Paces
from delivery.edge.sampling import Sampling
from delivery.engine.draws import Draws
from delivery.engine.index import Index
from delivery.engine.tokens import pseudonym
from promote.keys import keyring

log = logging.getLogger("promote.edge")
EVERY_S = 0.2
SWITCH_S = 0.001
"""A thread that reads the database keeps decisions waiting for so long. Python's own 5 ms are half of what one may
take."""
COLLECTED_AFTER = (20_000, 20, 20)
"""A decision leaves no cycles behind: they are looked for more seldom than Python does by itself."""
STALE_S = 5.0
"""Older than this, the index is not asked any more: an order that ended would still be shown."""


class Hub:
    def __init__(self) -> None:
        self.keys = Keys()
        self.keyring = keyring.from_settings()
        url = settings.REDIS_URL
        self.lane = cluster.way(url)
        self.behind_proxy = bool(settings.SECURE_PROXY_SSL_HEADER)
        self.draws = Draws(np.random.default_rng())
        self.index = Index()
        self.funnel = Funnel(self.index)
        self.sampling = Sampling()
        self.exhausted = BitMap()
        """Rows whose release was used up since the pacer last published."""
        self.refused: Counter[unbilled.Counted] = Counter()
        """Events that were not taken since it was told last."""
        self._viewers = self.keyring.current(ownership.PURPOSE).secret
        self._shards: dict[int, ShardState] = {}
        self._paces = Paces()
        self._fresh: set[str] = set()
        """Orders whose pace was not read yet since they were listed."""
        self._since: Since | None = None
        self._read_at = self._paced_at = float("-inf")
        self._tasks: list[asyncio.Task[None]] = []
        self._looking: asyncio.Task[None] | None = None

    async def start(self) -> None:
        # Nothing of what is loaded first can be given back: looking for it would take longer than loading.
        gc.disable()
        sys.setswitchinterval(SWITCH_S)
        self._tasks = [
            asyncio.create_task(self._every(EVERY_S, self.refresh)),
            asyncio.create_task(self._every(1.0, self._tell_funnel)),
            asyncio.create_task(self._every(sampling.EVERY_S, self._tell_rivals)),
        ]

    async def stop(self) -> None:
        tasks = [*self._tasks, *([self._looking] if self._looking else [])]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        with contextlib.suppress(RedisError):
            await self._tell_funnel()
        await self.lane.close()

    @property
    def is_ready(self) -> bool:
        """Whether what is known is fresh enough to decide by."""
        return time.monotonic() - min(self._read_at, self._paced_at) < STALE_S

    def generation(self, shard: int) -> int:
        """The shard's generation, 0 where this Redis is not the one it was made in."""
        state = self._shards.get(shard)
        if state is None or state.redis_run_id != self.lane.run_id(hot.generation_key(shard)):
            return 0
        return state.generation

    def viewer(self, name: str, *, day: int | None = None) -> int:
        """Their pseudonym: for good, or one of that day alone."""
        return pseudonym(self._viewers, name, day=day)

    async def refresh(self) -> None:
        changes, shards = await in_thread(_read, self._since)
        rows, listed = self.index.rows, self.index.listings
        put, drop, fresh = changes.live, changes.gone, [one.order for one in changes.live]
        if rows:
            put = [one for one in put if one.order not in rows or listed[rows[one.order]] != one]
            drop = [order for order in drop if order in rows]
            fresh = [order for order in fresh if order not in rows]
        self._fresh.update(fresh)
        if put or drop:
            await self._swap(self.index.changed(put=put, drop=drop))
        if self._since is None:
            _settle_memory()
        self._since, self._shards, self._read_at = changes.since, shards, time.monotonic()
        await self._read_paces()

    async def _read_paces(self) -> None:
        """What the pacers publish, of every shard whose generation is known."""
        # Asked anything, Redis tells its name: before that no shard's generation is known, and none of them is read.
        await self.lane.run(("PING",))
        self._look_for_nodes()
        pairs = {(shard, generation) for shard in self._shards if (generation := self.generation(shard))}
        self.index = await self._paces.followed(self.lane, self.index, pairs, self._fresh)
        self._fresh = set()
        self._paced_at = time.monotonic()
        self.exhausted = BitMap()

    def _look_for_nodes(self) -> None:
        """Of a cluster, each node tells its own name: one that went away is asked for until it is back. Beside all
        else, since one that does not answer at all is waited for."""
        keys = [key for shard in self._shards if not self.lane.run_id(key := hot.generation_key(shard))]
        if keys and (self._looking is None or self._looking.done()):
            self._looking = asyncio.create_task(self._ask(keys))

    async def _ask(self, keys: list[str]) -> None:
        await asyncio.gather(*(self.lane.run(("EXISTS", key)) for key in keys), return_exceptions=True)

    async def _swap(self, index: Index) -> None:
        """Rows may be given to other orders by the next version: what was counted of this one is told first."""
        funnel = self.funnel
        self.index, self.funnel, self.exhausted = index, Funnel(index), BitMap()
        await funnel.tell(self.lane)

    async def _tell_funnel(self) -> None:
        await self.funnel.tell(self.lane)
        if self.refused:
            refused, self.refused = self.refused, Counter()
            await self.lane.run(*unbilled.tell(refused, now=time.time()))

    async def _tell_rivals(self) -> None:
        await self.sampling.tell(self.index, self.lane, now=time.time())

    async def _every(self, seconds: float, work: Callable[[], Awaitable[None]]) -> None:
        while True:
            try:
                await work()
            except (DatabaseError, InterfaceError, RedisError, OSError) as error:
                log.warning("edge: %s: %s", work.__name__, error)
            except Exception:
                # Whatever it is: who stops refreshing decides by an old world, and says so by not being ready.
                log.exception("edge: %s", work.__name__)
            await asyncio.sleep(seconds)


def _read(since: Since | None) -> tuple[listings.Changes, dict[int, ShardState]]:
    close_old_connections()
    return listings.read(since), listings.shards()


def _settle_memory() -> None:
    """What was loaded first stays: the collector need not go through all live orders again and again."""
    gc.freeze()
    gc.set_threshold(*COLLECTED_AFTER)
    gc.enable()
