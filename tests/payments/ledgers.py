"""Ledger situations that several tests of payments begin with."""

import contextlib
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

from django.db import connection, connections

from payments import audit, checkpoints, escrow, ledger, lots, sealing, wallet
from payments.audit import Report, guards
from payments.audit.running import run as run_audit
from payments.ledger import Movement
from payments.models import AccountKind, Block, Guard, Lot
from promote.accounts.models import Account
from promote.money import MICROS
from tests.builders import NOON, a_number

ISSUANCE = ledger.platform("issuance")
SPEND = ledger.platform("spend")


def a_purse(coins: int = 0) -> int:
    """A guarded ledger account with coins on it."""
    purse = ledger.open_account(kind=AccountKind.CAMPAIGN, guard=Guard.CREDIT)
    if coins:
        moved(ISSUANCE, purse, coins * MICROS)
    return purse


def moved(debit_id: int, credit_id: int, micros: int, *, key: str | None = None) -> ledger.Posted:
    movement = Movement(debit_id, credit_id, micros)
    return ledger.post(kind="test", key=key or f"test:{a_number()}", movements=[movement], now=NOON)


def granted(account: Account, coins: int, **facts: Any) -> Lot:
    facts = {"now": NOON, "key": f"grant:{a_number()}", "reason": "a test", **facts}
    return wallet.grant(account=account, coins=coins, **facts)


def bought(account: Account, coins: int, *, origin: str = "card", **facts: Any) -> Lot:
    facts = {"now": NOON, "key": f"bought:{a_number()}", "paid_minor": coins, "currency": "USD", **facts}
    return lots.open_lot(account=account, origin=origin, coins=coins, **facts)


def a_coupon(coins: int, *, funded_coins: int | None = None) -> escrow.CouponShare:
    """A coupon's share, of a campaign that has just that."""
    campaign = ledger.open_account(kind=AccountKind.CAMPAIGN, guard=Guard.CREDIT, code=f"test-campaign:{a_number()}")
    funded = coins if funded_coins is None else funded_coins
    if funded:
        moved(ledger.platform("coupon_expense"), campaign, funded * MICROS)
    return escrow.CouponShare(campaign, coins * MICROS)


def an_escrow(
    account: Account, coins: int, *, coupon: escrow.CouponShare | None = None, ref: str | None = None
) -> escrow.EscrowToSettle:
    """An order's escrow that `account` paid `coins` into, as settlement takes it."""
    ref = ref or f"order-{a_number()}"
    escrow_id = escrow.fund(account=account, pay_micros=coins * MICROS, coupon=coupon, ref=ref, now=NOON)
    return escrow.EscrowToSettle(escrow_id, coupon, ref)


def charged(funded: escrow.EscrowToSettle, micros: int) -> escrow.EscrowToSettle:
    escrow.charge(key=f"test-charge:{a_number()}", charges=[(funded.escrow_id, micros)], now=NOON)
    return funded


def settled(*funded: escrow.EscrowToSettle) -> dict[int, escrow.Settled]:
    return escrow.settle(settlements=funded, now=NOON)


def left_of(lot: Lot) -> int:
    """Coins on a lot."""
    micros = ledger.balances([lot.ledger_account_id])[lot.ledger_account_id]
    coins, fraction = divmod(micros, MICROS)
    assert not fraction
    return coins


def checkpointed() -> int:
    """Takes a checkpoint that covers everything posted; how many were written."""
    all_have_ended()
    return checkpoints.take(NOON)


def sealed(*, most: int = sealing.MOST_TRANSFERS) -> list[Block]:
    """Seals everything posted."""
    all_have_ended()
    return sealing.seal(now=NOON, most=most)


def all_have_ended() -> None:
    """Waits until no transaction runs that is older than the last posted. Those of other databases on the same server
    count as well: a property's examples may take a minute.
    """
    for _ in range(3600):
        with connection.cursor() as cursor:
            cursor.execute(
                """SELECT pg_snapshot_xmin(pg_current_snapshot()) > xid FROM payments_transfer
                    ORDER BY xid DESC LIMIT 1"""
            )
            if cursor.fetchone()[0]:
                return
        time.sleep(0.05)
    raise AssertionError("a transaction runs for three minutes")


LEDGER_CHECKS = [
    name
    for name, check in audit.checks().items()
    if check.__module__.startswith("payments.audit.") and check.__module__ != "payments.audit.document_checks"
]
"""Without those of the rooms above, in whose eyes an escrow without an order is wrong."""


def audited() -> Report:
    """The ledger's audit, which must find nothing wrong."""
    report = run_audit(names=LEDGER_CHECKS)
    assert report.ok, report.as_dict()
    return report


@contextlib.contextmanager
def as_owner(*, rules_off: bool = False) -> Iterator[Any]:
    """A cursor of the schema's owner, which the product never is while it runs; with the guards switched off."""
    with connections["owner"].cursor() as cursor:
        if rules_off:
            for table in {table for table, _name in guards.triggers("payments")}:
                cursor.execute(f"ALTER TABLE {table} DISABLE TRIGGER USER")
        yield cursor
        if rules_off:
            for table in {table for table, _name in guards.triggers("payments")}:
                cursor.execute(f"ALTER TABLE {table} ENABLE TRIGGER USER")


def together(works: list[Callable[[], Any]], *, timeout_s: int = 60) -> list[Any]:
    """Runs each in a thread and connection of its own, all let go at once; what each answered or raised."""
    answers: list[Any] = [None] * len(works)
    gate = threading.Barrier(len(works))

    def run(place: int) -> None:
        try:
            connection.ensure_connection()
            gate.wait(timeout_s)
            answers[place] = works[place]()
        except Exception as error:  # noqa: BLE001  (the test looks at what was raised)
            answers[place] = error
        finally:
            connection.close()

    threads = [threading.Thread(target=run, args=(place,), daemon=True) for place in range(len(works))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout_s)
        assert not thread.is_alive(), "a thread hangs"
    return answers
