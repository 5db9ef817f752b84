"""Finance moves money in twos: who proposes does not approve, and what was approved happened once."""

import pytest
from django.db import IntegrityError, OperationalError, transaction

from payments import adjustments, checkpoints, gifts, ledger, returns, wallet, withdrawing
from payments.adjustments import MoreThanLeft, MoreThanOwed, SamePerson
from payments.audit.running import run
from payments.lots import InsufficientCoins
from payments.models import Adjustment, AdjustmentKind, Journal, PaymentReturn, ReturnKind
from promote.money import MICROS
from promote.refusals import Invalid, WrongState
from tests.builders import NOON, a_number, a_user, an_account
from tests.payments.books import a_paid_top_up, book, books, lot_of
from tests.payments.ledgers import as_owner, audited, granted, together

pytestmark = pytest.mark.django_db


def proposed(kind, account, coins, **facts):
    facts = {"reason": "The feed was down", "by": a_user(is_staff=True), "now": NOON, **facts}
    return adjustments.propose_coins(kind=AdjustmentKind(kind), account=account, coins=coins, **facts)


def approved(adjustment, by=None):
    return adjustments.approve(adjustment_id=adjustment.id, by=by or a_user(is_staff=True), now=NOON)


def coins_on(code):
    return checkpoints.balance(ledger.platform(code)) // MICROS


def test_goodwill_gives_coins_once_and_its_cost_stands_on_a_named_account():
    account, before = an_account(), coins_on("goodwill")
    adjustment = proposed("goodwill", account, 50)
    assert wallet.balance(account=account).free_coins == 0, "nothing moves before a second person says so"
    approved(adjustment)
    with pytest.raises(WrongState):
        approved(adjustment)
    assert wallet.balance(account=account).free_coins == 50
    assert coins_on("goodwill") == before - 50
    assert account.notifications.get().kind == "coins_granted"
    audited()


def test_who_proposes_does_not_decide_whoever_writes_it():
    maker = a_user(is_staff=True)
    adjustment = proposed("goodwill", an_account(), 50, by=maker)
    with pytest.raises(SamePerson):
        approved(adjustment, by=maker)
    with pytest.raises(SamePerson):
        adjustments.refuse(adjustment_id=adjustment.id, reason="no", by=maker, now=NOON)
    with pytest.raises(IntegrityError, match="adjustment_by_two"), transaction.atomic():
        Adjustment.objects.filter(id=adjustment.id).update(
            state="refused", checker=maker, decided_at=NOON, decision="no"
        )
    with pytest.raises(OperationalError, match="stays as it was"), transaction.atomic():
        Adjustment.objects.filter(id=adjustment.id).update(coins=5_000)


def test_a_refused_one_moves_nothing_and_says_why():
    account = an_account()
    adjustment = proposed("goodwill", account, 50)
    with pytest.raises(Invalid):
        adjustments.refuse(adjustment_id=adjustment.id, reason="", by=a_user(), now=NOON)
    journals = Journal.objects.count()
    adjustments.refuse(adjustment_id=adjustment.id, reason="It was not down", by=a_user(is_staff=True), now=NOON)
    with pytest.raises(WrongState):
        approved(adjustment)
    assert Journal.objects.count() == journals


def test_a_correction_takes_coins_with_their_price_and_never_more_than_are_free():
    account = an_account(country="AU")
    a_paid_top_up(account, 100, amount_minor=149)
    approved(proposed("correction", account, -40))
    assert wallet.balance(account=account).free_coins == 60
    assert books("coin_liability", "tax_payable", "correction", currency="AUD") == [81, 9, 59]
    with pytest.raises(InsufficientCoins):
        approved(proposed("correction", account, -61))
    audited()


def test_a_debt_is_written_off_up_to_what_is_owed():
    account = an_account()
    top_up = a_paid_top_up(account, 100)
    gifts.give(account=account, coins=100, reference="spent", now=NOON)
    approved(proposed("chargeback", account, 100, lot=lot_of(top_up)))
    assert wallet.balance(account=account).debt_coins == 100
    with pytest.raises(MoreThanOwed):
        approved(proposed("write_off", account, 101))
    approved(proposed("write_off", account, 100))
    assert wallet.balance(account=account).debt_coins == 0
    audited()


def refunded(top_up, amount, kind=ReturnKind.REFUND, **facts):
    asked = {"provider_ref": f"re-{a_number()}", "amount_minor": amount, "now": NOON, **facts}
    return returns.take(top_up_id=top_up.id, kind=kind, **asked)


def test_a_debt_that_is_written_off_is_a_loss_of_what_its_coins_were_sold_for():
    account = an_account(country="AU")
    top_up = a_paid_top_up(account, 100, amount_minor=149)
    gifts.give(account=account, coins=70, reference="spent", now=NOON)
    refunded(top_up, 149)
    assert books("taken_back", "write_off", "revenue", "tax_payable", currency="AUD") == [-104, 0, 95, 9]
    journal = approved(proposed("write_off", account, 30)).journal
    assert books("taken_back", "write_off", currency="AUD") == [-60, -44]
    assert [move.amount for move in journal.transfers.order_by("seq")] == [30 * MICROS, 44], "one journal"
    approved(proposed("write_off", account, 40))
    assert books("taken_back", "write_off", "coin_liability", currency="AUD") == [0, -104, 0]
    audited()


def test_debts_are_written_off_oldest_first_each_at_its_own_price():
    account = an_account()
    dear, cheap = a_paid_top_up(account, 100, amount_minor=200), a_paid_top_up(account, 100, amount_minor=50)
    granted(account, 50)
    gifts.give(account=account, coins=250, reference="spent", now=NOON)
    for top_up in (dear, cheap):
        refunded(top_up, top_up.amount_minor)
    approved(proposed("write_off", account, 150))
    assert books("taken_back", "write_off") == [-25, -225]
    approved(proposed("chargeback", account, 50, lot=account.lots.get(origin="grant")))
    approved(proposed("write_off", account, 100))
    assert books("taken_back", "write_off") == [0, -250], "what was given has no price"
    audited()


def test_of_a_debt_that_was_written_off_and_never_was_one_the_loss_comes_back():
    account = an_account()
    top_up = a_paid_top_up(account, 100)
    gifts.give(account=account, coins=100, reference="spent", now=NOON)
    dispute = refunded(top_up, 100, kind=ReturnKind.DISPUTE, under_way=True)
    approved(proposed("write_off", account, 60))
    assert books("taken_back", "write_off") == [-40, -60]
    returns.undo(returned_id=dispute.id, now=NOON)
    assert wallet.balance(account=account).debt_coins == 0
    assert books("taken_back", "write_off", "clearing:stripe", "revenue") == [0, 0, -100, 100]
    assert coins_on("write_off") == 0
    audited()


def test_no_more_is_charged_back_than_the_lot_had():
    account = an_account()
    lot = lot_of(a_paid_top_up(account, 100))
    with pytest.raises(Invalid):
        proposed("chargeback", account, 101, lot=lot)
    proposed("chargeback", account, 100, lot=lot)


def test_two_chargebacks_take_no_more_than_the_lot_had_whoever_writes_the_second():
    account = an_account()
    lot = lot_of(a_paid_top_up(account, 100))
    first, second = (proposed("chargeback", account, 60, lot=lot) for _ in range(2))
    made = approved(first)
    with pytest.raises(MoreThanLeft) as refusal:
        approved(second)
    assert "Only 40 coins of this lot" in refusal.value.detail
    with pytest.raises(Invalid):
        proposed("chargeback", account, 41, lot=lot)
    with pytest.raises(IntegrityError, match="would be taken back"), transaction.atomic():
        journal = ledger.post(kind="test", key="forged", movements=[], now=NOON).journal_id
        Adjustment.objects.filter(id=second.id).update(
            state="approved", checker=a_user(), decided_at=NOON, journal=journal
        )
    approved(proposed("chargeback", account, 40, lot=lot))
    assert (wallet.balance(account=account).free_coins, made.journal.kind) == (0, "clawback")
    audited()


@pytest.mark.django_db(transaction=True)
def test_of_chargebacks_at_once_those_go_through_that_the_lot_has_coins_for():
    account = an_account()
    lot = lot_of(a_paid_top_up(account, 100))
    asked = [proposed("chargeback", account, 30, lot=lot) for _ in range(8)]
    checker = a_user(is_staff=True)
    answers = together([lambda one=one: approved(one, by=checker) for one in asked])
    assert sorted(type(answer).__name__ for answer in answers) == ["Adjustment"] * 3 + ["MoreThanLeft"] * 5
    assert wallet.balance(account=account).free_coins == 10
    audited()
    with as_owner(rules_off=True) as cursor:
        cursor.execute("UPDATE payments_lot SET coins = 89 WHERE id = %s", [lot.id])
    assert "of 89 coins: 90 charged back" in run(names=["returns"]).checks["returns"].first_wrong


def test_a_payment_that_goes_back_and_a_chargeback_of_its_lot_take_its_coins_once():
    account = an_account()
    top_up = a_paid_top_up(account, 100)
    approved(proposed("chargeback", account, 60, lot=lot_of(top_up)))
    assert refunded(top_up, 100).coins == 40, "its money went back, and 60 of its coins had been taken"
    assert (wallet.balance(account=account).free_coins, wallet.balance(account=account).debt_coins) == (0, 0)
    with pytest.raises(IntegrityError, match="would be taken back"), transaction.atomic():
        other = a_paid_top_up(account, 10)
        PaymentReturn.objects.create(
            top_up=other, kind="refund", state="done", gateway="stripe", amount_minor=1, currency="USD", coins=11,
            noticed_at=NOON, done_at=NOON,
        )  # fmt: skip
    audited()


def test_what_was_charged_back_is_not_withdrawn_when_other_coins_stand_on_the_lot():
    account = an_account()
    top_up = a_paid_top_up(account, 100)
    approved(proposed("chargeback", account, 60, lot=lot_of(top_up)))
    assert withdrawing.withdrawable(account=account, surface="web", now=NOON) == {"card": 40}


def test_money_moves_between_named_accounts_of_a_currency():
    facts = {"reason": "The bank kept it", "by": a_user(is_staff=True), "now": NOON, "currency": "USD"}
    with pytest.raises(Invalid):
        adjustments.propose_books(debit_code="issuance", credit_code="bank", amount_minor=5, **facts)
    with pytest.raises(Invalid):
        adjustments.propose_books(debit_code="bank", credit_code="bank", amount_minor=5, **facts)
    with pytest.raises(Invalid):
        adjustments.propose_books(debit_code="bank", credit_code="clearing:stirpe", amount_minor=5, **facts)
    made = adjustments.propose_books(debit_code="write_off", credit_code="clearing:stripe", amount_minor=5, **facts)
    before = book("clearing:stripe")
    approved(made)
    assert (book("clearing:stripe"), book("write_off")) == (before + 5, -5)


@pytest.mark.parametrize(("kind", "coins"), [("goodwill", 0), ("goodwill", -1), ("write_off", -1), ("chargeback", 5)])
def test_a_proposal_that_can_not_be_is_refused_at_once(kind, coins):
    with pytest.raises(Invalid):
        proposed(kind, an_account(), coins)
    with pytest.raises(Invalid):
        proposed("goodwill", an_account(), 5, reason="  ")
