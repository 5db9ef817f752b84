"""Transfers, placements and the audit on a durable PostgreSQL, beside pgbench on the same one in the same run.

pgbench runs before and after each of them, since a machine is not equally quick all the time; the ratio is to the mean
of both. Nothing else runs: no workers, no web. `--floor` measures what can't be undercut instead (floors.py).
"""

import argparse
import os
import resource
import time
from functools import partial
from typing import Any

from bench import floors, posting
from bench.durable import Pgbench, engines
from bench.posting import Speed
from bench.running import Say

SECONDS = 10.0
PGBENCH_S = 8.0
SINGLE_CLIENTS, BATCH_CLIENTS, PLACING_CLIENTS = 16, 4, 8
TRANSFERS_TO_AUDIT = 2_000_000


def add_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--floor", action="store_true", help="only what can't be undercut, beside pgbench")
    parser.add_argument("--audit", type=int, default=TRANSFERS_TO_AUDIT, metavar="TRANSFERS", help="as many, or more")


def run(say: Say, *, floor: bool, audit: int = TRANSFERS_TO_AUDIT) -> dict[str, Any]:
    if floor:
        return _floor(say)
    with engines(say):
        pgbench = Pgbench(say)
        pgbench.prepare()
        say(f"opening {posting.PURSES:,} accounts")
        purses = posting.open_purses()
        pgbench.run(PGBENCH_S)
        speeds, ratios = {}, {}
        for name, make, clients in (
            ("single", partial(posting.singles, purses), SINGLE_CLIENTS),
            ("batched", partial(posting.charges, purses), BATCH_CLIENTS),
            ("batched_journals", partial(posting.journals, purses), BATCH_CLIENTS),
            ("placements", posting.placements, PLACING_CLIENTS),
        ):
            say(f"{name}, {clients} clients, {SECONDS:g} s")
            speeds[name] = posting.measure(make, clients=clients, seconds=SECONDS)
            ratios[name] = _beside(speeds[name], pgbench)
        audited = _audit(say, purses, transfers=audit)
    return {
        "bench": "ledger",
        "ok": audited["ok"],
        "cores": os.cpu_count(),
        "batched_transfers_vs_pgbench": ratios["batched"],
        "batched_journals_vs_pgbench": ratios["batched_journals"],
        "single_transfers_vs_pgbench": ratios["single"],
        "placements_vs_pgbench": ratios["placements"],
        "audit_transfers_per_second": audited["transfers_per_s"],
        "pgbench_tps": [round(tps, 1) for tps in pgbench.runs],
        **{name: speed.figures() for name, speed in speeds.items()},
        "audit": audited,
    }


def _floor(say: Say) -> dict[str, Any]:
    with engines(say):
        pgbench = Pgbench(say)
        pgbench.prepare()
        floors.prepare()
        floors.prepare_placements()
        pgbench.run(PGBENCH_S)
        ratios, speeds = {}, {}
        for name, make, clients in (
            ("commit", floors.commits, SINGLE_CLIENTS),
            ("row_and_two_balances", floors.transfers, SINGLE_CLIENTS),
            ("rows_of_a_placement", floors.placements, PLACING_CLIENTS),
        ):
            say(f"{name}, {clients} clients, {SECONDS:g} s")
            speeds[name] = posting.measure(make, clients=clients, seconds=SECONDS)
            ratios[f"{name}_vs_pgbench"] = _beside(speeds[name], pgbench)
    return {
        "bench": "ledger",
        "floor": True,
        "cores": os.cpu_count(),
        **ratios,
        "pgbench_tps": [round(tps, 1) for tps in pgbench.runs],
        **{name: speed.figures() for name, speed in speeds.items()},
    }


def _beside(speed: Speed, pgbench: Pgbench) -> float:
    before, after = pgbench.runs[-1], pgbench.run(PGBENCH_S)
    return round(2 * speed.per_s / (before + after), 3)


def _audit(say: Say, purses: list[int], *, transfers: int) -> dict[str, Any]:
    """Posts what is missing to so many transfers, seals all of it, lets the vacuum have been there, then audits."""
    from django.db import connection, connections
    from django.utils import timezone

    from payments import checkpoints, sealing
    from payments.audit.running import run as audit
    from payments.models import Transfer

    while (missing := transfers - Transfer.objects.count()) > 0:
        say(f"{missing:,} transfers more to audit")
        posting.measure(partial(posting.charges, purses), clients=os.cpu_count() or 1, seconds=SECONDS)
    began = time.monotonic()
    blocks = sealing.seal(now=timezone.now())
    sealing_s = time.monotonic() - began
    checkpoints.take(timezone.now())
    with connections["owner"].cursor() as cursor:
        cursor.execute("VACUUM (ANALYZE)")
    lanes = os.cpu_count() or 1
    say(f"audit, {lanes} lanes")
    took: dict[str, float] = {}
    began = last = time.monotonic()

    def progress(name: str, _seen: int, _part: float) -> None:
        nonlocal last
        now = time.monotonic()
        took[name] = took.get(name, 0.0) + now - last
        last = now

    report = audit(lanes=lanes, progress=progress)
    seconds = time.monotonic() - began
    connection.close()
    return {
        "ok": report.ok,
        "wrong": {name: finding.first_wrong for name, finding in report.checks.items() if not finding.ok},
        "transfers": report.transfers,
        "seconds": round(seconds, 2),
        "transfers_per_s": round(report.transfers / seconds),
        "seconds_a_check": {name: round(spent, 2) for name, spent in sorted(took.items(), key=lambda one: -one[1])[:8]},
        "blocks": len(blocks),
        "sealed_per_s": round(sum(block.transfers for block in blocks) / sealing_s),
        "peak_memory_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024,
    }
