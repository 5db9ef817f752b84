"""A million charges with a SIGKILL of edge, worker and Redis on the way, and a FLUSHALL; every book must agree after.

Real decisions and their impressions over HTTP, of orders of which a fifth run out of budget on the way. No order may
cost more than its budget; impressions that nobody pays for stay under half a percent; rollups, events and transfers
tell the same; what is left is back soon after each order's barrier. `--charges 20000` for a short one.
"""

import argparse
import asyncio
import os
import signal
import time
from datetime import UTC, datetime
from statistics import quantiles
from typing import Any

from bench import delivering, engines
from bench.running import Say
from promote.config.engines import Engines

CHARGES = 1_000_000
ORDERS, POOR_OF = 60, 5
"""One of so many orders has money for half of its share."""
SETTLED_WITHIN_S = 300.0
OVER_DELIVERY_MOST, REFUND_P99_MOST_S = 0.005, 10.0


def add_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--charges", type=int, default=CHARGES, help="how many impressions are to be taken")


def run(say: Say, *, charges: int = CHARGES) -> dict[str, Any]:
    with engines.private(say) as ours:
        say(f"placing {ORDERS} orders")
        orders = [delivering.an_order(number) for number in range(ORDERS)]
        _impoverish(orders[::POOR_OF], charges)
        with delivering.served() as parts:
            breaks = {
                "edge": parts.kill_edge,
                "worker": parts.kill_worker,
                "redis": lambda: _kill_redis(ours, say),
                "flushall": _flush,
            }
            told = asyncio.run(delivering.Audience(parts.edge_url, delivering.a_key(), charges, breaks, say).run())
            say("every order is stopped now")
            _settle(orders, say)
        figures = _figures(orders)
        audit = _audit()
    ok = (
        audit["ok"]
        and not figures["over_budget"]
        and figures["overdelivery_share"] <= OVER_DELIVERY_MOST
        and figures["refund_p99_s"] <= REFUND_P99_MOST_S
    )
    return {"drill": "charges", "ok": ok, **told, **figures, "audit": audit}


# --- what is broken -------------------------------------------------------------------------------------------------


def _kill_redis(ours: Engines, say: Say) -> None:
    assert ours.redis is not None
    assert ours.redis.process is not None
    os.kill(ours.redis.process.pid, signal.SIGKILL)
    ours.redis.process.wait()
    ours.redis.start(say)


def _flush() -> None:
    from delivery import hot

    hot.client().flushall()


def _impoverish(orders: list[Any], charges: int) -> None:
    """Leaves them half of what their share of the charges costs at the reserve, as other deliveries would have."""
    from orders.models import Order
    from payments import escrow

    for order in Order.objects.filter(id__in=orders).select_related("market"):
        assert order.escrow_id is not None
        least = order.market.reserve_micros[order.objective] * charges // ORDERS // 2
        left = escrow.left(escrow_ids=[order.escrow_id])[order.escrow_id]
        spent = [(order.escrow_id, left - least)]
        escrow.charge(key=f"drill:{order.id}", charges=spent, now=datetime.now(UTC))


def _settle(orders: list[Any], say: Say) -> None:
    """Raises TimeoutError where some are not refunded in time."""
    from django.db import close_old_connections

    from orders import lifecycle
    from orders.models import EndReason, Order, Status

    close_old_connections()
    for order_id in Order.objects.filter(id__in=orders, status=Status.DELIVERING).values_list("id", flat=True):
        lifecycle.end(order_id=order_id, reason=EndReason.SUSPENDED, by=None, now=datetime.now(UTC))
    until = time.monotonic() + SETTLED_WITHIN_S
    while left := Order.objects.filter(id__in=orders).exclude(status=Status.SETTLED).count():
        if time.monotonic() > until:
            raise TimeoutError(f"{left} orders are not settled after {SETTLED_WITHIN_S:.0f} s")
        say(f"{left} orders are not settled yet")
        time.sleep(2)


def _figures(orders: list[Any]) -> dict[str, Any]:
    from django.db.models import F

    from delivery.models import Barrier, Event, Shard
    from orders.models import Order

    shown = Event.objects.filter(type=0)
    free = shown.filter(reason__in=["over_delivery", "order_closed"]).count()
    drained: dict[Any, Any] = dict(Barrier.objects.filter(order__in=orders).values_list("order", "drained_at"))
    settled = Order.objects.filter(id__in=orders)
    waits = [
        (at - drained[id_]).total_seconds() for id_, at in settled.values_list("id", "refunded_at") if at is not None
    ]
    return {
        "stored": shown.count(),
        "charged": shown.filter(charged=True).count(),
        "over_budget": settled.filter(charged_micros__gt=F("cost_coins") * 1_000_000).count(),
        "ran_out": settled.filter(end_reason="budget").count(),
        "overdelivery_share": round(free / max(1, shown.count()), 5),
        "lost_entries_most": sum(Shard.objects.values_list("lost_entries", flat=True)),
        "generations": max(Shard.objects.values_list("generation", flat=True)),
        "refund_p99_s": round(quantiles(waits, n=100)[98], 2),
    }


def _audit() -> dict[str, Any]:
    from payments.audit.running import run

    report = run()
    wrong = {name: check.first_wrong for name, check in report.checks.items() if not check.ok}
    return {"ok": report.ok, "wrong": wrong}
