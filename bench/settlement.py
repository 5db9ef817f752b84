"""Orders that ended in one second, settled by two workers: 10,000, then 100,000, then 1,000,000.

Real engines with fsync, a backlog written through the real tables (backlog.py), and the worker's own task in two
processes. The clock runs from the workers' start to the last refund; seeding is not counted. Then everything is
checked: each refund against a second computation, each escrow, and the audit's checks of ledger and orders.
`--most 100000` leaves out what is larger.
"""

import argparse
import json
import os
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from typing import Any

import psutil

from bench import backlog, engines
from bench.running import Say
from promote.config.engines import Engines

SIZES = {"seconds_at_10k": 10_000, "seconds_at_100k": 100_000, "seconds_at_1m": 1_000_000}
WORKERS = 2
PROMISED_S = 900
# A server for orders by the million: memory for what it works on, and checkpoints that spread over minutes.
POSTGRES = {"shared_buffers": "2GB", "max_wal_size": "16GB", "checkpoint_timeout": "15min"}
CHECKS = ("zero_sum", "balances", "no_overdraft", "order_numbers", "order_histories", "order_escrows", "order_offers")
TABLES = ("orders_order", "orders_ordertransition", "payments_ledgeraccount", "payments_journal", "payments_transfer",
          "coupons_offer", "coupons_offertransition", "outbox_message", "notifications_notification")  # fmt: skip


def add_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--most", type=int, default=max(SIZES.values()), help="leave out what is larger")


def run(say: Say, *, most: int) -> dict[str, Any]:
    figures: dict[str, Any] = {"bench": "settlement", "ok": True, "cores": os.cpu_count(), "workers": WORKERS}
    with engines.private(say, postgres=POSTGRES) as ours:
        from django.utils import timezone

        backlog.open_campaigns(timezone.now())
        first = 0
        for name, size in SIZES.items():
            if size <= most:
                _seed(first, size, ours, say)
                figures |= _settled(name, size, ours, say)
                first += size
            else:
                figures[name] = None
        figures |= _checked(say)
    return figures


def _seed(first: int, size: int, ours: Engines, say: Say) -> None:
    from django.db import connection
    from django.utils import timezone

    say(f"seeding {size:,} orders")
    ended_at = timezone.now()

    def seed(part: int) -> None:
        share = size // WORKERS
        try:
            backlog.seed(first + part * share, share, ended_at=ended_at, say=say)
        finally:
            connection.close()

    with ThreadPoolExecutor(WORKERS) as pool:
        list(pool.map(seed, range(WORKERS)))
    _as_admin(ours, "ANALYZE", "CHECKPOINT")


def _settled(name: str, size: int, ours: Engines, say: Say) -> dict[str, Any]:
    """Lets the workers settle what is due, and says how it went."""
    workers = [_worker() for _ in range(WORKERS)]
    before, cpu_before, started_at, began = _rows(), _server_cpu_s(ours), _now(), time.monotonic()
    for worker in workers:
        _say(worker, "begin")
    while any(worker.poll() is None for worker in workers):
        time.sleep(10 if size > SIZES["seconds_at_100k"] else 0.2)
        if size > SIZES["seconds_at_100k"]:
            say(f"{time.monotonic() - began:.0f} s: {_left():,} orders wait")
    told = [json.loads(worker.communicate()[0]) for worker in workers]
    seconds = (_last_refund() - started_at).total_seconds()
    cpu_s = sum(one["cpu_s"] for one in told)
    say(
        f"{size:,} orders in {seconds:.1f} s; an order took {cpu_s / size * 1e6:.0f} µs of the workers "
        f"and {(_server_cpu_s(ours) - cpu_before) / size * 1e6:.0f} µs of PostgreSQL"
    )
    return {
        "orders": size,
        "rows_written": _rows() - before,
        "worst_refund_seconds": round(seconds, 2),
        "late": _late(started_at),
        name: round(seconds, 2),
        "peak_memory_mb": round(max(one["peak_memory_mb"] for one in told), 1),
    }


def _worker() -> subprocess.Popen[str]:
    """Started, and waiting for its word to begin."""
    command = [sys.executable, "-m", "bench.settling"]
    worker = subprocess.Popen(
        command, cwd=engines.HOUSE, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, bufsize=1
    )
    assert worker.stdout is not None
    if worker.stdout.readline() != "ready\n":
        raise RuntimeError("a worker did not start; what it said is above")
    return worker


def _say(worker: subprocess.Popen[str], word: str) -> None:
    assert worker.stdin is not None
    worker.stdin.write(f"{word}\n")


def _checked(say: Say) -> dict[str, Any]:
    from payments.audit import running

    say("checking every refund and escrow")
    wrong = backlog.wrong()
    say("checking the books")
    audit = running.run(names=CHECKS).as_dict()
    return {"ok": audit["ok"] and not any(wrong.values()), "wrong": wrong, "audit": audit}


def _one(sql: str, *params: Any) -> Any:
    from django.db import connection

    with connection.cursor() as cursor:
        cursor.execute(sql, params)
        return cursor.fetchone()[0]


def _now() -> datetime:
    return _one("SELECT clock_timestamp()")


def _left() -> int:
    return int(_one("SELECT count(*) FROM orders_order WHERE status = 'ending'"))


def _last_refund() -> datetime:
    return _one("SELECT max(refunded_at) FROM orders_order")


def _late(started_at: datetime) -> int:
    return int(
        _one(
            "SELECT count(*) FROM orders_order WHERE refunded_at > %s::timestamptz + make_interval(secs => %s)",
            started_at,
            PROMISED_S,
        )
    )


def _rows() -> int:
    """Rows inserted and updated so far in the tables that settling writes, as PostgreSQL counts them."""
    return int(
        _one(
            "SELECT sum(n_tup_ins + n_tup_upd) FROM pg_stat_user_tables WHERE relname = ANY(%s)",
            list(TABLES),
        )
    )


def _server_cpu_s(ours: Engines) -> float:
    """Of the server and its sessions, those that ended too."""
    assert ours.postgres is not None
    assert ours.postgres.process is not None
    server = psutil.Process(ours.postgres.process.pid)
    own = server.cpu_times()
    running = [child.cpu_times() for child in server.children(recursive=True)]
    return sum(own) - own.iowait + sum(times.user + times.system for times in running)


def _as_admin(ours: Engines, *statements: str) -> None:
    assert ours.postgres is not None
    connection = ours.postgres.connect()
    with connection.cursor() as cursor:
        for statement in statements:
            cursor.execute(statement)
    connection.close()
