"""A saved card: agreed to in words, paid from with one press and once, confirmed at the bank where that asks, removed
for good, and nobody else's."""

import html
from concurrent.futures import ThreadPoolExecutor
from datetime import date, timedelta
from typing import Any

import pytest
from django.db import IntegrityError, connection, transaction
from django.test import Client
from django.utils import timezone

from payments import paying_back, polling, saved_methods, saved_tokens, top_ups, wallet, withdrawals
from payments.gateways.base import GatewayAway, GatewayRefused
from payments.gateways.stripe import StripeGateway
from payments.models import Lot, SavedMethod, TopUp, TopUpStatus
from promote.accounts.models import Account
from promote.keys import staff
from promote.refusals import Invalid, NotFound
from tests.api.callers import a_browser
from tests.builders import an_account
from tests.front.visitors import an_advertiser, signed_in, text_of
from tests.payments.buying import Till, a_top_up, deliver, work_off
from tests.sandbox.stand_in import ASKS, PAYS

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("static_files")]
MARKETS = ["ID", "TH", "US", "AU", "CA"]


def confirmed(top_up: TopUp, *, ahead_s: int = 0) -> TopUp:
    return top_ups.confirm(top_up_id=top_up.id, now=timezone.now() + timedelta(seconds=ahead_s))


def who_saved(till: Till, *, number: str = PAYS, account: Account | None = None, country: str = "US") -> Account:
    account = account or an_account(country=country)
    first = a_top_up(account, save=True)
    till.pays(first, number)
    if number == ASKS:
        till.stripe.answers(f"{first.redirect_url}/challenge", "complete")
    assert confirmed(first).status == TopUpStatus.PAID
    return account


def card_of(account: Account) -> SavedMethod:
    return account.saved_methods.get(removed_at=None)


def by_card(account: Account, **facts: Any) -> TopUp:
    return a_top_up(account, saved=card_of(account).public_id, **facts)


def behaves(till: Till, account: Account, **facts: Any) -> None:
    till.stripe.control(f"payment_methods/{saved_tokens.opened(card_of(account))}/behave", **facts)


def payments_at_stripe(till: Till, account: Account) -> list[str]:
    asked: Any = {"customer": card_of(account).payer_ref, "limit": 100}
    return [one.status for one in till.stripe.client.v1.payment_intents.list(asked).data]


@pytest.mark.parametrize("country", MARKETS)
def test_wherever_cards_are_taken_one_is_saved_and_pays_the_next_with_one_press(at_till: Till, country: str) -> None:
    account = who_saved(at_till, country=country)
    second = by_card(account)
    assert (second.redirect_url, second.status) == ("", TopUpStatus.PENDING)
    at_till.notices()
    paid = confirmed(second)
    assert paid.status == TopUpStatus.PAID
    for notice in at_till.notices("payment_intent.succeeded"):
        deliver(notice)
    work_off()
    assert wallet.balance(account=account).free_coins == 2000
    lot = Lot.objects.get(top_up=second.id)
    assert (lot.origin, lot.withdrawable, lot.paid_minor) == ("card", True, second.amount_minor)


def test_nothing_is_saved_unless_its_owner_ticked_the_words(at_till: Till) -> None:
    account = an_account()
    top_up = a_top_up(account)
    at_till.pays(top_up)
    assert confirmed(top_up).status == TopUpStatus.PAID
    assert not account.saved_methods.exists()


def test_of_a_card_we_keep_what_its_owner_sees_and_the_words_they_agreed_to(at_till: Till) -> None:
    saved = card_of(who_saved(at_till))
    assert (saved.label, saved.expires_on) == ("Visa •••• 4242", date(2040, 12, 31))
    assert saved.consent == saved_methods.words_to_tick("card")
    assert saved.consented_at == saved.first_top_up.started_at
    assert saved_tokens.opened(saved).startswith("pm_")
    assert saved_tokens.opened(saved) not in saved.token


def test_support_sees_the_card_and_what_was_agreed_to_and_never_its_token(at_till: Till) -> None:
    saved = card_of(who_saved(at_till))
    browser = Client()
    browser.force_login(staff.create(username="sue", roles=["support"])[0])
    listed = browser.get("/admin/payments/savedmethod/", {"q": saved.public_id, "state": "kept"}).content.decode()
    told = browser.get(f"/admin/payments/savedmethod/{saved.pk}/change/").content.decode()
    assert "Visa •••• 4242" in listed
    assert "Save this card for next time" in html.unescape(told)
    assert saved.token not in listed + told
    assert saved_tokens.opened(saved) not in listed + told
    gone = browser.get("/admin/payments/savedmethod/", {"state": "removed"}).content.decode()
    assert "Visa •••• 4242" not in gone


def test_the_same_card_saved_again_stands_once_and_another_beside_it(at_till: Till) -> None:
    account = who_saved(at_till)
    who_saved(at_till, account=account)
    who_saved(at_till, account=account, number="5555555555554444")
    saved = saved_methods.of(account=account)["card"]
    assert [one.label for one in saved] == ["Mastercard •••• 4444", "Visa •••• 4242"]
    assert len({one.payer_ref for one in saved}) == 1
    assert saved_methods.release_due(limit=10, now=timezone.now()) == 1
    asked: Any = {"type": "card"}
    assert len(at_till.stripe.client.v1.customers.payment_methods.list(saved[0].payer_ref, asked).data) == 2


@pytest.mark.parametrize(
    ("code", "reason"),
    [("insufficient_funds", "no_funds"), ("stolen_card", "declined"), ("expired_card", "expired")],
)
def test_a_card_that_is_declined_says_why_and_brings_nothing(at_till: Till, code: str, reason: str) -> None:
    account = who_saved(at_till, account=an_advertiser(country="US"))
    behaves(at_till, account, declines=code)
    top_up = by_card(account)
    assert (confirmed(top_up).status, confirmed(top_up).failure) == (TopUpStatus.FAILED, reason)
    assert wallet.balance(account=account).free_coins == 1000
    failure = a_browser(account).get(f"/top-ups/{top_up.public_id}").json()["failure"]
    assert failure["code"] == reason
    page = text_of(signed_in(account).get(f"/wallet/top-ups/{top_up.public_id}/"))
    assert "The payment did not go through" in page
    assert failure["detail"] in page


def test_a_bank_that_asks_its_customer_is_answered_on_a_page_and_paid_once(at_till: Till) -> None:
    account = who_saved(at_till, number=ASKS, account=an_advertiser(country="US"))
    top_up = confirmed(by_card(account))
    assert (top_up.status, bool(top_up.redirect_url)) == (TopUpStatus.PENDING, True)
    assert confirmed(top_up, ahead_s=60).redirect_url == top_up.redirect_url
    assert payments_at_stripe(at_till, account) == ["canceled", "succeeded"]
    assert a_browser(account).get(f"/top-ups/{top_up.public_id}").json()["next"]["redirect_url"]
    assert "Your bank wants you to confirm" in text_of(signed_in(account).get(f"/wallet/top-ups/{top_up.public_id}/"))
    at_till.stripe.answers(f"{top_up.redirect_url}/kept", saved_tokens.opened(card_of(account)), field="method")
    at_till.stripe.answers(f"{top_up.redirect_url}/challenge", "complete")
    assert confirmed(top_up).status == TopUpStatus.PAID
    assert confirmed(top_up).status == TopUpStatus.PAID
    assert wallet.balance(account=account).free_coins == 2000
    assert payments_at_stripe(at_till, account).count("succeeded") == 2


def test_a_bank_that_takes_its_time_is_waited_for(at_till: Till) -> None:
    account = who_saved(at_till)
    behaves(at_till, account, is_slow=True)
    top_up = confirmed(by_card(account))
    assert (top_up.status, top_up.accepted_at is None) == (TopUpStatus.PENDING, False)


@pytest.mark.parametrize("trouble", ["lost", "garbage", "down"])
def test_an_answer_that_never_came_is_asked_for_again_and_paid_once(at_till: Till, trouble: str) -> None:
    account = who_saved(at_till)
    top_up = by_card(account)
    at_till.stripe.control("answers", **{trouble: True})
    with pytest.raises(GatewayAway):
        confirmed(top_up)
    at_till.stripe.control("answers")
    assert confirmed(top_up).status == TopUpStatus.PENDING  # somebody may still be asking
    polling.poll(limit=10, now=timezone.now() + timedelta(seconds=61))
    assert TopUp.objects.get(id=top_up.id).status == TopUpStatus.PAID
    assert payments_at_stripe(at_till, account) == ["succeeded", "succeeded"]


@pytest.mark.parametrize("removed", [True, False], ids=["removed meanwhile", "out of time"])
def test_where_it_may_pay_no_more_a_lost_answer_is_looked_up_and_nothing_new_is_taken(
    at_till: Till, removed: bool
) -> None:
    account = who_saved(at_till)
    taken, never = by_card(account), by_card(account)
    for top_up, way in ((taken, "lost"), (never, "down")):
        at_till.stripe.control("answers", **{way: True})
        with pytest.raises(GatewayAway):
            confirmed(top_up)
    at_till.stripe.control("answers")
    if removed:
        saved_methods.forget(account=account, public_id=card_of(account).public_id, now=timezone.now())
    ahead = 60 if removed else 3700
    assert confirmed(taken, ahead_s=ahead).status == TopUpStatus.PAID
    assert confirmed(never, ahead_s=ahead).status == TopUpStatus.EXPIRED
    assert wallet.balance(account=account).free_coins == 2000


def test_a_refused_question_ends_nothing_that_may_have_been_taken(
    at_till: Till, monkeypatch: pytest.MonkeyPatch
) -> None:
    account = who_saved(at_till)
    top_up = by_card(account)
    at_till.stripe.control("answers", lost=True)
    with pytest.raises(GatewayAway):
        confirmed(top_up)
    at_till.stripe.control("answers")

    def refuse(*_: object, **__: object) -> None:
        raise GatewayRefused("our keys were changed")

    with monkeypatch.context() as meanwhile:
        meanwhile.setattr(StripeGateway, "start", refuse)
        polling.poll(limit=10, now=timezone.now() + timedelta(seconds=61))
        saved_methods.forget(account=account, public_id=card_of(account).public_id, now=timezone.now())
        meanwhile.setattr(StripeGateway, "find", refuse)
        polling.poll(limit=10, now=timezone.now() + timedelta(seconds=300))
    assert TopUp.objects.get(id=top_up.id).status == TopUpStatus.PENDING
    assert confirmed(top_up, ahead_s=600).status == TopUpStatus.PAID


def test_what_was_removed_before_it_was_asked_for_is_never_asked_for(at_till: Till) -> None:
    account = who_saved(at_till)
    top_up = by_card(account)
    saved_methods.forget(account=account, public_id=card_of(account).public_id, now=timezone.now())
    assert confirmed(top_up).status == TopUpStatus.EXPIRED
    assert wallet.balance(account=account).free_coins == 1000


def test_a_removed_card_pays_no_more_and_stripe_lets_go_of_it_once_it_answers(at_till: Till) -> None:
    account = who_saved(at_till)
    saved = card_of(account)
    token = saved_tokens.opened(saved)
    at_till.stripe.control("answers", down=True)
    saved_methods.forget(account=account, public_id=saved.public_id, now=timezone.now())
    at_till.stripe.control("answers")
    with pytest.raises(Invalid):
        a_top_up(account, saved=saved.public_id)
    assert at_till.stripe.client.v1.payment_methods.retrieve(token).customer
    later = timezone.now() + saved_methods.AGAIN_AFTER + timedelta(seconds=1)
    assert saved_methods.release_due(limit=10, now=later) == 1
    assert not at_till.stripe.client.v1.payment_methods.retrieve(token).customer
    saved.refresh_from_db()
    assert (saved.token, saved.release_at) == ("", None)
    assert saved_methods.release_due(limit=10, now=later) == 0


def test_detached_at_stripe_it_fails_once_and_is_saved_no_more(at_till: Till) -> None:
    account = who_saved(at_till)
    top_up = by_card(account)
    at_till.stripe.client.v1.payment_methods.detach(saved_tokens.opened(card_of(account)))
    assert (confirmed(top_up).status, confirmed(top_up).failure) == (TopUpStatus.FAILED, "gone")
    assert not account.saved_methods.filter(removed_at=None).exists()


def test_detached_at_stripe_it_leaves_the_list_by_its_notice(at_till: Till) -> None:
    account = who_saved(at_till)
    at_till.stripe.client.v1.payment_methods.detach(saved_tokens.opened(card_of(account)))
    assert deliver(at_till.of_kind("payment_method.detached")).status_code == 200
    work_off()
    assert saved_methods.of(account=account) == {}
    assert account.notifications.filter(kind="saved_method_gone").count() == 1


def test_an_expired_card_says_so_and_can_not_be_chosen(at_till: Till) -> None:
    account = who_saved(at_till, account=an_advertiser(country="US"))
    SavedMethod.objects.update(expires_on=timezone.now().date() - timedelta(days=1))
    with pytest.raises(Invalid) as refused:
        by_card(account)
    assert refused.value.errors[0].code == "expired"
    browser = signed_in(account)
    assert "expired" in text_of(browser.get("/wallet/"))
    assert "Expired" in text_of(browser.get("/wallet/top-up/"))
    assert a_browser(account).get("/saved-methods").json()["results"][0]["expired"]


def test_nobody_pays_with_or_removes_anothers_card(at_till: Till) -> None:
    owner, other = who_saved(at_till), an_account()
    saved = card_of(owner)
    with pytest.raises(Invalid):
        a_top_up(other, saved=saved.public_id)
    with pytest.raises(NotFound):
        saved_methods.forget(account=other, public_id=saved.public_id, now=timezone.now())
    theirs = a_top_up(other)
    with pytest.raises(IntegrityError), transaction.atomic():
        TopUp.objects.filter(id=theirs.id).update(saved=saved)
        with connection.cursor() as cursor:
            cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")


def test_what_a_saved_card_paid_goes_back_to_it(at_till: Till) -> None:
    account = who_saved(at_till)
    top_up = confirmed(by_card(account))
    made = withdrawals.request(account=account, surface="web", coins=2000, key="back", now=timezone.now())
    paying_back.work(limit=10, now=timezone.now())
    made.refresh_from_db()
    top_up.refresh_from_db()
    assert made.status == "succeeded"
    assert top_up.withdrawn_minor == top_up.amount_minor


def test_an_app_saves_pays_and_removes(at_till: Till) -> None:
    account = an_account()
    caller = a_browser(account)
    card = next(one for one in caller.get("/top-ups/methods").json()["results"] if one["method"] == "card")
    assert card["saved"] == []
    pack = next(one["id"] for one in card["packs"] if one["coins"] == 1000)
    first = caller.post(
        "/top-ups", {"method": "card", "pack": pack, "save": True}, **{"Idempotency-Key": "first"}
    ).json()
    at_till.stripe.pay(first["next"]["redirect_url"])
    assert confirmed(TopUp.objects.get(account=account)).status == TopUpStatus.PAID
    (saved,) = caller.get("/saved-methods").json()["results"]
    assert (saved["label"], saved["expires_on"], saved["consent"]) == ("Visa •••• 4242", "2040-12-31", card["consent"])
    asked = {"method": "card", "pack": pack, "saved": saved["id"]}
    second = caller.post("/top-ups", asked, **{"Idempotency-Key": "second"}).json()
    assert (second["saved"], second["next"]) == (saved["id"], None)
    assert caller.ask("DELETE", f"/saved-methods/{saved['id']}").status_code == 204
    refused = caller.post("/top-ups", asked, **{"Idempotency-Key": "third"})
    assert (refused.status_code, refused.json()["errors"][0]["field"]) == (400, "saved")


def test_the_page_asks_first_and_then_offers_the_card(at_till: Till) -> None:
    account = an_advertiser(country="US")
    browser = signed_in(account)
    page = browser.get("/wallet/top-up/").content.decode()
    assert saved_methods.words_to_tick("card") in text_of(browser.get("/wallet/top-up/"))
    assert 'name="save" checked' not in page
    who_saved(at_till, account=account)
    pack = a_top_up(account).pack_id
    saved = card_of(account)
    page = text_of(browser.get("/wallet/top-up/"))
    assert "Visa •••• 4242" in page
    assert "Another card" in page
    asked = {"pack": pack, "method": f"card {saved.public_id}", "key": "pressed", "save": "on"}
    waiting = browser.post("/wallet/top-up/", asked, follow=True)
    assert "Visa •••• 4242 is paying" in text_of(waiting)
    started = TopUp.objects.get(key__startswith="pressed:")
    assert (started.saved, started.consent) == (saved, "")
    browser.post(f"/wallet/saved/{saved.public_id}/forget/")
    assert "It is saved no more" in text_of(browser.post("/wallet/top-up/", {**asked, "key": "later"}))


@pytest.mark.django_db(transaction=True)
def test_pressed_twice_it_is_paid_once(at_till: Till) -> None:
    account = who_saved(at_till)

    def press(_: int) -> TopUpStatus:
        try:
            return TopUpStatus(confirmed(by_card(account, key="pressed")).status)
        finally:
            connection.close()

    with ThreadPoolExecutor(4) as presses:
        list(presses.map(press, range(4)))
    polling.poll(limit=10, now=timezone.now() + timedelta(seconds=61))
    assert payments_at_stripe(at_till, account) == ["succeeded", "succeeded"]
    assert wallet.balance(account=account).free_coins == 2000
