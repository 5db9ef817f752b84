"""Direct debit (ACH): accepted at once, final days later. And what a card network warns of."""

from datetime import timedelta

import pytest
import requests
from django.test import Client
from django.utils import timezone

from payments import gifts, polling, wallet
from payments.models import FraudWarning, Lot, NoticeState, PaymentReturn, TopUp, TopUpStatus
from promote.keys import staff
from tests.api.callers import a_browser
from tests.builders import a_number, an_account
from tests.front.visitors import an_advertiser, signed_in, text_of
from tests.payments.buying import Till, a_top_up, deliver, state_of, work_off
from tests.payments.counter import confirmed
from tests.payments.ledgers import audited

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("static_files")]

PAYS, BOUNCES = "000123456789", "000222222227"


def debited(here: Till, account=None, number: str = PAYS) -> TopUp:
    """A debit on its way."""
    top_up = a_top_up(account or an_account(), method="direct_debit")
    answer = requests.post(f"{top_up.redirect_url}/debit", data={"account": number}, timeout=10, allow_redirects=False)
    assert answer.status_code == 303
    return top_up


def settles(here: Till, top_up: TopUp) -> None:
    here.stripe.control(f"sessions/{top_up.provider_ref}/settle")


def test_a_debit_is_no_money_until_it_is_final(at_till: Till) -> None:
    top_up = debited(at_till)
    deliver(at_till.of_kind("checkout.session.completed"))
    work_off()
    top_up.refresh_from_db()
    assert (top_up.status, top_up.accepted_at is None) == (TopUpStatus.PENDING, False)
    assert not Lot.objects.exists()
    settles(at_till, top_up)
    deliver(at_till.of_kind("checkout.session.async_payment_succeeded"))
    work_off()
    assert wallet.balance(account=top_up.account).free_coins == 1000


def test_a_debit_that_bounces_brings_nothing(at_till: Till) -> None:
    top_up = debited(at_till, number=BOUNCES)
    assert confirmed(top_up).status == TopUpStatus.PENDING
    settles(at_till, top_up)
    deliver(at_till.of_kind("checkout.session.async_payment_failed"))
    work_off()
    top_up.refresh_from_db()
    assert top_up.status == TopUpStatus.FAILED
    assert not Lot.objects.exists()


def test_a_debit_under_way_is_not_given_up_and_found_final_by_asking(at_till: Till) -> None:
    top_up = debited(at_till)
    confirmed(top_up)
    polling.poll(limit=10, now=timezone.now() + timedelta(days=3))
    top_up.refresh_from_db()
    assert top_up.status == TopUpStatus.PENDING
    settles(at_till, top_up)
    polling.poll(limit=10, now=timezone.now() + timedelta(days=4))
    top_up.refresh_from_db()
    assert top_up.status == TopUpStatus.PAID


def test_a_debit_that_the_bank_returns_once_its_coins_are_spent_is_owed(at_till: Till) -> None:
    top_up = debited(at_till)
    settles(at_till, top_up)
    confirmed(top_up)
    top_up.refresh_from_db()
    gifts.give(account=top_up.account, coins=400, reference=f"gift-{a_number()}", now=timezone.now())
    charge = at_till.stripe.client.v1.payment_intents.retrieve(top_up.payment_ref).latest_charge
    returned = at_till.stripe.control(f"charges/{charge}/dispute")
    at_till.stripe.control(f"disputes/{returned['id']}/close", won=False)  # a bank's return can't be answered
    deliver(at_till.of_kind("charge.dispute.closed"))
    work_off()
    balance = wallet.balance(account=top_up.account)
    assert (balance.free_coins, balance.debt_coins) == (0, 400)
    assert PaymentReturn.objects.get(top_up=top_up).state == "done"
    audited()


def test_its_payer_is_told_what_they_wait_for(at_till: Till) -> None:
    account = an_advertiser(country="US")
    top_up = debited(at_till, account)
    confirmed(top_up)
    browser = signed_in(account)
    assert "Your bank is moving the money" in text_of(browser.get(f"/wallet/top-ups/{top_up.public_id}/"))
    assert "up to four business days" in text_of(browser.get("/wallet/"))
    told = a_browser(account).get(f"/top-ups/{top_up.public_id}").json()
    assert (told["status"], told["next"]) == ("pending", None)
    assert told["accepted_at"]


def test_an_early_warning_of_fraud_is_asked_for_kept_and_seen(at_till: Till) -> None:
    top_up = a_top_up()
    at_till.pays(top_up)
    confirmed(top_up)
    at_till.stripe.control(f"sessions/{top_up.provider_ref}/warn")
    notice = at_till.of_kind("radar.early_fraud_warning.created")
    for _ in range(2):
        deliver(notice)
        work_off()
    assert state_of(notice) == NoticeState.DONE
    found = FraudWarning.objects.get()
    assert (found.top_up, found.amount_minor, found.currency) == (top_up, 990, "USD")
    assert (found.reason, found.status) == ("unauthorized_use_of_card", "actionable")
    assert wallet.balance(account=top_up.account).free_coins == 1000
    user, password = staff.create(username="fin", roles=["finance"])
    browser = Client()
    browser.login(username=user.username, password=password)
    assert "unauthorized_use_of_card" in browser.get("/admin/payments/fraudwarning/").content.decode()
