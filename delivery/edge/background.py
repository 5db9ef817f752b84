"""The one thread of the edge that may wait for PostgreSQL: no request does."""

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import ParamSpec, TypeVar

P = ParamSpec("P")
T = TypeVar("T")

# A second one, so that a slow poll does not keep a new caller's key waiting.
_threads = ThreadPoolExecutor(max_workers=2, thread_name_prefix="postgres")


async def in_thread(work: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
    return await asyncio.get_running_loop().run_in_executor(_threads, lambda: work(*args, **kwargs))
