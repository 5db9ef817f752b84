"""Coins on the pages: what is there, what moved it, and how more are bought."""

from datetime import timedelta

import pytest
from django.utils import timezone

from coupons.models import Offer
from orders.models import OrderPayment
from payments.models import TopUp, TopUpStatus
from promote.accounts.models import Account
from promote.markets.models import CoinPack, Market, MoneyLimit
from tests.builders import a_campaign, a_number, an_offer, an_order, coins_for
from tests.front.visitors import an_advertiser, signed_in, text_of
from tests.payments.books import a_paid_top_up

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("static_files")]


def test_the_wallet_shows_what_is_free_what_is_held_and_every_movement():
    account = an_advertiser()
    coins_for(account, 500)
    order = an_order(account)
    page = signed_in(account).get("/wallet/")
    words = text_of(page)
    for said in (
        "Free to spend",
        "500",
        "In orders",
        "1,000",
        "Can be withdrawn",
        "Promotion paid",
        "−1,000",
        "+500",
        "Given to you",
    ):
        assert said in words
    assert f"/orders/{order.public_id}/" in page.content.decode()


def test_the_statement_is_in_pages():
    account = an_advertiser()
    for _ in range(27):
        coins_for(account, 1)
    browser = signed_in(account)
    first = browser.get("/wallet/").content.decode()
    assert first.count("<tr>") == 26
    older = first.partition('href="?before=')[2].partition('"')[0]
    assert browser.get(f"/wallet/?before={older}").content.decode().count("<tr>") == 3
    assert browser.get("/wallet/?before=nonsense").status_code == 200


def test_where_the_web_sells_no_coins_the_page_says_where_they_are_bought():
    page = signed_in(an_advertiser(country="GB")).get("/wallet/top-up/")
    assert "open it on your phone" in text_of(page)
    assert "Go to payment" not in text_of(page)


def test_the_smallest_pack_that_is_enough_is_chosen_beforehand():
    account = an_advertiser(country="US")
    page = " ".join(signed_in(account).get("/wallet/top-up/?need=600").content.decode().split())
    pack = CoinPack.objects.get(market_id="US", surface="web", coins=1000)
    if "Go to payment" not in page:
        pytest.fail("cards are sold on the web in the US")
    assert f'name="pack" value="{pack.pk}" checked' in page
    assert "US$9.90" in page


def test_who_has_bought_all_that_a_day_allows_is_told_when_they_can_again_and_offered_no_press():
    account = an_advertiser(country="US")
    limit = {"flow": MoneyLimit.Flow.TOP_UP, "counts": MoneyLimit.Counts.COINS, "window_s": 86_400}
    MoneyLimit.objects.create(market_id="US", name="day", most=500, **limit)
    a_paid_top_up(account, 500, paid_at=timezone.now())
    page = signed_in(account).get("/wallet/top-up/")
    assert "and so many were" in text_of(page)
    assert "You can buy again at" in text_of(page)
    assert 'type="submit" disabled' in page.content.decode()


def test_a_pack_that_is_not_sold_is_refused_beside_the_packs():
    account = an_advertiser(country="US")
    browser = signed_in(account)
    for pack in ("", "0", "999999999", "x"):
        response = browser.post("/wallet/top-up/", {"pack": pack, "method": "card", "key": "k"})
        assert response.status_code == 422, pack


def test_the_way_back_is_one_of_our_pages():
    page = signed_in(an_advertiser(country="US")).get("/wallet/top-up/?next=https://evil.example/").content.decode()
    assert "evil.example" not in page.partition("<main")[2]


def test_a_code_becomes_an_offer_once():
    account = an_advertiser()
    a_campaign(code="KILN20", now=timezone.now())
    browser = signed_in(account)
    done = browser.post("/offers/", {"code": " kiln20 "}, follow=True)
    assert "It is yours: 200 coins off." in text_of(done)
    assert Offer.objects.get(account=account)
    again = browser.post("/offers/", {"code": "KILN20"})
    assert again.status_code == 422
    assert "You have redeemed this code already." in text_of(again)
    unknown = browser.post("/offers/", {"code": "NOPE"})
    assert "There is no such offer or code." in text_of(unknown)


def test_an_offer_in_use_is_shown_as_such():
    account = an_advertiser()
    an_order(account, offer=an_offer(account))
    assert "In use" in text_of(signed_in(account).get("/offers/"))


def test_notifications_are_new_until_seen():
    account = an_advertiser()
    an_order(account)
    browser = signed_in(account)
    assert "is in review" in text_of(browser.get("/notifications/"))
    assert account.notifications.filter(read_at=None).exists(), "looking alone changes nothing"
    browser.post("/notifications/seen/")
    assert not account.notifications.filter(read_at=None).exists()


def an_unfinished_top_up(account: Account, **facts: object) -> TopUp:
    market, now = Market.objects.get(code=account.country), timezone.now()
    bought = {"coins": 500, "amount_minor": 8_000_000, "currency": market.currency, "exponent": market.exponent}
    begun = {
        "key": f"key-{a_number()}",
        "market": market,
        "surface": "web",
        "started_at": now,
        "tax_percent": 0,
        "tax_minor": 0,
    }
    until = {"expires_at": now + timedelta(days=1), "gateway": "doku", "method": "doku_bank_transfer"}
    return TopUp.objects.create(account=account, **{**bought, **begun, **until, **facts})


def test_a_transfer_that_waits_says_what_for_and_leads_to_how_it_is_made():
    account = an_advertiser(country="ID")
    told = {"bank": "BCA", "account_number": "8889993", "account_name": "Promote"}
    top_up = an_unfinished_top_up(account, instructions=told)
    browser = signed_in(account)
    wallet = browser.get("/wallet/")
    assert "Bank transfer · Rp80,000" in text_of(wallet)
    assert "How to transfer" in text_of(wallet)
    assert f'href="/wallet/top-ups/{top_up.public_id}/"' in wallet.content.decode()
    page = browser.get(f"/wallet/top-ups/{top_up.public_id}/").content.decode()
    assert 'data-plain="80000"' in page, "what is copied can be pasted into a bank's form"


def test_a_payment_that_came_to_nothing_says_that_its_promotion_was_not_placed_and_leads_back_to_it():
    account = an_advertiser(country="ID")
    top_up = an_unfinished_top_up(account, status=TopUpStatus.EXPIRED, ended_at=timezone.now())
    OrderPayment.objects.create(
        top_up=top_up, account=account, quote="q", key="k", target="vid_1", title="Mugs", started_at=timezone.now()
    )
    page = signed_in(account).get(f"/wallet/top-ups/{top_up.public_id}/")
    assert "Your promotion of “Mugs” was not placed." in text_of(page)
    assert 'href="/promote/vid_1/"' in page.content.decode()
