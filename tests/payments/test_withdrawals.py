"""Coins go back to the very payments that they came from, once, and never more than was paid."""

from datetime import timedelta

import pytest
from django.db import OperationalError, transaction
from django.utils import timezone

from payments import gifts, paying_back, returns, wallet, withdrawals, withdrawing
from payments.models import (
    LegState,
    PaymentReturn,
    ReturnKind,
    TopUp,
    Withdrawal,
    WithdrawalLeg,
)
from payments.withdrawing import WithdrawalNotAvailable
from promote.idempotency.answers import KeyReused
from promote.markets.models import Market, PaymentMethod
from promote.refusals import Invalid, NotFound, WrongState
from tests.builders import NOON, a_number, a_user, an_account
from tests.payments.books import a_paid_top_up, books, lot_of
from tests.payments.buying import a_top_up, deliver, work_off
from tests.payments.ledgers import audited, bought, granted, left_of

pytestmark = pytest.mark.django_db
FIAT = ("clearing:stripe", "coin_liability", "tax_payable", "withdrawals_payable", "taken_back")


def withdrawn(account, coins, **facts):
    asked = {"surface": "web", "key": f"key-{a_number()}", "now": NOON, **facts}
    return withdrawals.request(account=account, coins=coins, **asked)


def concluded(leg, state, ref=""):
    withdrawals.conclude(leg_id=leg.id, state=LegState(state), provider_ref=ref, now=NOON)


def test_coins_go_back_oldest_first_each_to_its_own_payment():
    account = an_account()
    first, second = a_paid_top_up(account, 100, amount_minor=99), a_paid_top_up(account, 100, amount_minor=99)
    made = withdrawn(account, 150)
    legs = list(made.legs.select_related("returned"))
    assert [(leg.returned.top_up_id, leg.coins, leg.returned.amount_minor) for leg in legs] == [
        (first.id, 100, 99),
        (second.id, 50, 49),
    ]
    balance = wallet.balance(account=account)
    assert (balance.free_coins, balance.held_coins) == (50, 150)
    assert withdrawing.withdrawable(account=account, surface="web", now=NOON) == {"card": 50}
    assert books(*FIAT) == [-198, 50, 0, 148, 0]
    for leg in legs:
        concluded(leg, "submitted", f"re_{leg.seq}")
        concluded(leg, "succeeded", f"re_{leg.seq}")
        concluded(leg, "succeeded", f"re_{leg.seq}")
    made.refresh_from_db()
    assert (made.status, made.escrow.closed) == ("succeeded", True)
    assert [one.to_status for one in made.transitions.all()] == ["requested", "submitted", "succeeded"]
    assert books(*FIAT) == [-50, 50, 0, 0, 0]
    assert account.notifications.filter(kind="withdrawal_succeeded").count() == 1
    audited()


def test_what_fails_is_on_its_very_lot_again_also_weeks_later():
    account = an_account(country="AU")
    first, second = a_paid_top_up(account, 100, amount_minor=149), a_paid_top_up(account, 100, amount_minor=149)
    made = withdrawn(account, 200)
    one, other = made.legs.all()
    concluded(one, "succeeded", "re_1")
    concluded(other, "failed", "re_2")
    made.refresh_from_db()
    assert made.status == "partly"
    assert [left_of(lot_of(top_up)) for top_up in (first, second)] == [0, 100]
    concluded(one, "failed", "re_1")
    concluded(one, "failed", "re_1")
    made.refresh_from_db()
    assert made.status == "failed"
    assert left_of(lot_of(first)) == 100
    assert books(*FIAT, currency="AUD") == [-298, 270, 28, 0, 0]
    assert TopUp.objects.get(id=first.id).withdrawn_minor == 0
    audited()


def test_the_same_key_makes_one_withdrawal():
    account = an_account()
    a_paid_top_up(account, 100)
    made = withdrawn(account, 60, key="k")
    assert withdrawn(account, 60, key="k") == made
    with pytest.raises(KeyReused):
        withdrawn(account, 61, key="k")
    with pytest.raises(NotFound):
        withdrawals.get(account=an_account(), public_id=made.public_id)


def test_neither_given_nor_store_coins_can_be_withdrawn():
    account = an_account(country="US")
    granted(account, 100)
    bought(account, 100, origin="apple")
    with pytest.raises(WithdrawalNotAvailable) as refusal:
        withdrawn(account, 1)
    assert refusal.value.extra["reason"] == "nothing"
    a_paid_top_up(account, 50)
    with pytest.raises(Invalid):
        withdrawn(account, 51)
    assert withdrawing.quote(account=account, surface="web", coins=None, now=NOON).coins == 50


def test_coins_whose_method_cant_be_paid_back_say_so():
    account = an_account(country="US")
    a_paid_top_up(account, 50)
    PaymentMethod.objects.filter(market_id="US", code="card").update(refund_window_days=1)
    withdrawing.quote(account=account, surface="web", coins=None, now=NOON)
    with pytest.raises(WithdrawalNotAvailable) as refusal:
        withdrawing.quote(account=account, surface="web", coins=None, now=NOON + timedelta(days=2))
    assert refusal.value.extra["reason"] == "method"
    assert "write to support" in refusal.value.detail


@pytest.mark.parametrize(
    ("country", "surface", "stores"),
    [("US", "ios", {"apple"}), ("GB", "web", {"apple", "google"}), ("GB", "android", {"google"})],
)
def test_where_it_is_not_offered_the_answer_leads_to_the_store(country, surface, stores):
    account = an_account(country=country)
    with pytest.raises(WithdrawalNotAvailable) as refusal:
        withdrawn(account, 1, surface=surface)
    assert refusal.value.code == "withdrawal_not_available"
    assert refusal.value.extra["reason"] == "store"
    assert {link["method"] for link in refusal.value.extra["links"]} == stores
    assert all(link["url"].startswith("https://") for link in refusal.value.extra["links"])


def test_nothing_is_paid_out_while_a_debt_stands():
    account = an_account()
    top_up = a_paid_top_up(account, 100)
    gifts.give(account=account, coins=100, reference="spent", now=NOON)
    returns.take(top_up_id=top_up.id, kind=ReturnKind.REFUND, provider_ref="re", amount_minor=100, now=NOON)
    with pytest.raises(WithdrawalNotAvailable) as refusal:
        withdrawn(account, 1)
    assert refusal.value.extra["reason"] == "debt"


def test_what_is_not_sent_yet_when_a_debt_arises_pays_it():
    account = an_account()
    first, second = a_paid_top_up(account, 100), a_paid_top_up(account, 100)
    made = withdrawn(account, 100)
    gifts.give(account=account, coins=100, reference="spent", now=NOON)
    returns.take(top_up_id=second.id, kind=ReturnKind.REFUND, provider_ref="re", amount_minor=100, now=NOON)
    assert wallet.balance(account=account).debt_coins == 100
    assert paying_back.work(limit=10, now=NOON) == 1
    made.refresh_from_db()
    assert (made.status, made.legs.get().failure) == ("failed", "debt")
    assert wallet.balance(account=account).debt_coins == 0
    assert TopUp.objects.get(id=first.id).withdrawn_minor == 0
    audited()


def test_what_waits_for_our_staff_is_not_let_go_to_who_owes_meanwhile():
    Market.objects.filter(code="US").update(withdrawal_review_from_coins=100)
    account = an_account()
    a_paid_top_up(account, 100)
    made = withdrawn(account, 100)
    assert made.status == "in_review"
    spent = a_paid_top_up(account, 40)
    gifts.give(account=account, coins=40, reference="spent", now=NOON)
    returns.take(top_up_id=spent.id, kind=ReturnKind.REFUND, provider_ref="re", amount_minor=40, now=NOON)
    with pytest.raises(withdrawals.OwesMeanwhile, match="owes 40 coins"):
        withdrawals.approve(withdrawal_id=made.id, by=a_user(is_staff=True), now=NOON)
    withdrawals.refuse(withdrawal_id=made.id, reason="You owe 40 coins", by=a_user(is_staff=True), now=NOON)
    balance = wallet.balance(account=account)
    assert (balance.free_coins, balance.debt_coins) == (60, 0)
    audited()


def test_a_leg_that_comes_back_pays_a_debt_first():
    account = an_account()
    first, second = a_paid_top_up(account, 100), a_paid_top_up(account, 100)
    made = withdrawn(account, 100)
    gifts.give(account=account, coins=100, reference="spent", now=NOON)
    returns.take(top_up_id=second.id, kind=ReturnKind.REFUND, provider_ref="re", amount_minor=100, now=NOON)
    concluded(made.legs.get(), "failed")
    balance = wallet.balance(account=account)
    assert (balance.free_coins, balance.debt_coins) == (0, 0)
    assert TopUp.objects.get(id=first.id).withdrawn_minor == 0
    audited()


def test_a_refund_and_a_withdrawal_together_are_no_more_than_was_paid():
    account = an_account()
    top_up = a_paid_top_up(account, 100, amount_minor=99)
    returns.take(top_up_id=top_up.id, kind=ReturnKind.REFUND, provider_ref="re", amount_minor=10, now=NOON)
    made = withdrawn(account, 90)
    assert made.legs.get().returned.amount_minor == 89
    with pytest.raises(returns.ReturnDiffers):
        returns.take(top_up_id=top_up.id, kind=ReturnKind.DISPUTE, provider_ref="du", amount_minor=1, now=NOON)
    concluded(made.legs.get(), "succeeded", "re_w")
    assert books(*FIAT) == [0, 0, 0, 0, 0]
    audited()


def test_too_little_for_the_smallest_amount_is_refused_and_nothing_moves():
    account = an_account()
    a_paid_top_up(account, 100, amount_minor=99)
    with pytest.raises(Invalid):
        withdrawn(account, 1)
    assert wallet.balance(account=account).free_coins == 100
    assert not Withdrawal.objects.exists()


def test_many_coins_are_looked_at_first_and_may_be_refused():
    Market.objects.filter(code="US").update(withdrawal_review_from_coins=100)
    account = an_account()
    top_up = a_paid_top_up(account, 300)
    made, other = withdrawn(account, 100), withdrawn(account, 150)
    assert made.status == "in_review"
    assert paying_back.work(limit=10, now=NOON) == 0, "nothing is sent before somebody let it go"
    with pytest.raises(Invalid):
        withdrawals.refuse(withdrawal_id=made.id, reason=" ", by=a_user(), now=NOON)
    withdrawals.refuse(withdrawal_id=made.id, reason="Not your card", by=a_user(is_staff=True), now=NOON)
    with pytest.raises(WrongState):
        withdrawals.approve(withdrawal_id=made.id, by=a_user(is_staff=True), now=NOON)
    assert left_of(lot_of(top_up)) == 150
    assert withdrawals.approve(withdrawal_id=other.id, by=a_user(is_staff=True), now=NOON).status == "requested"
    assert other.legs.get().check_at == NOON
    audited()


def test_a_payment_outside_its_methods_window_is_left_out():
    PaymentMethod.objects.filter(market="US", code="card").update(refund_window_days=30)
    account = an_account()
    a_paid_top_up(account, 100)
    later = NOON.replace(year=NOON.year + 1)
    with pytest.raises(WithdrawalNotAvailable):
        withdrawn(account, 1, now=later)


def test_what_was_requested_stays():
    account = an_account()
    a_paid_top_up(account, 100)
    made = withdrawn(account, 60)
    for change in (lambda: Withdrawal.objects.update(coins=1), lambda: WithdrawalLeg.objects.update(coins=1)):
        with pytest.raises(OperationalError, match="stays as it was requested"), transaction.atomic():
            change()
    assert made.escrow.balance == 60_000_000


def paid(at_till, account):
    top_up = a_top_up(account, coins=1000)
    at_till.pays(top_up)
    deliver(at_till.of_kind("checkout.session.completed"))
    work_off()
    return TopUp.objects.get(id=top_up.id)


def test_the_provider_pays_it_back_once_however_often_it_is_asked(at_till):
    account = an_account()
    top_up = paid(at_till, account)
    now = timezone.now()
    made = withdrawn(account, 600, now=now)
    paying_back.work(limit=10, now=now)
    made.refresh_from_db()
    assert made.status == "succeeded"
    WithdrawalLeg.objects.update(check_at=now)
    paying_back.work(limit=10, now=now)
    refunds = at_till.stripe.client.v1.refunds.list({"payment_intent": top_up.payment_ref}).data
    assert [(one.amount, one.metadata["withdrawal"]) for one in refunds] == [(594, made.legs.get().public_id)]
    deliver(at_till.of_kind("refund.created"))
    work_off()
    assert PaymentReturn.objects.get(top_up=top_up).provider_ref == refunds[0].id, "its own notice is no other refund"
    assert wallet.balance(account=account).free_coins == 400


def test_a_refund_that_comes_back_weeks_later_is_heard_of(at_till):
    account = an_account()
    paid(at_till, account)
    now = timezone.now()
    made = withdrawn(account, 1000, now=now)
    paying_back.work(limit=10, now=now)
    ref = made.legs.get().returned.provider_ref
    at_till.stripe.control(f"refunds/{ref}/fail")
    deliver(at_till.of_kind("refund.failed"))
    work_off()
    made.refresh_from_db()
    assert (made.status, wallet.balance(account=account).free_coins) == ("failed", 1000)
    assert made.legs.get().failure == "expired_or_canceled_card"
    audited()
