"""Finance at its desk: compares, resolves, proposes and approves in twos, lets withdrawals go."""

from datetime import timedelta

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from payments import clearing, paying_back, returns, sealed_rows, tasks, wallet, withdrawals
from payments.gateways.base import NamedAccount
from payments.models import (
    Adjustment,
    BankPayout,
    Difference,
    Payer,
    PaymentReturn,
    Reconciliation,
    ReturnKind,
    Withdrawal,
)
from promote.accounts.models import User
from promote.keys import staff
from promote.markets.models import Market, PayoutBank
from tests.builders import NOON, an_account
from tests.payments.books import a_paid_top_up
from tests.payments.buying import a_top_up

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("static_files")]


def one_of(role: str, name: str = "") -> Client:
    client = Client()
    client.force_login(staff.create(username=name or role, roles=[role])[0])
    return client


def page(name: str, *args: object) -> str:
    return reverse(f"admin:payments_{name}", args=args)


def test_one_proposes_and_another_approves_at_the_desk():
    rosa, ben = one_of("finance", "rosa"), one_of("finance", "ben")
    account = an_account()
    asked = {"kind": "goodwill", "account": account.external_id, "coins": "70", "reason": "The feed was down"}
    assert rosa.get(page("adjustment_propose")).status_code == 200
    assert rosa.post(page("adjustment_propose"), {**asked, "account": "nobody"}).status_code == 422
    assert rosa.post(page("adjustment_propose"), {**asked, "coins": "-70"}).status_code == 422
    assert rosa.post(page("adjustment_propose"), asked).status_code == 302
    made = Adjustment.objects.get()
    assert "Approve" not in rosa.get(page("adjustment_change", made.pk)).content.decode()
    refused = rosa.post(page("adjustment_approve", made.pk))
    assert refused.status_code == 422
    assert "Another person" in refused.content.decode()
    assert wallet.balance(account=account).free_coins == 0
    assert "Approve" in ben.get(page("adjustment_change", made.pk)).content.decode()
    assert ben.post(page("adjustment_approve", made.pk)).status_code == 302
    assert ben.post(page("adjustment_approve", made.pk)).status_code == 422
    assert wallet.balance(account=account).free_coins == 70


def test_a_proposal_about_the_books_can_be_refused_with_a_reason():
    rosa, ben = one_of("finance", "rosa"), one_of("finance", "ben")
    asked = {"currency": "USD", "debit_code": "write_off", "credit_code": "clearing:stripe", "amount_minor": "5"}
    assert rosa.post(page("adjustment_propose_books"), {**asked, "reason": ""}).status_code == 422
    assert rosa.post(page("adjustment_propose_books"), {**asked, "reason": "The bank kept it"}).status_code == 302
    made = Adjustment.objects.get()
    assert ben.post(page("adjustment_refuse", made.pk), {"reason": "Ask the bank"}).status_code == 302
    made.refresh_from_db()
    assert (made.state, made.decision) == ("refused", "Ask the bank")
    assert "Ask the bank" in rosa.get(page("adjustment_change", made.pk)).content.decode()


def test_differences_are_compared_seen_and_resolved_at_the_desk(at_till):
    finance = one_of("finance")
    at_till.pays(a_top_up(coins=1000))
    assert finance.post(page("reconciliation_run"), {"gateway": "stripe", "days": "0"}).status_code == 422
    started = finance.post(page("reconciliation_run"), {"gateway": "stripe", "days": "2"}, follow=True)
    assert "Started: stripe" in started.content.decode()
    assert not Reconciliation.objects.exists(), "the workers do it, not the page"
    by = User.objects.get(username="finance")
    tasks.reconcile_one("stripe", days=2, by=by.pk)
    run = Reconciliation.objects.get()
    assert (run.by, run.until - run.since) == (by, timedelta(days=2))
    (row,) = Difference.objects.filter(kind="missing_here", theirs_minor=990)[:1]
    assert finance.get(page("reconciliation_changelist")).status_code == 200
    shown = finance.get(page("reconciliation_clearing")).content.decode()
    assert "By method" in shown
    assert "stripe" in shown
    assert "US$9.90" in finance.get(page("difference_changelist")).content.decode()
    assert finance.get(page("difference_change", row.pk)).status_code == 200
    assert finance.post(page("difference_resolve", row.pk), {"reason": ""}).status_code == 422
    assert finance.post(page("difference_resolve", row.pk), {"reason": "A test of ours"}).status_code == 302
    shown = finance.get(page("difference_change", row.pk)).content.decode()
    assert "A test of ours" in shown
    assert clearing.clearing()


def test_a_large_withdrawal_is_let_go_at_the_desk():
    Market.objects.filter(code="US").update(withdrawal_review_from_coins=1)
    account = an_account()
    top_up = a_paid_top_up(account, 300)
    finance = one_of("finance")
    asked = {"account": account, "surface": "web", "now": timezone.now()}
    first = withdrawals.request(coins=100, key="a", **asked)
    second = withdrawals.request(coins=100, key="b", **asked)
    assert finance.get(page("withdrawal_changelist")).status_code == 200
    assert "Let it go" in finance.get(page("withdrawal_change", first.pk)).content.decode()
    assert finance.post(page("withdrawal_approve", first.pk)).status_code == 302
    assert finance.post(page("withdrawal_refuse", second.pk), {"reason": "Not your card"}).status_code == 302
    assert sorted(Withdrawal.objects.values_list("status", flat=True)) == ["refused", "requested"]
    returns.take(top_up_id=top_up.id, kind=ReturnKind.REFUND, provider_ref="re", amount_minor=10, now=NOON)
    assert finance.get(page("paymentreturn_changelist")).status_code == 200
    row = PaymentReturn.objects.first()
    assert "Answer it at" not in finance.get(page("paymentreturn_change", row.pk)).text
    disputed = returns.take(
        top_up_id=top_up.id,
        kind=ReturnKind.DISPUTE,
        provider_ref="dp",
        amount_minor=10,
        under_way=True,
        answer_by=NOON,
        now=NOON,
    )
    assert "Answer it at stripe" in finance.get(page("paymentreturn_change", disputed.pk)).text


@pytest.mark.parametrize("role", ["support", "reviewer"])
def test_others_look_at_most(role):
    other = one_of(role)
    for name in ("adjustment_propose", "adjustment_propose_books", "reconciliation_run"):
        assert other.post(page(name), {}).status_code == 403, name


def test_a_named_account_is_compared_let_go_and_sent_at_the_desk():
    account = an_account(country="ID", username="siti.batik")
    top_up = a_paid_top_up(account, 300, method="doku_bank_transfer", gateway="doku", amount_minor=4_500_000)
    Payer.objects.create(top_up=top_up, name=sealed_rows.seal("SITI RAHAYU", row_id=top_up.id))
    named = NamedAccount("014", "Siti Rahayu", "8880012345")
    asked = {"surface": "web", "coins": 300, "key": "k", "payout_account": named, "now": timezone.now()}
    made = withdrawals.request(account=account, **asked)
    rosa, ben, support = one_of("finance", "rosa"), one_of("finance", "ben"), one_of("support")
    for shown in (page("withdrawal_change", made.pk), page("withdrawal_approve", made.pk)):
        told = rosa.get(shown).content.decode()
        assert all(words in told for words in ("Siti Rahayu", "SITI RAHAYU", "siti.batik", "BCA •••• 2345"))
        assert "8880012345" not in told
    assert "Siti Rahayu" not in support.get(page("withdrawal_change", made.pk)).content.decode()
    assert rosa.post(page("withdrawal_approve", made.pk)).status_code == 302
    paying_back.work(limit=10, now=timezone.now())
    payout = BankPayout.objects.get()
    listed = rosa.get(page("bankpayout_changelist")).content.decode()
    assert "BCA •••• 2345" in listed
    assert "8880012345" not in listed
    assert "8880012345" in rosa.get(page("bankpayout_change", payout.pk)).content.decode()
    assert support.get(page("bankpayout_change", payout.pk)).status_code == 403
    assert "8880012345" in rosa.get(page("bankpayout_tell", payout.pk)).content.decode()
    told = {"is_sent": "yes", "told": "OUT-1"}
    assert rosa.post(page("bankpayout_tell", payout.pk), told).status_code == 302
    assert rosa.post(page("bankpayout_confirm", payout.pk)).status_code == 422
    assert ben.post(page("bankpayout_confirm", payout.pk)).status_code == 302
    paying_back.work(limit=10, now=timezone.now() + timedelta(seconds=1))
    top_up.refresh_from_db()
    assert top_up.withdrawn_minor == top_up.amount_minor


def test_ops_keep_the_banks_of_a_market():
    desk = one_of("finance")
    market = Market.objects.get(code="ID")
    bank = {
        "market": market.pk,
        "code": "567",
        "name": "Allo Bank",
        "min_digits": "10",
        "max_digits": "9",
        "enabled": "on",
    }
    assert "10" in desk.post(reverse("admin:markets_payoutbank_add"), bank).content.decode()
    assert not PayoutBank.objects.filter(code="567").exists()
    mended = {**bank, "max_digits": "12", "enabled": "on"}
    assert desk.post(reverse("admin:markets_payoutbank_add"), mended).status_code == 302
    assert PayoutBank.objects.get(code="567").market == market
    assert desk.get(reverse("admin:markets_payoutbank_changelist")).status_code == 200
