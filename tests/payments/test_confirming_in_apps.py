"""A saved card whose bank asks its holder is confirmed in the app, by Stripe's own form: a client secret, once paid."""

from typing import Any

import pytest
import requests
import time_machine
from django.utils import timezone

from payments import gateways, top_ups, wallet
from payments.gateways.stripe import StripeGateway
from payments.models import TopUp, TopUpStatus
from promote import ids
from promote.accounts.models import Account
from promote.outbox.relay import relay
from tests.api.callers import an_app
from tests.builders import a_number, a_quote, a_video, an_account
from tests.front.visitors import an_advertiser, signed_in, text_of
from tests.payments.buying import PUBLISHABLE_KEY, Till, deliver, work_off
from tests.payments.test_saved_cards import by_card, card_of, confirmed, payments_at_stripe, who_saved
from tests.sandbox.stand_in import ASKS, SECRET_KEY, WEBHOOK_SECRET

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("static_files")]


def asked(account: Account) -> TopUp:
    """Of the Android app, by a saved card, and worked on: its bank wants to see its holder."""
    return confirmed(by_card(account, caller_surface="android", pack_id=_pack(account), confirms_in_app=True))


def _pack(account: Account, surface: str = "android") -> int:
    (card,) = [one for one in top_ups.methods(account=account, surface=surface).offered if one.method.code == "card"]
    return next(pack.pk for pack in card.packs if pack.coins == 1000)


def in_the_app(till: Till, top_up: TopUp, *, secret: str = "", confirms: bool = True) -> Any:
    """What Stripe's SDK asks: for the payment's last card, and then that it be confirmed."""
    url, given = f"{till.stripe.url}/v1/payment_intents/{top_up.provider_ref}", secret or top_up.client_secret
    headers = {"Authorization": f"Bearer {PUBLISHABLE_KEY}"}
    found = requests.get(url, params={"client_secret": given}, headers=headers, timeout=10)
    if not found.ok or not confirms:
        return found
    card = found.json()["last_payment_error"]["payment_method"]["id"]
    return requests.post(
        f"{url}/confirm", data={"client_secret": given, "payment_method": card}, headers=headers, timeout=10
    )


def answers(till: Till, top_up: TopUp, **facts: Any) -> None:
    till.stripe.control(f"payment_intents/{top_up.provider_ref}/authenticate", **facts)


def test_the_app_confirms_with_the_secret_and_it_is_paid_once_without_a_page(at_till: Till) -> None:
    account = who_saved(at_till, number=ASKS)
    at_till.notices()
    top_up = asked(account)
    assert (top_up.status, top_up.redirect_url, bool(top_up.client_secret)) == (TopUpStatus.PENDING, "", True)
    told = an_app(account).get(f"/top-ups/{top_up.public_id}").json()["next"]
    assert told == {"client_secret": top_up.client_secret, "publishable_key": PUBLISHABLE_KEY}
    assert in_the_app(at_till, top_up).json()["status"] == "requires_action"
    assert confirmed(top_up, ahead_s=60).status == TopUpStatus.PENDING
    answers(at_till, top_up)
    notice = at_till.of_kind("payment_intent.succeeded")
    for _ in range(2):
        assert deliver(notice).status_code == 200
        work_off()
    assert TopUp.objects.get(id=top_up.id).status == TopUpStatus.PAID
    assert confirmed(top_up).status == TopUpStatus.PAID
    assert wallet.balance(account=account).free_coins == 2000
    assert payments_at_stripe(at_till, account) == ["succeeded", "succeeded"]
    assert an_app(account).get(f"/top-ups/{top_up.public_id}").json()["next"] is None


def test_the_secret_opens_its_own_payment_alone_and_no_other_call(at_till: Till) -> None:
    top_up = asked(who_saved(at_till, number=ASKS))
    guessed = f"{top_up.provider_ref}_secret_guessed"
    assert in_the_app(at_till, top_up, secret=guessed, confirms=False).status_code == 400
    headers = {"Authorization": f"Bearer {PUBLISHABLE_KEY}"}
    assert requests.get(f"{at_till.stripe.url}/v1/payment_intents", headers=headers, timeout=10).status_code == 401


def test_who_could_not_answer_tries_again(at_till: Till) -> None:
    account = who_saved(at_till, number=ASKS)
    top_up = asked(account)
    in_the_app(at_till, top_up)
    answers(at_till, top_up, passes=False)
    assert confirmed(top_up, ahead_s=60).status == TopUpStatus.PENDING
    in_the_app(at_till, top_up)
    answers(at_till, top_up)
    assert confirmed(top_up).status == TopUpStatus.PAID


def test_its_time_over_nobody_can_pay_it_any_more(at_till: Till) -> None:
    account = who_saved(at_till, number=ASKS)
    top_up = asked(account)
    until = int(top_up.expires_at.timestamp())
    for now, status in ((until - 1, TopUpStatus.PENDING), (until, TopUpStatus.EXPIRED)):
        with time_machine.travel(now, tick=False):
            assert confirmed(top_up).status == status
    assert payments_at_stripe(at_till, account) == ["canceled", "succeeded"]
    assert in_the_app(at_till, top_up).status_code == 400


def test_its_payer_cancels_it(at_till: Till) -> None:
    account = who_saved(at_till, number=ASKS, account=an_advertiser(country="US"))
    top_up = asked(account)
    page = text_of(signed_in(account).get(f"/wallet/top-ups/{top_up.public_id}/"))
    assert "Go on in the app where you started this payment" in page
    answer = an_app(account).post(f"/top-ups/{top_up.public_id}/cancel", {}, Idempotency_Key="k").json()
    assert (answer["status"], answer["failure"]["code"]) == ("expired", "cancelled")
    assert in_the_app(at_till, top_up).status_code == 400


def test_a_card_whose_bank_asks_nothing_is_paid_at_once(at_till: Till) -> None:
    account = who_saved(at_till)
    top_up = asked(account)
    assert (top_up.status, top_up.client_secret) == (TopUpStatus.PAID, "")


def test_an_order_is_paid_for_and_placed_once_its_card_is_confirmed_in_the_app(at_till: Till) -> None:
    account = who_saved(at_till, number=ASKS, account=an_account(country="US"))
    quote = a_quote(account, a_video(account), now=timezone.now(), budget_coins=1500)
    body = {"quote": quote.sealed, "method": "card", "saved": card_of(account).public_id, "confirms_in_app": True}
    answer = an_app(account).post("/order-payments", body, Idempotency_Key="k").json()
    top_up = confirmed(TopUp.objects.get(id=ids.parse("top", answer["top_up"]["id"])))
    shown = an_app(account).get(f"/order-payments/{answer['id']}").json()
    assert (shown["status"], list(shown["top_up"]["next"])) == ("waiting", ["client_secret", "publishable_key"])
    in_the_app(at_till, top_up)
    answers(at_till, top_up)
    confirmed(top_up)
    relay()
    assert an_app(account).get(f"/order-payments/{answer['id']}").json()["status"] == "placed"


def test_without_a_publishable_key_a_page_takes_its_place(at_till: Till) -> None:
    account = who_saved(at_till, number=ASKS)
    bare = StripeGateway(secret_key=SECRET_KEY, webhook_secrets=[WEBHOOK_SECRET], api_base=at_till.stripe.url)
    gateways.offer("stripe", lambda: bare)
    top_up = asked(account)
    assert (bool(top_up.redirect_url), top_up.client_secret) == (True, "")


def test_a_browser_is_led_to_a_page_and_never_shows_the_form(at_till: Till) -> None:
    account = who_saved(at_till)
    body = {"method": "card", "pack": f"pack_{_pack(account, 'web')}", "saved": card_of(account).public_id}
    body |= {"confirms_in_app": True}
    answer = an_app(account, app_platform="web").post("/top-ups", body, Idempotency_Key=f"key-{a_number()}")
    assert (answer.status_code, [one["field"] for one in answer.json()["errors"]]) == (400, ["confirms_in_app"])
