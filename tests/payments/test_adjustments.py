"""Finance moves money in twos: who proposes does not approve, and what was approved happened once."""

import pytest
from django.db import IntegrityError, OperationalError, transaction

from payments import adjustments, checkpoints, gifts, ledger, wallet
from payments.adjustments import MoreThanOwed, SamePerson
from payments.lots import InsufficientCoins
from payments.models import Adjustment, AdjustmentKind, Journal
from promote.money import MICROS
from promote.refusals import Invalid, WrongState
from tests.builders import NOON, a_user, an_account
from tests.payments.books import a_paid_top_up, book, books, lot_of
from tests.payments.ledgers import audited

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


def test_no_more_is_charged_back_than_the_lot_had():
    account = an_account()
    lot = lot_of(a_paid_top_up(account, 100))
    with pytest.raises(Invalid):
        proposed("chargeback", account, 101, lot=lot)
    proposed("chargeback", account, 100, lot=lot)


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
