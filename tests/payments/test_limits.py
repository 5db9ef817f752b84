"""How much an account may buy and withdraw in so long: one place decides and explains, and it holds when many ask."""

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from django.db import DatabaseError, connections, transaction
from django.utils import timezone

from payments import gateways, limits, top_ups, wallet, withdrawals, withdrawing
from payments.gateways.base import GatewayAway, Started
from payments.limits import LimitReached
from payments.models import LimitPassed, TopUp, TopUpStatus, Withdrawal
from promote.accounts.models import Account
from promote.keys import staff
from promote.markets.models import CoinPack, Market, MoneyLimit
from promote.outbox.relay import relay
from promote.refusals import Invalid, WrongState
from tests.api.callers import an_app
from tests.builders import NOON, a_number, a_user, an_account
from tests.front.visitors import an_advertiser, signed_in, text_of
from tests.payments.books import a_paid_top_up

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("at_a_page", "static_files")]
DAY, HOUR = timedelta(days=1), timedelta(hours=1)


class Page:
    """A provider whose pages all look alike."""

    is_live, notice_headers = False, ()

    def start(self, purchase, *, key):
        return Started(provider_ref=key, redirect_url=f"https://pay.example/{key}")

    def refund(self, payment_ref, **asked):
        raise GatewayAway("closed")

    def returns_of(self, payment_ref):
        return []


@pytest.fixture
def at_a_page():
    before = gateways.named("stripe")
    gateways.offer("stripe", Page)  # type: ignore[arg-type]
    yield
    gateways.offer("stripe", lambda: before)


def an_old_account(**facts) -> Account:
    account = an_account(**facts)
    Account.objects.filter(id=account.id).update(created_at=NOON - 30 * DAY)
    account.refresh_from_db()
    return account


def a_limit(flow, counts, most, **facts):
    return MoneyLimit.objects.create(
        **{"flow": flow, "name": f"l{a_number()}", "counts": counts, "most": most, "window_s": 86_400, **facts}
    )


def alone(*args, **facts):
    """That limit, and no other."""
    MoneyLimit.objects.all().delete()
    return a_limit(*args, **facts)


def buys(account, coins, *, now=NOON, **facts):
    pack = CoinPack.objects.get(market_id=account.country, surface="web", coins=coins)
    asked = {"method": "card", "key": f"key-{a_number()}", "return_url": "https://us.example/{top_up}/", **facts}
    return top_ups.start(account=account, caller_surface="web", pack_id=pack.pk, now=now, **asked)


def ended(top_up, status, at=NOON):
    paid = {"paid_at": at} if status == TopUpStatus.PAID else {}
    TopUp.objects.filter(id=top_up.id).update(status=status, ended_at=at, check_at=None, **paid)


def test_what_was_paid_and_what_is_being_paid_use_up_the_day():
    alone("top_up", "coins", 2_500)
    account = an_old_account()
    ended(buys(account, 1_000), TopUpStatus.PAID)
    buys(account, 1_000, now=NOON + HOUR)
    with pytest.raises(LimitReached) as refused:
        buys(account, 1_000, now=NOON + HOUR)
    refusal = refused.value
    assert (refusal.code, refusal.status, refusal.extra["left_coins"]) == ("limit_reached", 409, 500)
    assert refusal.extra["possible_at"] == "2026-11-24T14:00:00Z", "the unfinished payment ends before the paid one"
    assert "At most 2,500 coins can be bought within 24 hours" in refusal.detail
    assert "up to 500 coins" in refusal.detail
    assert buys(account, 500, now=NOON + HOUR)
    assert buys(an_old_account(), 1_000), "another account has its own"


def test_until_when_an_unfinished_payment_counts_is_said_as_it_is_known():
    alone("top_up", "coins", 1_000)
    account = an_old_account()
    top_up = buys(account, 1_000)
    at = top_up.expires_at + timedelta(minutes=1)
    asked = {"account": account, "market": top_up.market, "coins": 500, "now": at}
    with pytest.raises(LimitReached) as silent:
        limits.check_top_up(**asked)
    assert silent.value.extra["possible_at"] == (at + timedelta(minutes=15)).isoformat().replace("+00:00", "Z")
    TopUp.objects.filter(id=top_up.id).update(accepted_at=at)  # its bank moves it for days, and then it counts
    with pytest.raises(LimitReached) as moving:
        limits.check_top_up(**asked)
    assert moving.value.extra["possible_at"] == (at + DAY).isoformat().replace("+00:00", "Z")


def test_what_failed_counts_no_more_and_what_was_paid_is_free_a_day_later():
    alone("top_up", "coins", 1_000)
    account = an_old_account()
    ended(buys(account, 1_000), TopUpStatus.EXPIRED)
    ended(buys(account, 1_000), TopUpStatus.PAID)
    with pytest.raises(LimitReached) as refused:
        buys(account, 100, now=NOON + DAY - timedelta(seconds=1))
    assert refused.value.extra["possible_at"] == "2026-11-25T12:00:00Z"
    assert buys(account, 1_000, now=NOON + DAY)


def test_more_than_the_limit_is_never_possible_and_says_how_much_is():
    alone("top_up", "coins", 700)
    with pytest.raises(LimitReached) as refused:
        buys(an_old_account(), 1_000)
    assert (refused.value.extra["left_coins"], refused.value.extra["possible_at"]) == (700, None)
    assert "Now you can buy up to 700 coins" in refused.value.detail


def test_the_same_key_asks_for_the_same_purchase_whatever_the_limit_says():
    alone("top_up", "coins", 1_000)
    account = an_old_account()
    first = buys(account, 1_000, key="once")
    assert buys(account, 1_000, key="once") == first


def test_new_accounts_have_less():
    alone("top_up", "coins", 500, younger_than_days=7)
    account = an_old_account()
    assert buys(account, 1_000)
    Account.objects.filter(id=account.id).update(created_at=NOON - 6 * DAY)
    account.refresh_from_db()
    with pytest.raises(LimitReached):
        buys(account, 1_000)


def test_a_burst_of_purchases_is_stopped_and_says_until_when():
    alone("top_up", "times", 2, window_s=600)
    account = an_old_account()
    for _ in range(2):
        ended(buys(account, 100), TopUpStatus.PAID)
    with pytest.raises(LimitReached) as refused:
        buys(account, 100, now=NOON + timedelta(minutes=5))
    assert refused.value.extra == {
        "limit": refused.value.extra["limit"], "left_coins": None, "possible_at": "2026-11-24T12:10:00Z",
    }  # fmt: skip
    assert "2 purchases within 10 minutes" in refused.value.detail
    assert buys(account, 100, now=NOON + timedelta(minutes=10))


def test_many_payments_that_come_to_nothing_are_stopped_for_a_while():
    alone("top_up", "unpaid", 3, window_s=3600)
    account = an_old_account()
    for status in (TopUpStatus.FAILED, TopUpStatus.EXPIRED, TopUpStatus.FAILED):
        ended(buys(account, 100), status)
    with pytest.raises(LimitReached) as refused:
        buys(account, 100)
    assert "came to nothing" in refused.value.detail
    assert buys(account, 100, now=NOON + HOUR)


def test_a_market_has_its_own_limit_in_place_of_the_one_of_all_others():
    row = alone("top_up", "coins", 100, name="day")
    MoneyLimit.objects.create(market_id="US", flow="top_up", name="day", counts="coins", most=10_000, window_s=86_400)
    assert buys(an_old_account(country="US"), 1_000)
    with pytest.raises(LimitReached):
        buys(an_old_account(country="CA"), 500)
    row.enabled = False
    row.save()
    assert buys(an_old_account(country="CA"), 500)


def test_every_market_begins_with_limits_within_two_thousand_dollars_a_day():
    day = MoneyLimit.objects.get(market=None, flow="top_up", name="day")
    us = CoinPack.objects.filter(market_id="US", surface="web").order_by("coins").first()
    assert day.most * us.price_minor // us.coins <= 200_000
    for market in Market.objects.all():
        found = limits.outlook(account=an_old_account(country=market.code), market=market, flow="top_up", now=NOON)
        assert found.left_coins == day.most


@pytest.mark.django_db(transaction=True)
def test_many_who_ask_at_once_get_no_more_than_the_limit():
    alone("top_up", "coins", 2_500)
    account = an_old_account()

    def ask(_):
        try:
            return buys(account, 500).coins
        except LimitReached:
            return 0
        finally:
            connections.close_all()

    with ThreadPoolExecutor(8) as pool:
        bought = list(pool.map(ask, range(16)))
    assert sum(bought) == 2_500
    assert TopUp.objects.filter(account=account).count() == 5


@pytest.mark.django_db(transaction=True)
def test_many_withdrawals_at_once_take_no_more_than_the_limit():
    alone("withdrawal", "coins", 250)
    account = an_old_account()
    with transaction.atomic():
        a_paid_top_up(account, 1_000)

    def ask(_):
        try:
            asked = {"surface": "web", "coins": 100, "key": f"key-{a_number()}", "now": NOON}
            return withdrawals.request(account=account, **asked).coins
        except LimitReached:
            return 0
        finally:
            connections.close_all()

    with ThreadPoolExecutor(6) as pool:
        gone = list(pool.map(ask, range(6)))
    assert sum(gone) == 200
    assert wallet.balance(account=account).free_coins == 800


def withdrawn(account, coins, *, now=NOON):
    return withdrawals.request(account=account, surface="web", coins=coins, key=f"key-{a_number()}", now=now)


def test_withdrawals_of_a_day_are_capped_and_the_quote_says_so():
    alone("withdrawal", "coins", 300)
    account = an_old_account()
    a_paid_top_up(account, 1_000)
    assert withdrawing.quote(account=account, surface="web", coins=None, now=NOON).coins == 300
    withdrawn(account, 200)
    with pytest.raises(LimitReached) as refused:
        withdrawing.quote(account=account, surface="web", coins=200, now=NOON)
    assert (refused.value.extra["left_coins"], refused.value.extra["possible_at"]) == (100, "2026-11-25T12:00:00Z")
    withdrawn(account, 100)
    with pytest.raises(LimitReached):
        withdrawing.quote(account=account, surface="web", coins=None, now=NOON)
    assert withdrawn(account, 300, now=NOON + DAY)


def test_a_large_withdrawal_in_small_parts_is_looked_at_all_the_same():
    MoneyLimit.objects.all().delete()
    Market.objects.filter(code="US").update(withdrawal_review_from_coins=500)
    account = an_old_account()
    a_paid_top_up(account, 1_000)
    assert [withdrawn(account, 200).status for _ in range(3)] == ["requested", "requested", "in_review"]


def test_withdrawals_of_new_accounts_and_after_some_that_came_back_are_looked_at():
    alone("withdrawal", "coins", 50, younger_than_days=7, beyond="review")
    a_limit("withdrawal", "unpaid", 1, beyond="review")
    young, old = an_account(), an_old_account()
    for account in (young, old):
        a_paid_top_up(account, 1_000)
    assert [withdrawn(young, coins).status for coins in (50, 1)] == ["requested", "in_review"]
    first = withdrawn(old, 100)
    assert first.status == "requested"
    Withdrawal.objects.filter(id=first.id).update(status="failed", ended_at=NOON)
    assert withdrawn(old, 100).status == "in_review"


def test_what_a_store_took_is_credited_and_our_staff_hears_of_it():
    alone("top_up", "coins", 1_500, name="day")
    account = an_old_account()
    assert a_paid_top_up(account, 1_000, method="apple", gateway="apple")
    relay()
    assert not LimitPassed.objects.exists()
    over = a_paid_top_up(account, 1_000, method="apple", gateway="apple", paid_at=NOON + timedelta(seconds=1))
    relay()
    limits.tell_if_passed(top_up_ids=TopUp.objects.values_list("id", flat=True))
    assert wallet.balance(account=account).free_coins == 2_000
    told = LimitPassed.objects.get()
    assert (told.top_up_id, told.limit, told.most, told.coins) == (over.id, "day", 1_500, 2_000)
    now = limits.outlook(account=account, market=Market.objects.get(code="US"), flow="top_up", now=NOON)
    assert (now.left_coins, now.refusal is None) == (0, False), "and what is ours to refuse is refused until then"


def test_what_came_of_it_is_said_once_by_one_of_finance_and_stays():
    alone("top_up", "coins", 1, name="day")
    a_paid_top_up(an_old_account(), 1_000, method="apple", gateway="apple")
    relay()
    told, finance = LimitPassed.objects.get(), a_user()
    with pytest.raises(Invalid):
        limits.looked_at(passed_id=told.pk, note=" ", by=finance, now=NOON)
    limits.looked_at(passed_id=told.pk, note="A gift shop, known to us.", by=finance, now=NOON)
    with pytest.raises(WrongState):
        limits.looked_at(passed_id=told.pk, note="Again.", by=finance, now=NOON)
    for change in ({"coins": 1}, {"note": "Otherwise"}):
        with pytest.raises(DatabaseError), transaction.atomic():
            LimitPassed.objects.filter(pk=told.pk).update(**change)


def test_the_app_is_told_what_can_be_bought_and_a_refusal_says_until_when():
    alone("top_up", "coins", 1_500)
    account = an_old_account()
    app = an_app(account, app_platform="android")
    assert app.get("/top-ups/methods").json()["limit"] == {"left_coins": 1_500, "possible_at": None, "detail": None}
    pack = CoinPack.objects.get(market_id="US", surface="android", coins=1_000)
    body = {"method": "card", "pack": f"pack_{pack.pk}"}
    assert app.post("/top-ups", body, Idempotency_Key="k1").status_code == 201
    answer = app.post("/top-ups", body, Idempotency_Key="k2")
    problem = answer.json()
    assert (answer.status_code, problem["code"], problem["left_coins"]) == (409, "limit_reached", 500)
    assert problem["possible_at"].endswith("Z")


def test_the_page_offers_the_packs_that_fit_and_says_why_no_more():
    alone("top_up", "coins", 1_500)
    account = an_advertiser()
    Account.objects.filter(id=account.id).update(created_at=NOON - 30 * DAY)
    browser = signed_in(account)
    assert "over your limit for now" in text_of(browser.get("/wallet/top-up/"))
    buys(account, 1_000, now=timezone.now())
    buys(account, 500, now=timezone.now())
    words = text_of(browser.get("/wallet/top-up/"))
    assert "Limit reached" in words
    assert "At most 1,500 coins can be bought within 24 hours" in words


def test_the_withdrawal_page_says_how_much_is_possible():
    alone("withdrawal", "coins", 300)
    account = an_advertiser()
    a_paid_top_up(account, 1_000)
    page = signed_in(account).get("/wallet/withdraw/", {"coins": "400"})
    assert page.status_code == 422
    assert "Now you can withdraw up to 300 coins" in text_of(page)


def test_finance_edits_the_limits_and_looks_at_what_went_over(client):
    alone("top_up", "coins", 1, name="day")
    a_paid_top_up(an_old_account(), 1_000, method="apple", gateway="apple")
    relay()
    _user, _password = staff.create(username="fin", roles=["finance"])
    client.force_login(_user)
    assert client.get("/admin/markets/moneylimit/").status_code == 200
    told = LimitPassed.objects.get()
    assert "Say what came of it" in client.get(f"/admin/payments/limitpassed/{told.pk}/change/").content.decode()
    client.post(f"/admin/payments/limitpassed/{told.pk}/seen/", {"note": "Known to us."})
    told.refresh_from_db()
    assert (told.note, told.seen_by) == ("Known to us.", _user)


def test_a_limit_that_refuses_purchases_cant_be_a_review():
    with pytest.raises(DatabaseError), transaction.atomic():
        a_limit("top_up", "coins", 1, beyond="review")
