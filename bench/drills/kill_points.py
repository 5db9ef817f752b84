"""Kills placements and settlements before each of their statements, then PostgreSQL itself under load; and audits.

First every numbered point (bench/killing.py): a placement and a settlement, with a coupon and without, die there
(SIGKILL); what is found then is audited, and the same work done again must end as if nothing had happened. Then
PostgreSQL is killed and started again, several times, while four processes place, end and settle orders: every answer
that was given must still be true, every refund in time, the books clean.
"""

import os
import signal
import tempfile
import time
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

from bench import engines
from bench.running import Say
from promote.config.engines import Engines

CRASHES = 6
BETWEEN_CRASHES_S = 6.0
PLACERS, SETTLERS = 2, 2
SETTLED_WITHIN_S = 300.0


def run(say: Say) -> dict[str, Any]:
    with engines.private(say) as ours:
        wrong: list[str] = []
        deaths = {
            f"{name}, {how}": _at_every_point(name, coupon, wrong, say)
            for name in ("place", "settle")
            for how, coupon in (("with a coupon", True), ("without", False))
        }
        answered = _under_load(ours, say)
        wrong += _lost(answered)
        figures = _figures()
        audit = _audit()
    ok = audit["ok"] and not wrong and not figures["late"] and not figures["not_settled"]
    return {"drill": "kill-points", "ok": ok, "deaths": deaths, "database_kills": CRASHES,
            "orders_answered": len(answered), **figures, "wrong": wrong, "audit": audit}  # fmt: skip


# --- every numbered point -------------------------------------------------------------------------------------------


def _at_every_point(name: str, coupon: bool, wrong: list[str], say: Say) -> int:
    """How often the work died; what was not right afterwards goes to `wrong`."""
    from bench import killing
    from payments import wallet

    customer = _Customer(coupon=coupon)
    if name == "settle":
        customer.place()
        customer.end()
    expected = 1000 if name == "place" else customer.free_coins()
    deaths = 0
    for deaths in killing.points(customer.place if name == "place" else customer.settle):
        if wallet.balance(account=customer.account).free_coins != expected:
            wrong.append(f"{name}: killed at point {deaths}, coins have moved")
        audit = _audit()
        if not audit["ok"]:
            wrong.append(f"{name}: killed at point {deaths}: {audit}")
    if customer.place() != customer.place():
        wrong.append(f"{name}: the same key gave two orders")
    if name == "place":
        customer.end()
        customer.settle()
    if customer.free_coins() != 1000:
        wrong.append(f"{name}: {customer.free_coins()} coins are back, of 1000")
    say(f"{name} ({'with a coupon' if coupon else 'without'}): killed at {deaths} points")
    return deaths


class _Customer:
    """An account with 1,000 coins, a video, and a quote of 1,000, or of 1,200 with a coupon of 200."""

    def __init__(self, *, coupon: bool) -> None:
        from coupons import campaigns, offers
        from orders import quotes
        from payments import wallet
        from promote import ids
        from promote.accounts.models import Account
        from promote.catalogue.models import Video
        from promote.eligibility import BROWSER

        name, now = f"drill-{ids.new().hex}", _now()
        self.key = name
        self.account = Account.objects.create(
            external_id=name, username=name, type="business", country="US", birth_date=date(1990, 1, 1),
            source_updated_at=now,
        )  # fmt: skip
        video = Video.objects.create(
            external_id=name, account=self.account, caption="Kiln opening", visibility="public", status="active",
            duration_s=21, source_updated_at=now,
        )  # fmt: skip
        wallet.grant(account=self.account, coins=1000, key=name, now=now, reason="drill")
        offer = None
        if coupon:
            campaign = campaigns.open_campaign(by=None, now=now, name=name, kind="voucher", coins=200)
            campaigns.fund(campaign_id=campaign.id, coins=1000, key="drill", by=None, now=now)
            offer = offers.grant(campaign_id=campaign.id, account=self.account, now=now)
        self.quote = quotes.make(
            account=self.account, caller=BROWSER, target=video, now=now, objective="video_views",
            budget_coins=1200 if coupon else 1000, duration_s=86_400, audience={"automatic": True},
            offer_id=offer.id if offer else None,
        ).sealed  # fmt: skip

    def place(self) -> str:
        from orders import placement
        from promote.eligibility import BROWSER

        order = placement.place(account=self.account, quote=self.quote, key=self.key, caller=BROWSER, now=_now())
        return order.public_id

    def end(self) -> None:
        """Approved, delivering, ended by its owner and drained; each only where it is not yet."""
        from orders import lifecycle
        from orders.models import EndReason, Order, Status

        order = Order.objects.get(account=self.account, key=self.key)
        if order.status == Status.IN_REVIEW:
            lifecycle.start(order, by=None, why="approved", now=_now())
        if order.status == Status.DELIVERING:
            lifecycle.end(order_id=order.id, reason=EndReason.USER, by=None, now=_now())
        lifecycle.mark_drained(order_id=order.id, now=_now())

    def settle(self) -> None:
        """Its order is due: asked until it is settled, since a dead worker's locks may outlive it by a moment."""
        from orders import settlement

        until = time.monotonic() + SETTLED_WITHIN_S
        while not settlement.settle_due(limit=50, now=_now()):
            if time.monotonic() > until:
                raise TimeoutError("the order is due, and nobody could settle it")

    def free_coins(self) -> int:
        from payments import wallet

        return wallet.balance(account=self.account).free_coins


# --- the database, under load ---------------------------------------------------------------------------------------


def _under_load(ours: Engines, say: Say) -> set[str]:
    """Kills PostgreSQL while orders are placed and settled; the orders of which somebody was told that they stand."""
    with tempfile.TemporaryDirectory(prefix="promote-drill-") as folder:
        told = Path(folder)
        enough, all_ended = told / "enough", told / "all-ended"
        placers = [_child(lambda: _place_until(enough, told)) for _ in range(PLACERS)]
        settlers = [_child(lambda: _settle_until(all_ended)) for _ in range(SETTLERS)]
        try:
            for crash in range(CRASHES):
                time.sleep(BETWEEN_CRASHES_S)
                _crash(ours, say)
                say(f"PostgreSQL was killed and is back ({crash + 1} of {CRASHES})")
            time.sleep(BETWEEN_CRASHES_S)
        except BaseException:
            for child in placers + settlers:
                os.kill(child, signal.SIGKILL)
            raise
        enough.touch()
        _await(placers)
        all_ended.touch()
        _await(settlers)
        return {line for file in told.glob("*.told") for line in file.read_text().split()}


def _crash(ours: Engines, say: Say) -> None:
    assert ours.postgres is not None
    assert ours.postgres.process is not None
    os.kill(ours.postgres.process.pid, signal.SIGKILL)
    ours.postgres.process.wait()
    ours.postgres.start(say)


def _child(work: Callable[[], None]) -> int:
    from django.db import connections

    connections.close_all()
    child = os.fork()
    if child == 0:
        failed = 1
        try:
            work()
            failed = 0
        finally:
            os._exit(failed)
    return child


def _await(children: list[int]) -> None:
    codes = [os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) for child in children]
    if any(codes):
        raise RuntimeError("a process of the load failed; what it said is above")


def _place_until(enough: Path, told: Path) -> None:
    """Places, ends and says so, each step again until it is answered, as a client with its key would."""
    with (told / f"{os.getpid()}.told").open("w") as log:
        while not enough.exists():
            customer = _insisting(lambda: _Customer(coupon=True))
            print(_insisting(customer.place), file=log, flush=True)
            _insisting(customer.end)


def _settle_until(all_ended: Path) -> None:
    from orders import settlement

    over, due = False, 0
    while due or not over:
        over = all_ended.exists()
        due = _insisting(lambda: settlement.settle_due(limit=50, now=_now()))
        time.sleep(0.05)


def _insisting(work: Callable[[], Any]) -> Any:
    """The work's answer, asked for again while the database is away."""
    from django.db import InterfaceError, OperationalError, connections

    until = time.monotonic() + SETTLED_WITHIN_S
    while True:
        try:
            return work()
        except (InterfaceError, OperationalError):
            connections.close_all()
            if time.monotonic() > until:
                raise
            time.sleep(0.1)


def _lost(answered: set[str]) -> list[str]:
    from orders.models import Order

    there = {order.public_id for order in Order.objects.all()}
    return [f"{order} was placed, and is not there" for order in sorted(answered - there)]


def _figures() -> dict[str, Any]:
    from orders import promise
    from orders.models import Order

    kept = promise.kept(since=timedelta(days=1), now=_now())
    return {
        "orders": Order.objects.count(),
        "not_settled": Order.objects.filter(status="ending").count(),
        "set_aside": Order.objects.set_aside().count(),
        "late": kept.late,
        "worst_refund_seconds": kept.worst_s,
    }


def _audit() -> dict[str, Any]:
    from payments.audit import running

    report = running.run()
    wrong = {name: finding.first_wrong for name, finding in report.checks.items() if not finding.ok}
    return {"ok": report.ok, "transfers": report.transfers, "wrong": wrong}


def _now() -> datetime:
    return datetime.now(UTC)
