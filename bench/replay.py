"""A real log through the engine's own auction, pacing and counters, beside other ways to spend; needs `--data`.

One order at five budgets, from the right multiplier and from five times it, and 200 mixed orders at once; each figure
is the mean over the log as it is and four shuffles of its blocks. Table and picture stand in docs/delivery.md.
"""

import argparse
import os
import tempfile
import time
from collections.abc import Iterator
from concurrent.futures import Future, ProcessPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from statistics import fmean
from typing import Any

from bench.replaying import baselines, cells, log, picture, table
from bench.replaying.cells import Many, One
from bench.replaying.log import NoLog
from bench.running import Say
from promote.config.embedded_redis import Redis

SEEDS = range(5)
"""The log as it is, and its shuffles."""
PROCESSES = 2
DATA = Path(__file__).resolve().parent.parent.parent / "shared" / "data"
Found = dict[tuple[str, bool], list[One]]


def add_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--data", type=Path, default=DATA, help="the folder of real logs")


def run(say: Say, *, data: Path) -> dict[str, Any]:
    try:
        whole = log.read(data)
    except NoLog as missing:
        say(str(missing))
        return {"bench": "replay", "ok": False, "missing": str(missing)}
    begun = time.monotonic()
    say(f"{len(whole):,} auctions, {len(SEEDS)} orders of them")
    with _redis() as redis, ProcessPoolExecutor(min(PROCESSES, os.cpu_count() or 1)) as pool:
        ones = {
            (cell, known): [pool.submit(_one, data, seed, cell, known, redis) for seed in SEEDS]
            for cell in cells.CELLS
            for known in (True, False)
        }
        tried = {rule: pool.submit(_many, data, 0, rule, redis) for rule in cells.rules()}
        found = {key: _told(key, futures, say) for key, futures in ones.items()}
        best_pid = max(
            (rule for rule in tried if rule.startswith("pid")), key=lambda rule: _worth(tried[rule].result())
        )
        kept = ["ours", "unpaced", "throttled", best_pid]
        rest = {rule: [pool.submit(_many, data, seed, rule, redis) for seed in SEEDS if seed] for rule in kept}
        mixed = {rule: [tried[rule].result(), *(future.result() for future in rest[rule])] for rule in kept}
    say(table.drawn(found, mixed))
    table.keep(found, mixed)
    picture.keep(found, mixed)
    return {**_figures(found, mixed), "seconds": round(time.monotonic() - begun)}


@contextmanager
def _redis() -> Iterator[str]:
    """The socket of a Redis of our own: on the log as it is, what the product paces is charged by its scripts there."""
    with tempfile.TemporaryDirectory(prefix="promote-replay-") as made:
        folder = Path(made)
        folder.chmod(0o711)  # the engine's own account passes through
        redis = Redis(
            folder=folder / "redis", sockets=folder / "r", log=folder / "redis.log", more={"appendonly": "no"}
        )
        redis.start()
        try:
            yield str(redis.socket)
        finally:
            redis.stop()


def _one(data: Path, seed: int, cell: str, known: bool, redis: str) -> One:
    return cells.one(log.read(data).shuffled(seed), cell, known=known, redis="" if seed else redis)


def _many(data: Path, seed: int, rule: str, redis: str) -> Many:
    return cells.many(log.read(data).shuffled(seed), rule, redis="" if seed else redis)


def _told(key: tuple[str, bool], futures: list[Future[One]], say: Say) -> list[One]:
    got = [future.result() for future in futures]
    start = "the right multiplier" if key[1] else f"{cells.UNKNOWN:g} × it"
    say(f"{key[0]:>5} from {start}: {fmean(one.value for one in got):.3f} of the best in hindsight")
    return got


def _worth(many: Many) -> float:
    return many.actions


def _figures(found: Found, mixed: dict[str, list[Many]]) -> dict[str, Any]:
    value = {cell: fmean(one.value for one in found[cell, True]) for cell in cells.CELLS}
    over = sum(one.overspent for ones in found.values() for one in ones)
    ours = mixed["ours"]
    figures: dict[str, float | None] = {
        "value_vs_hindsight_1_32": value["1/32"],
        "value_vs_hindsight_k250": value[cells.SMALL],
        "value_vs_best_throttling": worst(found, "throttling"),
        "value_vs_fitted_throttling": worst(found, "fitted"),
        "value_vs_best_price_cap": worst(found, "cap"),
        "value_vs_best_pid": worst(found, "pid"),
        # The same coins are given to every rule, and one that is not spent brings nothing.
        "actions_per_coin_vs_best_baseline": _best(mixed, "actions"),
        "actions_per_spent_coin_vs_best_baseline": _best(mixed, "actions_per_million"),
        "feasible_budget_spent": fmean(many.feasible_spent for many in ours),
        "orders_that_spent_theirs": fmean(many.finished for many in ours),
        "overspent_orders": over + sum(many.overspent for many in ours),
        "plan_error": max(fmean(one.distance for one in found[cell, True]) for cell in cells.SHARES),
        "plan_error_from_5x": max(fmean(one.distance for one in found[cell, False]) for cell in cells.SHARES),
    }
    rounded = {name: figure if figure is None else round(figure, 4) for name, figure in figures.items()}
    bids = {"throttling_wins": list(baselines.WINS), "fitted_bids": list(baselines.LADDER)}
    return {"bench": "replay", "ok": not figures["overspent_orders"], **rounded, **bids}


def worst(found: Found, baseline: str) -> float | None:
    """The least, over the cells, of what the rule gets by what the baseline gets; of those where that gets anything."""
    pairs = [
        (fmean(one.value for one in found[cell, True]), fmean(getattr(one, baseline) for one in found[cell, True]))
        for cell in cells.SHARES
    ]
    return min((ours / theirs for ours, theirs in pairs if theirs), default=None)


def _best(mixed: dict[str, list[Many]], figure: str) -> float | None:
    """What the mixed set gets by the rule, by what it gets by the best of the others; None where that is nothing."""
    got = {rule: fmean(getattr(many, figure) for many in each) for rule, each in mixed.items()}
    best = max(theirs for rule, theirs in got.items() if rule != "ours")
    return got["ours"] / best if best else None
