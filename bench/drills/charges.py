"""A million charges with a SIGKILL of edge, worker and Redis on the way, and a FLUSHALL; every book must agree after.

Real decisions and their impressions over HTTP, of orders of which a fifth run out of budget on the way. No order may
cost more than its budget; impressions that nobody pays for stay under half a percent; rollups, events and transfers
tell the same; what is left is back soon after each order's barrier. `--charges 20000` for a short one.
"""

import argparse
import asyncio
import contextlib
import json
import os
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime
from statistics import quantiles
from typing import Any

from bench import engines, system
from bench.running import Say
from bench.system import HOUSE
from promote.config.engines import Engines
from sandbox.http import Client, Unreachable

CHARGES = 1_000_000
ORDERS, POOR_OF = 60, 5
"""One of so many orders has money for half of its share."""
COINS = 100_000
SLOTS = 10
CONNECTIONS = 8
SETTLED_WITHIN_S = 300.0
OVER_DELIVERY_MOST, REFUND_P99_MOST_S = 0.005, 10.0


def add_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--charges", type=int, default=CHARGES, help="how many impressions are to be taken")


def run(say: Say, *, charges: int = CHARGES) -> dict[str, Any]:
    with engines.private(say) as ours:
        say(f"placing {ORDERS} orders")
        orders = [_order(number) for number in range(ORDERS)]
        _impoverish(orders[::POOR_OF], charges)
        with _served(ours) as parts:
            breaks = {
                "edge": parts.kill_edge,
                "worker": parts.kill_worker,
                "redis": lambda: _kill_redis(ours, say),
                "flushall": _flush,
            }
            told = asyncio.run(_Audience(parts.edge_url, _key(), charges, breaks, say).run())
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


class _Parts:
    """Edge, worker and clock, each in a session of its own, so that it dies whole and alone."""

    def __init__(self, folder: Any, port: int) -> None:
        from promote.config import processes

        self.edge_url = f"http://127.0.0.1:{port}"
        self._commands = {
            "edge": processes.edge(port).arguments,
            "worker": processes.worker(2).arguments,
            "beat": processes.beat(folder).arguments,
        }
        self._running = {name: self._start(name) for name in self._commands}

    def kill_edge(self) -> None:
        self._kill("edge")
        system.wait(self._running["edge"], f"{self.edge_url}/health/ready")

    def kill_worker(self) -> None:
        self._kill("worker")

    def stop(self) -> None:
        for process in self._running.values():
            system.stop(process)

    def _kill(self, name: str) -> None:
        os.killpg(self._running[name].pid, signal.SIGKILL)
        self._running[name].wait()
        self._running[name] = self._start(name)

    def _start(self, name: str) -> "subprocess.Popen[bytes]":
        return subprocess.Popen(self._commands[name], cwd=HOUSE, start_new_session=True)


@contextlib.contextmanager
def _served(ours: Engines) -> Iterator[_Parts]:
    from django.conf import settings

    parts = _Parts(settings.PROMOTE_DATA, system.free_port())
    try:
        system.wait(parts._running["edge"], f"{parts.edge_url}/health/ready")
        yield parts
    finally:
        parts.stop()


def _kill_redis(ours: Engines, say: Say) -> None:
    assert ours.redis is not None
    assert ours.redis.process is not None
    os.kill(ours.redis.process.pid, signal.SIGKILL)
    ours.redis.process.wait()
    ours.redis.start(say)


def _flush() -> None:
    from delivery import hot

    hot.client().flushall()


# --- who watches ----------------------------------------------------------------------------------------------------


class _Audience:
    """Decisions and their impressions, until enough were taken; something is broken at each fifth of the way."""

    def __init__(self, edge: str, key: str, charges: int, breaks: dict[str, Callable[[], None]], say: Say) -> None:
        self.client = Client(edge, {"Authorization": f"Api-Key {key}"})
        self.charges, self.breaks, self.say = charges, breaks, say
        self.taken = self.viewers = self.lost_calls = 0
        self.broken: list[str] = []
        self.next_at, self.reached = charges, asyncio.Event()

    async def run(self) -> dict[str, Any]:
        began = time.monotonic()
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._break())
            for _ in range(CONNECTIONS):
                tasks.create_task(self._watch())
        await self.client.close()
        return {
            "accepted": self.taken,
            "accepted_per_s": round(self.taken / (time.monotonic() - began)),
            "lost_calls": self.lost_calls,
            "broken": self.broken,
        }

    async def _break(self) -> None:
        for number, (name, work) in enumerate(self.breaks.items(), 1):
            self.next_at = self.charges * number // (len(self.breaks) + 1)
            self.reached.clear()
            await self.reached.wait()
            self.say(f"{self.taken} taken; now {name}")
            await asyncio.to_thread(work)
            self.broken.append(name)

    async def _watch(self) -> None:
        while self.taken < self.charges:
            self.viewers += 1
            viewer = {"id": f"viewer-{self.viewers}", "country": "US", "age_band": "25-34", "gender": "female"}
            asked = {"viewer": viewer, "surface": "feed", "slots": [{}] * SLOTS}
            answer = await self._call("/v1/decide", asked)
            tokens = [one["token"] for one in answer.get("decisions", ()) if "token" in one]
            if not tokens:
                await asyncio.sleep(0.05)
                continue
            seen = {"type": "impression", "visible_ms": 1500, "visible_share": 0.9}
            await self._tell([{"token": token, "at": datetime.now(UTC).isoformat(), **seen} for token in tokens])

    async def _tell(self, events: list[dict[str, Any]]) -> None:
        """Told again until somebody takes it, as a platform does: what was taken before is a duplicate."""
        until = time.monotonic() + 60
        while time.monotonic() < until:
            results = (await self._call("/v1/events", {"events": events})).get("results")
            if results is not None:
                self.taken += sum(one["status"] in ("accepted", "duplicate") for one in results)
                if self.taken >= self.next_at:
                    self.reached.set()
                return
            await asyncio.sleep(0.2)

    async def _call(self, path: str, body: Any) -> dict[str, Any]:
        """Nothing where nobody answered well."""
        try:
            answer = await self.client.post(path, body)
        except Unreachable:
            self.lost_calls += 1
            return {}
        if answer.status not in (200, 202):
            self.lost_calls += 1
            return {}
        told: dict[str, Any] = json.loads(answer.body)
        return told


# --- whose orders they are ------------------------------------------------------------------------------------------


def _order(number: int) -> Any:
    """The id of an order that came its whole way."""
    from orders import lifecycle, placement, quotes
    from orders.models import Order
    from payments import wallet
    from promote.accounts.models import Account
    from promote.catalogue.models import Video
    from promote.eligibility import BROWSER

    name, now = f"drill-{number}", datetime.now(UTC)
    account = Account.objects.create(
        external_id=name, username=name, type="business", country="US", birth_date=date(1990, 1, 1),
        source_updated_at=now,
    )  # fmt: skip
    video = Video.objects.create(
        external_id=name, account=account, caption="Batik", visibility="public", status="active", duration_s=21,
        source_updated_at=now,
    )  # fmt: skip
    wallet.grant(account=account, coins=COINS, key=name, now=now, reason="drill")
    quote = quotes.make(
        account=account, caller=BROWSER, target=video, now=now, objective="video_views", budget_coins=COINS,
        duration_s=86_400, audience={"automatic": True},
    )  # fmt: skip
    order = placement.place(account=account, quote=quote.sealed, key=name, caller=BROWSER, now=now)
    lifecycle.start(order, by=None, why="approved", now=now)
    return Order.objects.get(id=order.id).id


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


def _key() -> str:
    from promote.keys import platform_keys

    return platform_keys.create(name="drill", scopes=["delivery"], now=datetime.now(UTC))[1]


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
