"""Money that goes back takes its coins along; what was spent of them is owed, and repaid first."""

from datetime import timedelta
from decimal import Decimal

import pytest
from django.db import IntegrityError, OperationalError, transaction
from django.utils import timezone

from orders import placement
from orders.models import Order
from payments import gifts, ledger, returns, wallet
from payments.audit.running import run
from payments.lots import CoinsOwed
from payments.models import LedgerAccount, PaymentReturn, ReturnKind, TopUp
from promote.eligibility import BROWSER
from promote.outbox.relay import relay
from tests.builders import NOON, a_quote, a_video, an_account, an_order, approved, settled
from tests.payments.books import a_paid_top_up, book, books, lot_of
from tests.payments.buying import a_top_up, deliver, state_of, work_off
from tests.payments.ledgers import an_escrow, audited, granted, left_of

pytestmark = pytest.mark.django_db
CHECKS = ["returns", "withdrawals", "books", "lot_uses", "top_ups"]
FIAT = ("clearing:stripe", "coin_liability", "tax_payable", "revenue", "taken_back")


def gave(account, coins, reference):
    return gifts.give(account=account, coins=coins, reference=reference, now=NOON)


def refunded(top_up, amount_minor, ref="re_1", **facts):
    asked = {"kind": ReturnKind.REFUND, "provider_ref": ref, "amount_minor": amount_minor, "now": NOON, **facts}
    return returns.take(top_up_id=top_up.id, **asked)


def test_a_top_up_stands_in_the_books_with_its_tax_and_a_gift_earns_its_price():
    account = an_account(country="AU")
    top_up = a_paid_top_up(account, 100, amount_minor=149)
    assert [book(code, "AUD") for code in FIAT] == [-149, 135, 14, 0, 0]
    gave(account, 50, "half")
    assert [book(code, "AUD") for code in FIAT] == [-149, 135 - 67, 14, 67, 0]
    gave(account, 50, "rest")
    assert [book(code, "AUD") for code in FIAT] == [-149, 0, 14, 135, 0]
    assert lot_of(top_up).uses.count() == 2
    audited()


def test_coins_of_a_store_earn_what_the_store_sold_them_for_without_tax():
    account = an_account()
    a_paid_top_up(account, 100, amount_minor=99, method="apple", gateway="apple", tax_percent=Decimal(0))
    gave(account, 100, "all")
    assert books("clearing:apple", "coin_liability", "revenue") == [-99, 0, 99]
    audited()


def test_a_full_refund_takes_all_coins_and_leaves_nothing_in_the_books():
    account = an_account(country="AU")
    top_up = a_paid_top_up(account, 100, amount_minor=149)
    made = refunded(top_up, 149)
    assert (made.coins, wallet.balance(account=account).free_coins) == (100, 0)
    assert [book(code, "AUD") for code in FIAT] == [0, 0, 0, 0, 0]
    assert refunded(top_up, 149) == made, "the same refund, heard of again, changes nothing"
    told = account.notifications.order_by("-created_at", "-id").first()
    assert told.kind == "coins_taken_back"
    audited()


def test_partial_refunds_take_their_share_and_together_all():
    account = an_account()
    top_up = a_paid_top_up(account, 100, amount_minor=99)
    taken = [refunded(top_up, amount, f"re_{n}").coins for n, amount in enumerate([10, 33, 1, 55])]
    assert sum(taken) == 100
    assert wallet.balance(account=account).free_coins == 0
    assert books(*FIAT) == [0, 0, 0, 0, 0]


def test_no_more_goes_back_than_was_paid_whoever_writes_it():
    account = an_account()
    top_up = a_paid_top_up(account, 100, amount_minor=99)
    refunded(top_up, 60)
    with pytest.raises(returns.ReturnDiffers):
        refunded(top_up, 40, "re_2")
    with pytest.raises(IntegrityError, match="top_up_returns_within_paid"), transaction.atomic():
        PaymentReturn.objects.create(
            top_up=top_up, kind="withdrawal", state="under_way", gateway="stripe", amount_minor=40, currency="USD",
            coins=1, noticed_at=NOON,
        )  # fmt: skip
    with pytest.raises(OperationalError, match="sum of its returns"), transaction.atomic():
        TopUp.objects.filter(id=top_up.id).update(refunded_minor=0)
    with pytest.raises(OperationalError, match="stays as it was"), transaction.atomic():
        PaymentReturn.objects.filter(top_up=top_up).update(amount_minor=1)


def test_what_was_spent_is_owed_blocks_spending_and_the_next_top_up_pays_it_first():
    account = an_account()
    top_up = a_paid_top_up(account, 100)
    gave(account, 70, "spent")
    refunded(top_up, 100)
    balance = wallet.balance(account=account)
    assert (balance.free_coins, balance.debt_coins) == (0, 70)
    assert book("taken_back") == -70
    with pytest.raises(CoinsOwed) as refusal:
        gave(account, 10, "more")
    assert refusal.value.extra == {"missing_coins": 80, "debt_coins": 70}
    assert "70 coins are owed" in refusal.value.detail
    with pytest.raises(CoinsOwed):
        an_escrow(account, 1)
    a_paid_top_up(account, 100)
    balance = wallet.balance(account=account)
    assert (balance.free_coins, balance.debt_coins) == (30, 0)
    assert books("coin_liability", "taken_back", "revenue") == [30, 0, 70]
    audited()


def test_orders_that_hold_the_coins_stop_and_what_they_give_back_repays():
    account = an_account()
    top_up = a_paid_top_up(account, 1000)
    order = an_order_paid_by(account)
    kept = an_order()
    refunded(top_up, 1000)
    assert wallet.balance(account=account).debt_coins == 1000
    while relay():
        pass
    order = Order.objects.get(id=order.id)
    assert (order.status, order.end_reason) == ("ending", "payment_returned")
    assert Order.objects.get(id=kept.id).status == "in_review", "another's order goes on"
    settled(order, now=NOON)
    while relay():
        pass
    balance = wallet.balance(account=account)
    assert (balance.free_coins, balance.held_coins, balance.debt_coins) == (0, 0, 0)
    assert books(*FIAT) == [0, 0, 0, 0, 0]
    audited()


def an_order_paid_by(account):
    """A delivering order, paid with the coins that are there."""
    quote = a_quote(account, a_video(account))
    order = placement.place(account=account, quote=quote.sealed, key="the-order", caller=BROWSER, now=NOON)
    return approved(order)


def test_a_dispute_holds_the_coins_until_it_is_decided():
    account = an_account()
    top_up = a_paid_top_up(account, 100)
    dispute = refunded(top_up, 100, "du_1", kind=ReturnKind.DISPUTE, under_way=True)
    (escrow,) = LedgerAccount.objects.filter(kind="dispute")
    assert (escrow.balance, escrow.owner) == (100_000_000, account.id)
    returns.conclude(returned_id=dispute.id, now=NOON)
    returns.conclude(returned_id=dispute.id, now=NOON)
    escrow.refresh_from_db()
    assert (escrow.balance, escrow.closed) == (0, True)
    audited()


def test_a_dispute_that_is_won_gives_back_to_the_very_lots_and_to_those_that_repaid():
    account = an_account()
    top_up = a_paid_top_up(account, 100)
    grant = granted(account, 20)
    gave(account, 80, "spent")  # the grant and 60 of the payment
    dispute = refunded(top_up, 100, "du_1", kind=ReturnKind.DISPUTE, under_way=True)
    assert wallet.balance(account=account).debt_coins == 60
    second = a_paid_top_up(account, 50)
    assert wallet.balance(account=account).debt_coins == 10
    returns.undo(returned_id=dispute.id, now=NOON)
    returns.undo(returned_id=dispute.id, now=NOON)
    assert wallet.balance(account=account).debt_coins == 0
    assert [left_of(lot) for lot in (grant, lot_of(top_up), lot_of(second))] == [0, 40, 50]
    assert books(*FIAT) == [-150, 90, 0, 60, 0]
    gave(account, 90, "the rest")
    assert books(*FIAT) == [-150, 0, 0, 150, 0]
    audited()


def test_a_dispute_that_was_lost_and_is_won_by_an_appeal_gives_back_too():
    account = an_account()
    top_up = a_paid_top_up(account, 100)
    dispute = refunded(top_up, 100, "du_1", kind=ReturnKind.DISPUTE, under_way=True)
    returns.conclude(returned_id=dispute.id, now=NOON)
    returns.undo(returned_id=dispute.id, now=NOON)
    assert wallet.balance(account=account).free_coins == 100
    assert books(*FIAT) == [-100, 100, 0, 0, 0]
    audited()


def test_coins_given_back_repay_another_debt_first():
    account = an_account()
    first, second = a_paid_top_up(account, 100), a_paid_top_up(account, 100)
    gave(account, 130, "spent")
    one = refunded(first, 100, "du_1", kind=ReturnKind.DISPUTE, under_way=True)
    refunded(second, 100, "re_2")
    assert wallet.balance(account=account).debt_coins == 130
    returns.undo(returned_id=one.id, now=NOON)
    balance = wallet.balance(account=account)
    assert (balance.free_coins, balance.debt_coins) == (0, 30)
    audited()


def test_a_refund_made_at_the_provider_is_heard_of_and_followed(at_till):
    top_up = a_top_up(coins=1000)
    at_till.pays(top_up)
    deliver(at_till.of_kind("checkout.session.completed"))
    work_off()
    top_up.refresh_from_db()
    at_till.stripe.client.v1.refunds.create({"payment_intent": top_up.payment_ref, "amount": 495})
    notice = at_till.of_kind("refund.created")
    deliver(notice)
    work_off()
    assert state_of(notice) == "done"
    assert wallet.balance(account=top_up.account).free_coins == 500
    deliver(notice)
    work_off()
    assert PaymentReturn.objects.get(top_up=top_up).amount_minor == 495


@pytest.mark.parametrize("hours", [0, 5], ids=["while it is looked at again", "after it was let be"])
def test_a_refund_that_is_told_before_its_payment_takes_the_coins_too(at_till, hours):
    top_up = a_top_up(coins=1000)
    at_till.pays(top_up)
    paid = at_till.of_kind("checkout.session.completed")
    session = at_till.stripe.client.v1.checkout.sessions.retrieve(top_up.provider_ref)
    at_till.stripe.client.v1.refunds.create({"payment_intent": session.payment_intent, "amount": 495})
    refund = at_till.of_kind("refund.created")
    deliver(refund)
    for hour in range(hours + 1):
        work_off(now=timezone.now() + timedelta(hours=hour))
    assert state_of(refund) == ("ignored" if hours else "waiting")
    deliver(paid)
    for minutes in (1, 2):
        work_off(now=timezone.now() + timedelta(hours=hours, minutes=minutes))
    assert state_of(refund) == "done"
    assert wallet.balance(account=top_up.account).free_coins == 500
    audited()


def test_a_dispute_at_the_provider_is_followed_to_its_end(at_till):
    top_up = a_top_up(coins=1000)
    at_till.pays(top_up)
    deliver(at_till.of_kind("checkout.session.completed"))
    work_off()
    top_up.refresh_from_db()
    charge = at_till.stripe.client.v1.payment_intents.retrieve(top_up.payment_ref).latest_charge
    dispute = at_till.stripe.control(f"charges/{charge}/dispute")
    deliver(at_till.of_kind("charge.dispute.created"))
    work_off()
    assert wallet.balance(account=top_up.account).free_coins == 0
    answer_by = PaymentReturn.objects.get(top_up=top_up).answer_by
    assert answer_by.timestamp() == dispute["evidence_details"]["due_by"]
    at_till.stripe.control(f"disputes/{dispute['id']}/close", won=True)
    deliver(at_till.of_kind("charge.dispute.closed"))
    work_off()
    assert wallet.balance(account=top_up.account).free_coins == 1000
    assert PaymentReturn.objects.get(top_up=top_up).state == "undone"
    audited()


def test_the_audit_names_a_payment_whose_sums_are_not_its_returns_and_books_that_do_not_add_up():
    account = an_account()
    top_up = a_paid_top_up(account, 100)
    refunded(top_up, 40)
    gave(account, 10, "spent")
    assert run(names=CHECKS).ok
    movement = ledger.Movement(
        ledger.platform("coin_liability", ledger=840), ledger.platform("revenue", ledger=840), 1, ledger=840
    )
    ledger.post(kind="test", key="a stray one", movements=[movement], now=NOON)
    found = run(names=CHECKS).checks
    assert found["returns"].ok
    assert "USD: coins sold and not used are worth 50, the books owe 49" in found["books"].first_wrong
