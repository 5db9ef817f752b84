"""An order is paid for in one step: coins are bought, and it is placed once; where it can't be, the coins stay."""

from datetime import timedelta

import pytest
from django.db import OperationalError, transaction
from django.utils import timezone

from orders import paying, placement
from orders.models import Order, OrderPayment
from orders.placement import QuoteUsed
from orders.quotes import QuoteExpired
from payments import top_ups, wallet
from payments.models import Lot, TopUp
from promote.catalogue.models import Visibility
from promote.eligibility import BROWSER, NotEligible
from promote.idempotency.answers import KeyReused
from promote.outbox.models import Message
from promote.outbox.relay import relay
from promote.refusals import Invalid, NotFound
from tests.api.callers import an_app
from tests.builders import a_number, a_quote, a_video, an_account, coins_for
from tests.front.visitors import an_advertiser, signed_in, text_of
from tests.payments.buying import RETURN_URL, Till, deliver, work_off
from tests.payments.ledgers import audited, together

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("static_files")]
DONE = "checkout.session.completed"


def a_priced(account=None, *, has_coins: int = 0, **wish):
    """An account, its video and a quote for 1,000 coins."""
    account = account or an_account()
    if has_coins:
        coins_for(account, has_coins)
    video = a_video(account)
    return account, video, a_quote(account, video, now=timezone.now(), **wish)


def started(account, quote, *, now=None, **facts):
    asked = {"method": "card", "key": f"key-{a_number()}", "caller": BROWSER, "surface": "web", **facts}
    return paying.start(account=account, quote=quote.sealed, return_url=RETURN_URL, now=now or timezone.now(), **asked)


def heard(here: Till, payment, *, times: int = 1):
    """The money is final, and what follows from it has been done."""
    here.pays(payment.top_up)
    notice = here.of_kind(DONE)
    for _ in range(times):
        deliver(notice)
        work_off()
        relay()
    payment.refresh_from_db()
    return payment


def test_the_missing_coins_are_bought_and_the_order_is_placed_once(at_till: Till) -> None:
    account, _, quote = a_priced(has_coins=300)
    payment = started(account, quote)
    assert (payment.top_up.coins, payment.state) == (1000, "waiting"), "the smallest pack that brings 700"
    assert not Order.objects.filter(account=account).exists()
    heard(at_till, payment, times=3)
    Message.objects.update(done_at=None)
    relay()
    (order,) = Order.objects.filter(account=account)
    assert (payment.state, payment.order, order.status, order.pay_coins) == ("placed", order, "in_review", 1000)
    balance = wallet.balance(account=account)
    assert (balance.free_coins, balance.held_coins) == (300, 1000)
    assert Lot.objects.filter(account=account, origin="card").count() == 1
    audited()


def test_the_price_stands_as_long_as_the_payment_has_time(at_till: Till) -> None:
    account, _, quote = a_priced()
    payment = started(account, quote)
    at_till.pays(payment.top_up)
    later = timezone.now() + timedelta(minutes=50)
    top_ups.confirm(top_up_id=payment.top_up_id, now=later)
    paying.place(top_up_id=payment.top_up_id, now=later)
    assert Order.objects.get(account=account).status == "in_review"


@pytest.mark.parametrize(
    ("happens", "code"),
    [
        ("private", "not_eligible"),
        ("spent", "insufficient_coins"),
        ("late", "quote_expired"),
        ("by hand", "quote_used"),
    ],
)
def test_where_it_cant_be_placed_the_coins_stay_and_its_owner_is_told(at_till: Till, happens: str, code: str) -> None:
    account, video, quote = a_priced(an_advertiser())
    payment = started(account, quote)
    if happens == "private":
        video.visibility = Visibility.PRIVATE
        video.save()
    if happens == "by hand":
        coins_for(account, 1000)
        placement.place(account=account, quote=quote.sealed, key="by hand", caller=BROWSER, now=timezone.now())
    if happens == "late":
        TopUp.objects.filter(id=payment.top_up_id).update(expires_at=timezone.now() - timedelta(hours=1))
    if happens == "spent":
        at_till.pays(payment.top_up)
        top_ups.confirm(top_up_id=payment.top_up_id, now=timezone.now())
        other = a_quote(account, a_video(account), now=timezone.now(), budget_coins=300)
        placement.place(account=account, quote=other.sealed, key="other", caller=BROWSER, now=timezone.now())
        relay()
        payment.refresh_from_db()
    else:
        heard(at_till, payment)
    assert (payment.state, payment.code, payment.order) == ("not_placed", code, None)
    assert wallet.balance(account=account).free_coins == (700 if happens == "spent" else 1000)
    told = account.notifications.get(kind="order_not_placed")
    assert payment.reason in str(told.payload["reason"])
    page = text_of(signed_in(account).get(f"/wallet/top-ups/{payment.top_up.public_id}/"))
    assert "could not be placed" in page
    assert "in your balance" in page
    relay()
    payment.refresh_from_db()
    assert payment.state == "not_placed"
    audited()


@pytest.mark.django_db(transaction=True)
def test_its_owner_who_places_it_by_hand_at_once_has_one_order_and_the_coins(at_till: Till) -> None:
    account, _, quote = a_priced()
    payment = started(account, quote)
    at_till.pays(payment.top_up)
    coins_for(account, 1000)

    def by_hand():
        key = f"by hand {a_number()}"
        return placement.place(account=account, quote=quote.sealed, key=key, caller=BROWSER, now=timezone.now())

    top_ups.confirm(top_up_id=payment.top_up_id, now=timezone.now())
    answers = together([by_hand, relay, by_hand, relay])
    assert not [one for one in answers if isinstance(one, Exception) and not isinstance(one, QuoteUsed)]
    Message.objects.update(retry_at=None)
    relay()
    payment.refresh_from_db()
    (order,) = Order.objects.filter(account=account)
    if payment.order != order:
        assert (payment.state, payment.code) == ("not_placed", "quote_used")
        assert account.notifications.filter(kind="order_not_placed").count() == 1
    balance = wallet.balance(account=account)
    assert (balance.free_coins, balance.held_coins) == (1000, 1000)
    audited()


def test_a_crash_between_crediting_and_placing_is_taken_up_again(at_till: Till, monkeypatch) -> None:
    account, _, quote = a_priced()
    payment = started(account, quote)
    real = paying.placement.place_paid

    def dies(**_):
        raise RuntimeError("the worker was killed")

    monkeypatch.setattr(paying.placement, "place_paid", dies)
    heard(at_till, payment)
    assert payment.state == "waiting"
    assert wallet.balance(account=account).free_coins == 1000
    monkeypatch.setattr(paying.placement, "place_paid", real)
    Message.objects.update(retry_at=None)
    relay()
    payment.refresh_from_db()
    assert (payment.state, Order.objects.filter(account=account).count()) == ("placed", 1)


def test_what_keeps_it_from_being_placed_now_keeps_it_from_being_paid(at_till: Till) -> None:
    account, video, quote = a_priced()
    with pytest.raises(QuoteExpired):
        started(account, quote, now=timezone.now() + timedelta(minutes=11))
    with pytest.raises(Invalid):
        started(account, quote, method="barter")
    enough, _, other = a_priced(has_coins=1000)
    with pytest.raises(paying.NothingMissing):
        started(enough, other)
    video.visibility = Visibility.PRIVATE
    video.save()
    with pytest.raises(NotEligible):
        started(account, quote)
    assert not TopUp.objects.exists()


@pytest.mark.parametrize(("country", "surface"), [("US", "ios"), ("GB", "web"), ("GB", "ios")])
def test_where_the_market_has_no_method_it_is_not_offered(at_till: Till, country: str, surface: str) -> None:
    account, _, quote = a_priced(an_account(country=country))
    assert paying.ways(account=account, surface=surface, missing_coins=100) == []
    with pytest.raises(top_ups.NoMethodHere):
        started(account, quote, surface=surface)


def test_the_same_key_starts_one_payment(at_till: Till) -> None:
    account, video, quote = a_priced()
    first = started(account, quote, key="k")
    assert started(account, quote, key="k") == first
    with pytest.raises(KeyReused):
        started(account, a_quote(account, video, now=timezone.now(), budget_coins=500), key="k")
    with pytest.raises(KeyReused):  # its payer came back and chose another way: not the old page once more
        started(account, quote, key="k", method="paypal")
    assert TopUp.objects.filter(account=account).count() == 1
    with pytest.raises(NotFound):
        paying.get(account=an_account(), public_id=first.public_id)


def test_what_was_decided_stays_whoever_writes_it(at_till: Till) -> None:
    account, _, quote = a_priced()
    payment = heard(at_till, started(account, quote))
    with pytest.raises(OperationalError, match="stays as it was decided"), transaction.atomic():
        OrderPayment.objects.filter(id=payment.id).update(state="waiting", order=None, ended_at=None)


def test_an_app_pays_for_an_order_and_sees_what_became_of_it(at_till: Till) -> None:
    account, _, quote = a_priced()
    caller = an_app(account, app_platform="android")
    answer = caller.post("/order-payments", {"quote": quote.sealed, "method": "card"}, Idempotency_Key="k")
    assert answer.status_code == 201
    body = answer.json()
    assert (body["status"], body["order"], body["top_up"]["coins"]) == ("waiting", None, 1000)
    assert body["top_up"]["next"]["redirect_url"]
    heard(at_till, OrderPayment.objects.get(account=account))
    seen = caller.get(f"/order-payments/{body['id']}").json()
    assert (seen["status"], seen["top_up"]["status"]) == ("placed", "paid")
    assert caller.get(f"/orders/{seen['order']}").json()["status"] == "in_review"
    on_ios = an_app(account, app_platform="ios").post(
        "/order-payments", {"quote": quote.sealed, "method": "card"}, Idempotency_Key="ios"
    )
    assert on_ios.json()["code"] == "top_up_not_available"


def test_the_order_form_offers_it_and_the_page_follows_it_to_the_order(at_till: Till) -> None:
    account, video, _ = a_priced(an_advertiser())
    browser = signed_in(account)
    page = browser.get(f"/promote/{video.public_id}/")
    text = text_of(page)
    assert "Pay with" in text
    form = {**page.context["form"].data.dict(), "quote": page.context["offered"].quote.sealed}
    asked = {**form, "key": "web-1", "pay_with": "card"}
    answer = browser.post(f"/promote/{video.public_id}/", asked)
    assert answer["Refresh"].endswith(OrderPayment.objects.get(account=account).top_up.redirect_url)
    payment = OrderPayment.objects.get(account=account)
    back = f"/wallet/top-ups/{payment.top_up.public_id}/"
    assert "placed as soon as the money is final" in text_of(browser.get(back))
    heard(at_till, payment)
    assert "your promotion is placed" in text_of(browser.get(back))


def test_a_saved_card_pays_for_an_order_with_one_press(at_till: Till) -> None:
    account, video, _ = a_priced(an_advertiser())
    browser = signed_in(account)
    page = browser.get(f"/promote/{video.public_id}/")
    form = {**page.context["form"].data.dict(), "quote": page.context["offered"].quote.sealed}
    browser.post(f"/promote/{video.public_id}/", {**form, "key": "new", "pay_with": "card", "save": "on"})
    heard(at_till, OrderPayment.objects.get(key="new"))
    saved = account.saved_methods.get()
    again = a_video(account)
    page = browser.get(f"/promote/{again.public_id}/")
    assert f"Pay with {saved.label}" in text_of(page)
    form = {**page.context["form"].data.dict(), "quote": page.context["offered"].quote.sealed}
    browser.post(f"/promote/{again.public_id}/", {**form, "key": "kept", "pay_with": f"card {saved.public_id}"})
    payment = OrderPayment.objects.get(key="kept")
    assert (payment.top_up.saved, payment.top_up.redirect_url) == (saved, "")
    top_ups.confirm(top_up_id=payment.top_up_id, now=timezone.now())
    relay()
    payment.refresh_from_db()
    assert payment.state == "placed"
