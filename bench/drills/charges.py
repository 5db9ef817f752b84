"""A million charges with a SIGKILL of edge, workers and Redis on the way, and a FLUSHALL; every book must agree after.

Real decisions and their impressions over HTTP. First for a few seconds as fast as it goes; by that rate half of the
orders then come to their end on the way, a quarter of them in each quarter, with money for half of what they could be
shown: so budgets run out while things break. Some must, and no order may cost more than its budget; impressions that
nobody pays for stay under half a percent; rollups, events and transfers tell the same. Every order is drained, and what
is left is back soon: within ten seconds (p99) of when its barrier was due, or was drained where that came sooner.
`--charges 20000` for a short one.
"""

import argparse
import asyncio
import os
import signal
import time
from collections import Counter
from datetime import UTC, datetime, timedelta
from statistics import quantiles
from typing import Any

from bench import delivering, engines
from bench.running import Say
from promote.config.engines import Engines

CHARGES = 1_000_000
ORDERS, POOR_OF = 60, 2
"""One of so many orders ends on the way, and has money for half of its share until then."""
WARM_UP_S, SHORTEST_S = 10.0, 10.0
"""So long the rate is measured, and the first to end are given at least."""
AWAKE = 1_000
"""So many impressions are taken before that."""
SPENT_OUT = 0.98
SETTLED_WITHIN_S = 300.0
OVER_DELIVERY_MOST, REFUND_P99_MOST_S = 0.005, 10.0


def add_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--charges", type=int, default=CHARGES, help="how many impressions are to be taken")


def run(say: Say, *, charges: int = CHARGES) -> dict[str, Any]:
    with engines.private(say) as ours:
        poor_count = ORDERS // POOR_OF
        say(f"placing {ORDERS} orders, {poor_count} of them poor")
        rich = [delivering.an_order(number) for number in range(ORDERS - poor_count)]
        with delivering.served() as parts:
            key = delivering.a_key()
            # Workers have to be there before the rate is one.
            asyncio.run(delivering.Audience(parts.edge_url, key, AWAKE, {}, say).run())
            per_s = asyncio.run(delivering.for_a_time(parts, key, WARM_UP_S, say))
            say(f"{per_s:.0f} impressions a second")
            poor = _poor_orders(poor_count, charges, per_s)
            orders = [*rich, *poor]
            breaks = {
                "edge": parts.kill_edge,
                "worker": parts.kill_workers,
                "redis": lambda: _kill_redis(ours, say),
                "flushall": _flush,
            }
            told = asyncio.run(delivering.Audience(parts.edge_url, key, charges, breaks, say).run())
            say("every order is stopped now")
            _settle(orders, say)
        figures = {**_figures(orders), **_spent_out(poor)}
        if figures["not_drained"]:
            say(f"closed without having been drained: {', '.join(figures['not_drained'])}")
        audit = _audit()
    ok = (
        audit["ok"]
        and not figures["not_drained"]
        and not figures["over_budget"]
        and figures["poor_spent_out"] > 0
        and figures["poor_most_share"] <= 1
        and figures["overdelivery_share"] <= OVER_DELIVERY_MOST
        and figures["refund_p99_s"] <= REFUND_P99_MOST_S
    )
    return {"drill": "charges", "ok": ok, "warm_up_per_s": round(per_s), **told, **figures, "audit": audit}


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


def _poor_orders(count: int, charges: int, per_s: float) -> dict[Any, int]:
    """Orders in their last minutes, a quarter of them for each quarter of the drill, as other deliveries would have
    brought them there. Each with the micros that it has left: half of what its share of the traffic costs at the
    reserve."""
    from django.db import transaction

    from orders.models import Order
    from payments import escrow

    kept = {}
    for number in range(count):
        with transaction.atomic():  # no pacer sees it rich
            order = Order.objects.select_related("market").get(id=delivering.an_order(ORDERS + number))
            assert order.escrow_id is not None
            now, lasts_s = datetime.now(UTC), max(SHORTEST_S, charges / per_s * (number % 4 + 1) / 4)
            least = int(order.market.reserve_micros[order.objective] * per_s * lasts_s / ORDERS / 2)
            left = escrow.left(escrow_ids=[order.escrow_id])[order.escrow_id]
            escrow.charge(key=f"drill:{order.id}", charges=[(order.escrow_id, left - least)], now=now)
            Order.objects.filter(id=order.id).update(ends_at=now + timedelta(seconds=lasts_s))
        kept[order.id] = least
    return kept


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
    from django.db.models import F, Sum

    from delivery.models import Barrier, Event, Shard, UnbilledHour
    from orders.models import Order
    from promote import ids

    shown = Event.objects.filter(type=0)
    # An expired one was refused: it stands among no events.
    expired = UnbilledHour.objects.filter(reason="token_expired").aggregate(all=Sum("impressions"))["all"] or 0
    free = shown.filter(reason__in=["over_delivery", "order_closed"]).count() + expired
    barriers = Barrier.objects.filter(order__in=orders).values_list("order", "due_at", "drained_at")
    since = {id_: min(due_at, drained_at or due_at) for id_, due_at, drained_at in barriers}
    drained = {id_ for id_, _due_at, drained_at in barriers if drained_at}
    settled = Order.objects.filter(id__in=orders)
    refunded = settled.exclude(refunded_at=None).values_list("id", "refunded_at")
    waits = [(at - since[id_]).total_seconds() for id_, at in refunded if at and id_ in since]
    return {
        "stored": shown.count(),
        "charged": shown.filter(charged=True).count(),
        "not_drained": [ids.public("ord", id_) for id_ in orders if id_ not in drained],
        "over_budget": settled.filter(charged_micros__gt=F("cost_coins") * 1_000_000).count(),
        "ended_by": dict(Counter(settled.values_list("end_reason", flat=True))),
        "overdelivery_share": round(free / max(1, shown.count() + expired), 5),
        "lost_entries_least": sum(Shard.objects.values_list("lost_entries", flat=True)),
        "generations": max(Shard.objects.values_list("generation", flat=True)),
        "refund_p99_s": round(quantiles(waits, n=100)[98], 2),
    }


def _spent_out(poor: dict[Any, int]) -> dict[str, Any]:
    """How many of those that had little came to the end of it, and the most that one cost of what it had."""
    from django.db.models import Sum

    from delivery.models import Event

    charged = Event.objects.filter(charged=True, order_id__in=list(poor)).values_list("order_id")
    costs: dict[Any, int] = dict(charged.annotate(micros=Sum("price_micros")))
    shares = [costs.get(order, 0) / had for order, had in poor.items()]
    return {
        "poor": len(shares),
        "poor_spent_out": sum(share >= SPENT_OUT for share in shares),
        "poor_most_share": round(max(shares), 4),
    }


def _audit() -> dict[str, Any]:
    from payments.audit.running import run

    report = run()
    wrong = {name: check.first_wrong for name, check in report.checks.items() if not check.ok}
    return {"ok": report.ok, "wrong": wrong}
