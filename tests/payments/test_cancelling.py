"""A payment that its payer walked away from: cancelled at the provider, and it counts no more."""

import pytest
from django.utils import timezone

from payments import cancelling, limits, top_ups
from payments.gateways.base import Fetched, PaymentState
from payments.gateways.paypal import PaypalGateway
from payments.limits import LimitReached
from payments.models import TopUp, TopUpStatus
from promote.markets.models import MoneyLimit
from promote.refusals import NotFound
from tests.api.callers import a_browser, problem
from tests.builders import an_account
from tests.front.visitors import an_advertiser, signed_in, text_of
from tests.payments.buying import a_top_up
from tests.payments.counter import Counter, buys, confirmed

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("static_files")]


def cancelled(top_up):
    return cancelling.cancel(account=top_up.account, public_id=top_up.public_id, now=timezone.now())


def test_a_cancelled_page_can_not_be_paid_and_frees_the_limit(at_counter: Counter) -> None:
    account = an_account()
    MoneyLimit.objects.filter(flow=limits.Flow.TOP_UP).update(enabled=False)
    MoneyLimit.objects.create(
        name="of-this-test",
        flow=limits.Flow.TOP_UP,
        counts=limits.Counts.COINS,
        most=1500,
        window_s=86_400,
        enabled=True,
    )
    first = a_top_up(account)
    with pytest.raises(LimitReached) as refused:
        a_top_up(account)
    assert refused.value.extra["pending"] == [first.public_id]
    assert "cancel them, in your wallet" in refused.value.detail
    assert (cancelled(first).status, cancelled(first).failure) == (TopUpStatus.EXPIRED, "cancelled")
    assert at_counter.till.stripe.pay(first.redirect_url).status_code == 410
    assert a_top_up(account).status == TopUpStatus.PENDING


def test_money_that_we_take_ourselves_is_never_taken_once_cancelled(at_counter: Counter) -> None:
    top_up = buys("US", "paypal")
    cancelled(top_up)
    at_counter.pays(top_up)
    assert confirmed(top_up).status == TopUpStatus.EXPIRED


def test_who_cancels_while_the_money_is_taken_is_told_no_and_who_did_before_is_charged_nothing(
    at_counter: Counter, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = PaypalGateway.fetch, PaypalGateway.take
    for moment, status in (("before", TopUpStatus.EXPIRED), ("meanwhile", TopUpStatus.PAID)):
        top_up = buys("US", "paypal")
        at_counter.pays(top_up)
        told: list[object] = []

        def cancels(top_up: TopUp = top_up, told: list[object] = told) -> None:
            try:
                told.append(cancelled(top_up).status)
            except cancelling.NotCancelled as refused:
                told.append(refused.code)

        def fetch(gateway: PaypalGateway, ref: str, *, is_now: bool = moment == "before", cancels=cancels) -> Fetched:
            found = real[0](gateway, ref)
            if is_now and found.state == PaymentState.APPROVED:
                cancels()
            return found

        def take(gateway: PaypalGateway, ref: str, *, key: str, cancels=cancels) -> Fetched:
            cancels()
            return real[1](gateway, ref, key=key)

        monkeypatch.setattr(PaypalGateway, "fetch", fetch)
        monkeypatch.setattr(PaypalGateway, "take", take)
        confirmed(top_up)
        assert TopUp.objects.get(id=top_up.id).status == status
        assert told == ["expired" if moment == "before" else "not_cancelled"]


def test_what_was_paid_or_can_not_be_closed_is_not_cancelled(at_counter: Counter) -> None:
    paid, wallet = a_top_up(), buys("ID", "dana")
    at_counter.till.pays(paid)
    for top_up in (paid, wallet):
        with pytest.raises(cancelling.NotCancelled):
            cancelled(top_up)
    assert confirmed(paid).status == TopUpStatus.PAID
    with pytest.raises(NotFound):
        cancelling.cancel(account=an_account(), public_id=wallet.public_id, now=timezone.now())


def test_the_wallet_and_an_app_cancel_it(at_counter: Counter) -> None:
    account = an_advertiser(country="US")
    first, second = a_top_up(account), a_top_up(account)
    browser = signed_in(account)
    assert text_of(browser.get("/wallet/")).count("Cancel it") == 2
    done = browser.post(f"/wallet/top-ups/{first.public_id}/cancel/", follow=True)
    assert "Cancelled: nobody can pay it" in text_of(done)
    caller = a_browser(account)
    assert caller.get(f"/top-ups/{second.public_id}").json()["cancellable"]
    told = caller.post(f"/top-ups/{second.public_id}/cancel", **{"Idempotency-Key": "c"}).json()
    assert (told["status"], told["failure"]["code"]) == ("expired", "cancelled")
    away = buys("US", "card", account=account)
    at_counter.till.stripe.control("answers", down=True)
    assert problem(caller.post(f"/top-ups/{away.public_id}/cancel", **{"Idempotency-Key": "d"}))["status"] == 503
    at_counter.till.stripe.control("answers")
    assert top_ups.get(account=account, public_id=away.public_id).status == TopUpStatus.PENDING
