"""A provider that is away, slow or talks nonsense: its methods are hidden for a while, and nothing is lost."""

import re
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.core.cache import cache
from django.test import Client
from django.utils import timezone

from payments import (
    delivering,
    gateways,
    paying_back,
    polling,
    providers,
    saved_methods,
    top_ups,
    wallet,
    withdrawals,
)
from payments.gateways import calls
from payments.gateways.base import GatewayAway, GatewayRefused
from payments.gateways.paypal import PaypalGateway
from payments.models import Refused, SavedMethod, TopUp, TopUpStatus, Withdrawal
from promote.keys import staff
from promote.markets.models import CoinPack
from tests.api.callers import an_app
from tests.builders import an_account
from tests.front.visitors import an_advertiser, signed_in, text_of
from tests.payments.buying import without
from tests.payments.counter import Counter, buys, confirmed, post, work_off
from tests.payments.phones import Phones, handed_in

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("static_files")]

ONE_OF_EACH = [("AU", "paypal"), ("ID", "dana"), ("TH", "truemoney"), ("ID", "doku_bank_transfer")]
AWAY = [{"down": True}, {"garbage": True}]


def codes(market: str) -> list[str]:
    return [one.method.code for one in top_ups.methods(account=an_account(country=market), surface="web").offered]


@pytest.mark.parametrize("trouble", AWAY)
@pytest.mark.parametrize(("market", "method"), ONE_OF_EACH)
def test_an_hour_of_trouble_loses_nothing(
    at_counter: Counter, market: str, method: str, trouble: dict[str, bool]
) -> None:
    top_up = buys(market, method)
    at_counter.pays(top_up)
    letters = at_counter.letters()
    at_counter.of(top_up).control("answers", **trouble)
    for letter in letters:
        assert post(letter).status_code in (200, 503)  # PayPal's certificate can't be had from one that is away
    work_off()
    polling.poll(limit=10, now=timezone.now() + timedelta(minutes=5))
    top_up.refresh_from_db()
    assert (top_up.status, top_up.problem) == (TopUpStatus.PENDING, "")
    at_counter.of(top_up).control("answers")
    polling.poll(limit=10, now=timezone.now() + timedelta(hours=1))
    top_up.refresh_from_db()
    assert top_up.status == TopUpStatus.PAID
    assert wallet.balance(account=top_up.account).free_coins == 1000


def test_after_three_failures_in_a_row_its_methods_are_hidden_everywhere_and_say_so(at_counter: Counter) -> None:
    at_counter.providers["paypal"].control("answers", down=True)
    for _ in range(3):
        assert "paypal" in codes("AU")
        with pytest.raises(top_ups.ProviderAway):
            buys("AU", "paypal")
    assert (codes("AU"), codes("TH"), codes("ID")) == (
        ["card"],
        ["card", "rabbit_line_pay", "2c2p_bank_transfer", "truemoney"],
        ["card", "dana", "ovo", "doku_bank_transfer"],
    )
    answer = an_app(an_account(country="AU"), app_platform="web").get("/top-ups/methods").json()
    assert [one["method"] for one in answer["unavailable"]] == ["paypal", "paypal_reference"]
    assert "does not answer" in answer["unavailable"][0]["detail"]
    with pytest.raises(
        top_ups.ProviderAway
    ):  # whoever has chosen it before hears why, not that there is no such method
        buys("AU", "paypal")


def test_any_answer_opens_them_again(at_counter: Counter) -> None:
    top_up = buys("AU", "paypal")
    paypal = at_counter.providers["paypal"]
    paypal.control("answers", down=True)
    for _ in range(3):
        with pytest.raises(GatewayAway):
            confirmed(top_up)
    assert "paypal" not in codes("AU")
    paypal.control("answers")
    assert confirmed(top_up).status == TopUpStatus.PENDING
    assert "paypal" in codes("AU")


def test_coins_are_bought_while_redis_is_away(at_counter: Counter, settings) -> None:
    top_up = buys("CA", "paypal")
    at_counter.pays(top_up)
    settings.CACHES = {"default": {**settings.CACHES["default"], "LOCATION": "redis://127.0.0.1:1/0"}}
    assert "paypal" in codes("CA")
    assert confirmed(top_up).status == TopUpStatus.PAID


def test_the_pause_grows_while_it_goes_on(at_counter: Counter) -> None:
    at_counter.providers["2c2p"].control("answers", down=True)
    top_up_ref, waits = "top00", []
    for _ in range(10):
        with pytest.raises(GatewayAway):
            providers.ask("2c2p", lambda gateway: gateway.fetch(top_up_ref))
        if pause := providers.pause_of("2c2p"):
            waits.append(pause.seconds)
    assert waits == [30, 60, 120, 240, 480, 600, 600, 600]


def test_where_every_provider_is_away_the_page_says_to_come_back(at_counter: Counter) -> None:
    for name in gateways.METHODS:
        cache.set(f"provider:{name}:pause", providers.Pause(timezone.now(), "503", 30), 30)
    here = top_ups.methods(account=an_account(country="CA"), surface="web")
    assert (here.offered, here.hint_code) == ((), "away")
    with pytest.raises(top_ups.NoMethodHere):
        buys("CA", "card")


def test_one_that_is_away_costs_a_round_of_asking_three_waits_and_no_other_its_turn(
    at_counter: Counter, monkeypatch: pytest.MonkeyPatch
) -> None:
    silent = [buys("AU", "paypal") for _ in range(5)]
    other, asked = buys("TH", "truemoney"), []

    def fetch(_: object, ref: str) -> None:
        asked.append(ref)
        raise GatewayAway("nobody there")

    monkeypatch.setattr(PaypalGateway, "fetch", fetch)
    at_counter.pays(other)
    assert polling.poll(limit=10, now=timezone.now() + timedelta(seconds=61)) == 6
    other.refresh_from_db()
    assert (len(asked), other.status) == (3, TopUpStatus.PAID)
    monkeypatch.undo()
    for top_up in silent:
        at_counter.pays(top_up)
    polling.poll(limit=10, now=timezone.now() + timedelta(minutes=5))
    assert {wallet.balance(account=top_up.account).free_coins for top_up in silent} == {1000}


def test_whoever_meets_one_that_is_away_pays_another_way_from_the_same_page(at_counter: Counter) -> None:
    account = an_advertiser(country="AU")
    browser, pack = signed_in(account), CoinPack.objects.get(market_id="AU", surface="web", coins=1000)
    asked = {"pack": pack.pk, "key": "of-this-page"}
    at_counter.providers["paypal"].control("answers", down=True)
    page = browser.post("/wallet/top-up/", {**asked, "method": "paypal"})
    assert "does not answer" in text_of(page)
    for _ in range(2):
        page = browser.post("/wallet/top-up/", {**asked, "method": "card"})
        assert "Idempotency" not in text_of(page)
        assert page["Refresh"].startswith("0; url=http")
    assert sorted(account.top_ups.values_list("method", flat=True)) == ["card", "paypal"]


def test_a_no_is_an_answer(at_counter: Counter) -> None:
    buys("AU", "paypal")
    paypal = at_counter.providers["paypal"]

    def ask(expected: type[Exception]) -> None:
        with pytest.raises(expected):
            providers.ask("paypal", lambda gateway: gateway.fetch("NOSUCHORDER"))

    for _ in range(2):
        paypal.control("answers", down=True)
        ask(GatewayAway)
        ask(GatewayAway)
        paypal.control("answers")
        ask(GatewayRefused)
    assert "paypal" in codes("AU")


@pytest.mark.parametrize("trouble", [{"down": True}, {"slow_s": 1.0}])
def test_one_that_hangs_costs_a_round_of_refunds_and_of_letting_go_three_waits(
    at_counter: Counter, trouble: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    accounts = []
    for _ in range(5):
        top_up = buys("AU", "paypal_reference")
        at_counter.pays(top_up)
        assert confirmed(top_up).status == TopUpStatus.PAID
        accounts.append(top_up.account)
    now = timezone.now()
    for account in accounts:
        withdrawals.request(account=account, surface="web", coins=1000, key="back", now=now)
    SavedMethod.objects.update(removed_at=now, release_at=now)
    asked, ask = Counted(), providers.ask
    monkeypatch.setattr(providers, "ask", lambda name, question: asked.count(lambda: ask(name, question)))
    monkeypatch.setattr(calls, "TIMEOUT_S", 0.2)
    at_counter.providers["paypal"].control("answers", **trouble)
    assert paying_back.work(limit=10, now=now) == 5
    assert asked.times == 3
    assert saved_methods.release_due(limit=10, now=now) == 5
    assert asked.times == 6
    monkeypatch.setattr(calls, "TIMEOUT_S", 8)
    at_counter.providers["paypal"].control("answers")
    later = now + timedelta(hours=1)
    assert (paying_back.work(limit=10, now=later), saved_methods.release_due(limit=10, now=later)) == (5, 5)
    assert set(Withdrawal.objects.values_list("status", flat=True)) == {"succeeded"}
    assert set(SavedMethod.objects.values_list("token", flat=True)) == {""}


def test_a_store_that_hangs_costs_a_round_of_telling_three_waits(
    on_phones: Phones, monkeypatch: pytest.MonkeyPatch
) -> None:
    account = an_account(country="DE")
    for _ in range(5):
        handed_in("google", account, on_phones.buys("google", account))
    now = timezone.now()
    TopUp.objects.update(finish_at=now)
    monkeypatch.setattr(calls, "TIMEOUT_S", 0.2)
    on_phones.stores["google"].control("answers", slow_s=1.0)
    asked, ask = Counted(), providers.ask
    monkeypatch.setattr(providers, "ask", lambda name, question: asked.count(lambda: ask(name, question)))
    assert delivering.tell_due(limit=10, now=now) == 5
    assert asked.times == 3
    monkeypatch.setattr(calls, "TIMEOUT_S", 8)
    on_phones.stores["google"].control("answers")
    assert delivering.tell_due(limit=10, now=now + delivering.AGAIN_AFTER) == 5
    assert not TopUp.objects.exclude(finish_at=None).exists()


class Counted:
    times = 0

    def count(self, question: Callable[[], Any]) -> Any:
        self.times += 1
        return question()


def test_ops_sees_who_has_no_keys_and_who_does_not_answer(at_counter: Counter) -> None:
    user, password = staff.create(username="fin", roles=["finance"])
    browser = Client()
    assert browser.login(username=user.username, password=password)
    cache.set("provider:paypal:pause", providers.Pause(timezone.now(), "POST: 503", 30), 30)
    with without("doku"):
        page = browser.get("/admin/payments/topup/providers/").content.decode()
    assert "No keys here" in page
    assert "Does not answer" in page
    assert "POST: 503" in page
    assert re.search(r"dana <span[^>]*>ID<", page)


def test_ops_sees_what_was_refused(at_counter: Counter) -> None:
    for _ in range(3):
        assert Client().post("/webhooks/2c2p", b"{}", content_type="application/json").status_code == 400
    row = Refused.objects.get()
    assert (row.gateway, row.reason, row.times) == ("2c2p", "unreadable", 3)
    user, password = staff.create(username="fin", roles=["finance"])
    browser = Client()
    browser.login(username=user.username, password=password)
    assert "unreadable" in browser.get("/admin/payments/refused/").content.decode()
