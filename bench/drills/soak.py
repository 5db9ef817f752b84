"""Twenty minutes at half of what the machine takes: memory stays flat, no lag grows. `--minutes 2` for a short one.

First a quarter of a minute as fast as it goes, then half of that. Every ten seconds: memory of each part and of Redis,
and how old the oldest event is that is not in its row. Memory is flat where the last fifth holds no more than a tenth
more than the one before it. Redis knows a token for up to twelve minutes (delivery/seen.py), so that of twenty the
last eight show whether anything grows.
"""

import argparse
import asyncio
import threading
import time
from datetime import UTC, datetime
from statistics import median
from typing import Any

import psutil

from bench import delivering, engines
from bench.delivering import Parts
from bench.running import Say
from promote.config.engines import Engines

MINUTES = 20.0
ORDERS, PEOPLE = 60, 20_000
FULL_FOR_S = 15.0
EVERY_S = 10.0
GROWTH_MOST, LAG_MOST_S = 1.10, 2.0


def add_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--minutes", type=float, default=MINUTES)


def run(say: Say, *, minutes: float = MINUTES) -> dict[str, Any]:
    with engines.private(say) as ours:
        for number in range(ORDERS):
            delivering.an_order(number)
        with delivering.served() as parts:
            key = delivering.a_key()
            full = asyncio.run(delivering.for_a_time(parts, key, FULL_FOR_S, say, people=PEOPLE))
            say(f"{full:.0f} impressions a second; now half of that for {minutes:g} minutes")
            seen: list[dict[str, float]] = []
            stop = threading.Event()
            looking = threading.Thread(target=_look, args=(ours, parts, seen, stop, say), daemon=True)
            looking.start()
            half = asyncio.run(delivering.for_a_time(parts, key, minutes * 60, say, per_s=full / 2, people=PEOPLE))
            stop.set()
            looking.join()
    growth = {name: _growth([one[name] for one in seen]) for name in seen[0] if name.endswith("_mb")}
    lags = [one["lag_s"] for one in seen]
    ok = all(grown <= GROWTH_MOST for grown in growth.values()) and median(lags[len(lags) * 2 // 3 :]) <= LAG_MOST_S
    return {
        "drill": "soak",
        "ok": ok,
        "minutes": minutes,
        "full_per_s": round(full),
        "half_per_s": round(half),
        "memory_growth": growth,
        "lag_s": {"median": round(median(lags), 2), "most": round(max(lags), 2)},
        "samples": seen,
    }


def _look(ours: Engines, parts: Parts, seen: list[dict[str, float]], stop: threading.Event, say: Say) -> None:
    began = time.monotonic()
    while not stop.wait(EVERY_S):
        sample = {"at_s": round(time.monotonic() - began), "lag_s": round(_lag_s(), 2), **_memory(ours, parts)}
        seen.append(sample)
        say(str(sample))


def _lag_s() -> float:
    from django.db import close_old_connections

    from delivery import drain
    from delivery.models import Shard

    close_old_connections()
    now = datetime.now(UTC)
    return max((drain.lag_s(shard=shard, now=now) for shard in Shard.objects.all()), default=0.0)


def _memory(ours: Engines, parts: Parts) -> dict[str, float]:
    assert ours.redis is not None
    assert ours.redis.process is not None
    pids = {**parts.pids(), "redis": ours.redis.process.pid}
    return {f"{name}_mb": round(_rss(pid) / 1e6, 1) for name, pid in pids.items()}


def _rss(pid: int) -> int:
    """Of a process and all below it."""
    process = psutil.Process(pid)
    return sum(one.memory_info().rss for one in [process, *process.children(recursive=True)])


def _growth(figures: list[float]) -> float:
    fifth = max(1, len(figures) // 5)
    return round(median(figures[-fifth:]) / median(figures[-2 * fifth : -fifth] or figures), 3)
