"""The audit finds nothing on a right ledger, and names the first row of each wrong one.

Every wrong row is written by the tables' owner with the guards off: the product has no way to write it.
"""

import io
import json
from collections.abc import Callable
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.db import connection, transaction

from payments import audit, clawbacks, gifts, ledger, wallet
from payments.audit import Chunk, guards
from payments.audit.running import run
from payments.models import Gift, Lot, Transfer
from promote.money import MICROS
from tests.builders import NOON, an_account
from tests.payments.ledgers import (
    LEDGER_CHECKS,
    a_coupon,
    a_purse,
    an_escrow,
    as_owner,
    audited,
    bought,
    charged,
    checkpointed,
    granted,
    moved,
    settled,
    together,
)

commits = pytest.mark.django_db(transaction=True)


@pytest.fixture
def world() -> dict[str, Any]:
    """A ledger with something of everything in it."""
    account = an_account()
    grant, card = granted(account, 300), bought(account, 500)
    coupon = a_coupon(60)
    done = charged(an_escrow(account, 350, coupon=coupon), 155_500_000)
    settled(done)
    running = charged(an_escrow(account, 100), 1_200_000)
    gift = gifts.give(account=account, coins=20, reference="a gift", now=NOON)
    debtor = an_account()
    spent = bought(debtor, 50, origin="apple")
    gifts.give(account=debtor, coins=50, reference="another", now=NOON)
    clawbacks.claw_back(lot=spent, coins=50, key="refund", now=NOON)
    checkpointed()
    moved(a_purse(2), ledger.platform("spend"), MICROS)
    return {
        "grant": grant.ledger_account_id,
        "card": card.ledger_account_id,
        "done": done.escrow_id,
        "done_key": f"order:{done.ref}:settle",
        "running": running.escrow_id,
        "campaign": coupon.campaign_account_id,
        "gift": gift.id.hex,
        "debtor_lot": spent.ledger_account_id,
        "paid": Transfer.objects.get(debit_id=card.ledger_account_id, credit_id=done.escrow_id).id,
        "refund": Transfer.objects.get(debit_id=done.escrow_id, credit_id=card.ledger_account_id).id,
    }


@commits
def test_a_right_ledger_is_found_right_and_everything_was_looked_at(world):
    report = audited()
    assert report.transfers == Transfer.objects.count()
    seen = {name: finding.seen for name, finding in report.checks.items()}
    assert seen["transfers"] == report.transfers
    assert seen["lots"] == Lot.objects.count()
    assert seen["gifts"] == Gift.objects.count()
    assert seen["escrows"] == 2 + 2, "two escrows, and the two lots that got something back"


WRONGS = [  # which check finds it, what the owner writes, what the audit says
    (
        "balances",
        "UPDATE payments_ledgeraccount SET credits = credits + 5, debits = debits + 5 WHERE id = %(card)s",
        "account %(card)s says",
    ),
    (
        "balances",
        "UPDATE payments_transfer SET amount = amount + 5 WHERE id = %(refund)s",
        "account %(card)s says",
    ),
    (
        "balances",
        "UPDATE payments_transfer SET credit_id = %(grant)s WHERE id = %(refund)s",
        "account %(grant)s says",
    ),
    (
        "balances",
        "DELETE FROM payments_transfer WHERE id = %(refund)s",
        "account %(card)s says",
    ),
    (
        "zero_sum",
        "UPDATE payments_ledgeraccount SET credits = credits + 1 WHERE id = %(card)s",
        "ledger 0 adds up to 1",
    ),
    (
        "zero_sum",
        "UPDATE payments_checkpoint SET debits = debits + 3 WHERE account_id = 1",
        "ledger 0 adds up to -3",
    ),
    (
        "journals",
        "DELETE FROM payments_transfer WHERE id = (SELECT id - 1 FROM payments_transfer WHERE id = %(paid)s)",
        "has 2 transfers, numbered to 3",
    ),
    (
        "transfers",
        "UPDATE payments_transfer SET ledger = 840 WHERE id = %(refund)s",
        "transfer %(refund)s of journal",
    ),
    (
        "transfers",
        "UPDATE payments_transfer SET amount = -amount WHERE id = %(refund)s",
        "transfer %(refund)s of journal",
    ),
    (
        "transfers",
        "DELETE FROM payments_journal WHERE key = %(done_key)s",
        "transfer",
    ),
    (
        "transfers",
        """INSERT INTO payments_transfer (journal_id, seq, ledger, debit_id, credit_id, amount, created_at)
           SELECT journal_id, 99, 0, 1, 2, 5, now()
             FROM payments_transfer WHERE id = %(refund)s""",
        "5 from account 1 to 2",
    ),
    (
        "checkpoints",
        "UPDATE payments_checkpoint SET credits = credits + 1 WHERE account_id = 2",
        "of account 2 says",
    ),
    (
        "no_overdraft",
        "UPDATE payments_ledgeraccount SET guard = 'N' WHERE id = %(campaign)s",
        "account %(campaign)s (campaign",
    ),
    (
        "no_overdraft",
        "UPDATE payments_ledgeraccount SET debits = credits + 1 WHERE id = %(running)s",
        "account %(running)s (escrow",
    ),
    (
        "lots",
        "UPDATE payments_lot SET coins = coins + 1 WHERE ledger_account_id = %(card)s",
        "lot account %(card)s",
    ),
    (
        "lots",
        "UPDATE payments_ledgeraccount SET owner = gen_random_uuid() WHERE id = %(card)s",
        "lot account %(card)s",
    ),
    (
        "lots",
        "DELETE FROM payments_lot WHERE ledger_account_id = %(card)s",
        "lot account %(card)s",
    ),
    (
        "debts",
        "UPDATE payments_ledgeraccount SET credits = credits + 5 WHERE id = %(debtor_lot)s",
        "has lot account %(debtor_lot)s with 5",
    ),
    (
        "escrows",
        "UPDATE payments_transfer SET amount = amount - 1000000 WHERE id = %(refund)s",
        "escrow account %(done)s (order:",
    ),
    (
        "escrows",
        "UPDATE payments_transfer SET credit_id = %(debtor_lot)s WHERE id = %(refund)s",
        "escrow account %(done)s gave 50000000 micros back to account %(debtor_lot)s, which had put in 0",
    ),
    (
        "escrows",
        "UPDATE payments_ledgeraccount SET owner = gen_random_uuid() WHERE id = %(running)s",
        "escrow account %(running)s",
    ),
    (
        "gifts",
        "UPDATE payments_gift SET coins = coins + 1 WHERE id = %(gift)s::uuid",
        "of 21 coins moved 20000000 micros",
    ),
]

GUARDS_OFF = """
    ALTER TABLE payments_ledgeraccount DROP CONSTRAINT ledgeraccount_no_overdraft;
    ALTER TABLE payments_transfer DROP CONSTRAINT transfer_amount_positive;
"""


@commits
@pytest.mark.parametrize(("check", "statement", "said"), WRONGS, ids=[f"{row[0]}-{n}" for n, row in enumerate(WRONGS)])
def test_what_was_tampered_with_is_named(world, check, statement, said):
    with as_owner(rules_off=True) as cursor:
        cursor.execute(GUARDS_OFF)
        cursor.execute(statement, world)
    finding = run().checks[check]
    assert not finding.ok
    assert said % world in finding.first_wrong


@commits
@pytest.mark.parametrize(
    ("guard", "statement"),
    [
        ("transfer_moves_balances", "DROP TRIGGER transfer_moves_balances ON payments_transfer"),
        ("transfer_append_only", "ALTER TABLE payments_transfer DISABLE TRIGGER transfer_append_only"),
        ("ledgeraccount_no_overdraft", "ALTER TABLE payments_ledgeraccount DROP CONSTRAINT ledgeraccount_no_overdraft"),
        ("transfer_amount_positive", "ALTER TABLE payments_transfer DROP CONSTRAINT transfer_amount_positive"),
        ("lot_of_coins", "ALTER TABLE payments_lot DROP CONSTRAINT lot_of_coins"),
        ("withdrawal_leg_stays", "ALTER TABLE payments_withdrawalleg DISABLE TRIGGER withdrawal_leg_stays"),
    ],
)
def test_a_guard_that_is_gone_or_switched_off_is_named(guard, statement):
    with as_owner() as cursor:
        cursor.execute(statement)
    finding = run().checks["guards"]
    assert not finding.ok
    assert finding.first_wrong.startswith(f"{guard} of payments_")


@pytest.mark.django_db
def test_every_trigger_of_the_money_rooms_is_looked_for():
    with connection.cursor() as cursor:
        cursor.execute(
            """SELECT tgrelid::regclass::text, tgname FROM pg_trigger
                WHERE NOT tgisinternal AND tgrelid::regclass::text ~ '^(payments|orders)_'"""
        )
        there = set(cursor.fetchall())
    assert there == {*guards.triggers("payments"), *guards.triggers("orders")}


@pytest.mark.django_db
@pytest.mark.parametrize("room", ["payments", "orders", "delivery"])
def test_the_guards_that_were_written_down_are_those_of_a_fresh_database(room):
    """Where this fails: `manage.py migrate`, then `manage.py freeze_guards`."""
    assert guards.defined(room) == json.loads(guards.file_of(room).read_text())


@commits
@pytest.mark.parametrize(
    ("guard", "statement"),
    [
        (
            "ledgeraccount_no_overdraft",
            """ALTER TABLE payments_ledgeraccount DROP CONSTRAINT ledgeraccount_no_overdraft,
                 ADD CONSTRAINT ledgeraccount_no_overdraft CHECK (true)""",
        ),
        (
            "top_up_once_per_payment",
            """DROP INDEX top_up_once_per_payment;
               CREATE UNIQUE INDEX top_up_once_per_payment ON payments_topup (gateway, payment_ref) WHERE id IS NULL""",
        ),
        (
            "difference_stays",
            """CREATE OR REPLACE TRIGGER difference_stays BEFORE UPDATE ON payments_difference
               FOR EACH ROW WHEN (false) EXECUTE FUNCTION payments_difference_stays()""",
        ),
    ],
)
def test_a_guard_that_was_hollowed_out_is_named(guard, statement):
    with as_owner() as cursor:
        cursor.execute(statement)
    finding = run(names=["guards"]).checks["guards"]
    assert finding.first_wrong.startswith(f"{guard} of payments_")
    assert finding.first_wrong.endswith("is not what it was made as")


@commits
@pytest.mark.parametrize(
    ("granted", "said"),
    [
        ("UPDATE (credits) ON payments_ledgeraccount", "may UPDATE payments_ledgeraccount.credits"),
        ("DELETE ON payments_transfer", "may DELETE payments_transfer"),
    ],
)
def test_what_the_applications_role_may_do_to_the_ledger_is_named(granted, said):
    assert run(names=["rights"]).ok
    app = connection.settings_dict["USER"]
    with as_owner() as cursor:
        cursor.execute(f"GRANT {granted} TO {app}")
    assert run(names=["rights"]).checks["rights"].first_wrong == f"the application's role {app} {said}"


@commits
def test_a_function_that_does_something_else_is_named():
    with as_owner() as cursor:
        cursor.execute(
            """CREATE OR REPLACE FUNCTION payments_apply_transfers() RETURNS trigger
               LANGUAGE plpgsql AS $$ BEGIN RETURN NULL; END $$"""
        )
    finding = run().checks["guards"]
    assert finding.first_wrong.startswith("payments_apply_transfers of ")


@commits
def test_the_audit_sees_one_moment_while_money_moves():
    """Every wallet moves while it runs; a check that saw two moments would find balances and transfers apart."""
    accounts = [an_account() for _ in range(4)]
    for account in accounts:
        granted(account, 400)

    def spend(account) -> Callable[[], None]:
        def work() -> None:
            for _ in range(10):
                settled(charged(an_escrow(account, 10), 2_500_001))

        return work

    reports = together([*map(spend, accounts), *[audited] * 4])[4:]
    assert all(isinstance(report, audit.Report) for report in reports), reports
    assert sum(wallet.balance(account=account).free_coins for account in accounts) == 4 * (400 - 10 * 2)
    audited()


@commits
def test_the_audit_writes_nothing():
    with pytest.raises(Exception, match="read-only transaction"):
        run(progress=lambda _name, _seen, _part: a_purse())


@pytest.mark.django_db
def test_a_check_of_a_room_above_takes_part_and_ends_at_the_first_wrong_row(monkeypatch):
    monkeypatch.setattr(audit, "_checks", {})

    @audit.register("shoes")
    def shoes():
        yield Chunk(10, part=0.5)
        yield Chunk(5, "shoe 12 has no laces")
        raise AssertionError("looked on after the first wrong row")

    steps = []
    report = run(progress=lambda *told: steps.append(told))
    assert report.checks["shoes"] == audit.Finding(ok=False, seen=15, first_wrong="shoe 12 has no laces")
    assert steps == [("shoes", 10, 0.5), ("shoes", 15, 0.0)]
    with pytest.raises(ValueError, match="two checks"):
        audit.register("shoes")(lambda: iter(()))


@commits
def test_the_command_says_what_it_found_and_exits_with_1_where_something_is_wrong(world):
    said, progress = io.StringIO(), io.StringIO()
    call_command("audit", "--json", "--progress", check=LEDGER_CHECKS, stdout=said, stderr=progress)
    report = json.loads(said.getvalue().splitlines()[-1])
    assert report["ok"] is True
    assert report["transfers"] == Transfer.objects.count()
    assert report["checks"]["balances"] == {"ok": True, "seen": 9, "first_wrong": None}
    assert "balances: 9" in progress.getvalue()
    with as_owner(rules_off=True) as cursor:
        cursor.execute("UPDATE payments_transfer SET amount = amount + 5 WHERE id = %(refund)s", world)
    said = io.StringIO()
    with pytest.raises(SystemExit) as exit_:
        call_command("audit", "--check", "lots", "--check", "balances", stdout=said, stderr=progress)
    assert exit_.value.code == 1
    assert "WRONG balances: account" in said.getvalue()
    assert "ok    lots: 3" in said.getvalue()


@pytest.mark.django_db
def test_grant_coins_is_for_development_alone(settings):
    account, said = an_account(external_id="shop-1"), io.StringIO()
    call_command("grant_coins", "shop-1", "500", "--json", stdout=said)
    assert json.loads(said.getvalue())["coins"] == 500
    assert wallet.balance(account=account).free_coins == 500
    for arguments in (["nobody", "5"], ["shop-1", "0"], ["shop-1", "10000001"]):
        with pytest.raises(CommandError), transaction.atomic():
            call_command("grant_coins", *arguments)
    settings.PROMOTE_ENV = "production"
    with pytest.raises(CommandError, match="development only"):
        call_command("grant_coins", "shop-1", "500")
    audited()
