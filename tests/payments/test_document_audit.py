"""The audit names a wrong top-up, number or price. Each is written past the guards, by the owner of the tables."""

import pytest
from django.db import connections
from django.utils import timezone

from payments import top_ups, withdrawals
from payments.audit.running import run
from payments.models import TopUp
from promote.money import MICROS
from tests.builders import an_account
from tests.payments.books import a_paid_top_up
from tests.payments.buying import Till, a_top_up
from tests.payments.ledgers import audited, bought
from tests.payments.test_invoices import a_spent_order, billed

pytestmark = pytest.mark.django_db(transaction=True)


def past_the_guards(table: str, change: str) -> None:
    with connections["owner"].cursor() as cursor:
        cursor.execute(f"ALTER TABLE {table} DISABLE TRIGGER USER")
        cursor.execute(change)
        cursor.execute(f"ALTER TABLE {table} ENABLE TRIGGER USER")


def wrong(name: str) -> str | None:
    return run(names=[name]).checks[name].first_wrong


@pytest.mark.parametrize("change", ["coins = coins + 1", "amount_minor = amount_minor + 1", "tax_minor = 1"])
def test_a_top_up_that_is_not_what_was_credited_is_named(at_till: Till, change: str) -> None:
    top_up = a_top_up()
    at_till.pays(top_up)
    top_ups.confirm(top_up_id=top_up.id, now=timezone.now())
    audited()
    past_the_guards("payments_topup", f"UPDATE payments_topup SET {change}")  # noqa: S608
    assert str(top_up.id) in (wrong("top_ups") or "")


def test_coins_for_a_top_up_that_was_not_paid_are_named(at_till: Till) -> None:
    top_up = a_top_up()
    bought(top_up.account, 1000, top_up=top_up.id)
    assert str(TopUp.objects.get().id) in (wrong("top_ups") or "")


def test_coins_of_a_withdrawal_that_are_of_another_lot_are_named() -> None:
    account = an_account()
    a_paid_top_up(account, 100)
    other = bought(account, 50, origin="apple")
    now = timezone.now()
    made = withdrawals.request(account=account, surface="web", coins=60, key="k", now=now)
    audited()
    past_the_guards(
        "payments_transfer",
        f"UPDATE payments_transfer SET debit_id = {other.ledger_account_id} WHERE credit_id = {made.escrow_id}",  # noqa: S608
    )
    assert "leg 1 moved other than it says" in (wrong("withdrawals") or "")


def test_money_that_is_said_to_be_withdrawn_and_is_not_booked_is_named() -> None:
    account = an_account()
    a_paid_top_up(account, 100)
    withdrawals.request(account=account, surface="web", coins=60, key="k", now=timezone.now())
    past_the_guards("payments_paymentreturn", "UPDATE payments_paymentreturn SET amount_minor = amount_minor + 1")
    assert "withdrawals under way are worth 61, the books owe 60" in (wrong("books") or "")


def test_a_missing_document_is_named() -> None:
    account = an_account()
    bought(account, 100)
    for _ in range(2):
        billed(account, a_spent_order(account, coins=10, spent_micros=10 * MICROS))
    audited()
    past_the_guards("payments_invoice", "DELETE FROM payments_invoice WHERE sequence = 1")
    assert "gave 2 numbers" in (wrong("invoice_numbers") or "")


@pytest.mark.parametrize("change", ["gross_minor = gross_minor + 1", "micros = micros + 1", "used_micros = 1"])
def test_a_wrong_price_of_a_part_is_named(change: str) -> None:
    account = an_account()
    bought(account, 100, paid_minor=99)
    billed(account, a_spent_order(account, coins=10, spent_micros=10 * MICROS))
    audited()
    past_the_guards("payments_lotuse", f"UPDATE payments_lotuse SET {change}")  # noqa: S608
    assert "told as used" in (wrong("lot_uses") or "")
