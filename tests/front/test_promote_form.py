"""The order form: it prices what it says, places it once, and says beside the field what does not fit."""

import re
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from django.test import Client

from orders.models import Order, Status
from payments import wallet
from promote.accounts.models import Account
from promote.catalogue.models import Video
from promote.markets.models import Market
from tests.builders import a_live, a_video, an_offer, coins_for
from tests.front.visitors import an_advertiser, signed_in, text_of

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("static_files")]

PLAIN = {"objective": "video_views", "budget": "1000", "duration": "86400", "audience": "automatic", "offer": ""}


def a_seller(coins: int = 2_000, **facts: Any) -> tuple[Account, Video, Client]:
    account = an_advertiser(**facts)
    video = a_video(account)
    if coins:
        coins_for(account, coins)
    return account, video, signed_in(account)


def hidden(page: str, name: str) -> str:
    found = re.search(rf'name="{name}" value="([^"]*)"', page)
    assert found, f"no field {name}"
    return found[1]


def filled(browser: Client, video: Video, **choices: Any) -> dict[str, Any]:
    """What a browser would send: the choices, the form's key, and the price that the page showed for them."""
    page = browser.get(f"/promote/{video.public_id}/", {**PLAIN, **choices}).content.decode()
    return {**PLAIN, **choices, "key": hidden(page, "key"), "quote": hidden(page, "quote")}


def test_the_button_says_what_it_costs_and_placing_takes_exactly_that():
    account, video, browser = a_seller()
    page = browser.get(f"/promote/{video.public_id}/")
    assert "Promote for 1,000 coins" in text_of(page)
    response = browser.post(f"/promote/{video.public_id}/", filled(browser, video))
    order = Order.objects.get()
    assert response.headers["Location"].startswith(f"/orders/{order.public_id}/")
    assert (order.status, order.pay_coins) == (Status.IN_REVIEW, 1000)
    assert wallet.balance(account=account).free_coins == 1000


def test_sending_the_form_twice_places_one_order():
    account, video, browser = a_seller(coins=5_000)
    sent = filled(browser, video)
    first = browser.post(f"/promote/{video.public_id}/", sent)
    second = browser.post(f"/promote/{video.public_id}/", sent)
    changed = browser.post(f"/promote/{video.public_id}/", {**sent, "budget": "3000"})
    order = Order.objects.get()
    for response in (first, second, changed):
        assert response.headers["Location"] == f"/orders/{order.public_id}/"
    assert wallet.balance(account=account).free_coins == 4_000


def test_a_price_that_is_not_the_one_shown_is_shown_and_not_taken():
    account, video, browser = a_seller(coins=5_000)
    sent = {**filled(browser, video), "budget": "3000"}
    response = browser.post(f"/promote/{video.public_id}/", sent)
    assert response.status_code == 200
    assert "Nothing was placed yet" in text_of(response)
    assert "Promote for 3,000 coins" in text_of(response)
    assert not Order.objects.exists()
    page = response.content.decode()
    browser.post(f"/promote/{video.public_id}/", {**sent, "quote": hidden(page, "quote"), "key": hidden(page, "key")})
    assert Order.objects.get().pay_coins == 3000
    assert wallet.balance(account=account).free_coins == 2_000


def test_too_few_coins_lead_to_a_top_up_and_back_to_the_form_as_it_was():
    _, video, browser = a_seller(coins=400)
    page = browser.get(f"/promote/{video.public_id}/")
    assert "Get the missing 600 coins" in text_of(page)
    chosen = {"objective": "followers", "audience": "chosen", "interests": ["crafts", "home"]}
    response = browser.post(f"/promote/{video.public_id}/", filled(browser, video, **chosen))
    leads_to = urlsplit(response.headers["Location"])
    assert leads_to.path == "/wallet/top-up/"
    query = parse_qs(leads_to.query)
    assert query["need"] == ["600"]
    top_up = browser.get(response.headers["Location"])
    assert "600 coins are missing for your promotion" in text_of(top_up)
    back = browser.get(query["next"][0]).content.decode()
    assert re.search(r'value="followers"\s+checked', back)
    assert re.search(r'name="interests"\s+value="crafts"\s+checked', back)
    assert not Order.objects.exists()


@pytest.mark.parametrize(
    ("choices", "slot", "sentence"),
    [
        ({"budget": "own", "own_coins": "12"}, "own_coins", "300 coins"),
        ({"budget": "own", "own_coins": ""}, "own_coins", "Say how many coins."),
        ({"budget": "own", "own_coins": "99999999999999999999"}, "own_coins", "less than or equal"),
        ({"budget": "0x10"}, "budget", "Select a valid choice"),
        ({"duration": "own", "own_length": "2", "own_unit": "hours"}, "duration", "from 6 hours to 30 days"),
        ({"objective": "live_viewers"}, "objective", "Select a valid choice"),
        ({"objective": "website_visits", "website_url": "http://kiln.example/"}, "website_url", "https://"),
        ({"objective": "website_visits", "website_url": "https://10.0.0.1/"}, "website_url", "network"),
        ({"offer": "off_nonsense"}, "offer", "no such offer"),
    ],
)
def test_what_does_not_fit_is_said_beside_its_field_and_nothing_is_placed(choices, slot, sentence):
    account, video, browser = a_seller()
    an_offer(account)
    sent = {**PLAIN, "call_to_action": "learn_more", "key": "web-1", "quote": "", **choices}
    response = browser.post(f"/promote/{video.public_id}/", sent)
    assert response.status_code == 422
    beside = re.search(rf'id="slot-{slot}".*?</div>\s*</div>', response.content.decode(), flags=re.S)
    assert beside
    assert sentence in beside[0]
    assert "Nothing was placed yet: mend these first" in text_of(response)
    assert not Order.objects.exists()
    assert wallet.balance(account=account).free_coins == 2_000


def test_the_panel_prices_the_choices_and_fills_the_slots_of_errors():
    _, video, browser = a_seller()
    good = browser.get(f"/promote/{video.public_id}/quote/", {**PLAIN, "budget": "500"}, headers={"HX-Request": "true"})
    assert "Promote for 500 coins" in text_of(good)
    bad = browser.get(f"/promote/{video.public_id}/quote/", {**PLAIN, "budget": "own", "own_coins": "1"})
    assert bad.status_code == 200
    assert 'id="slot-own_coins" hx-swap-oob="true"' in bad.content.decode()
    assert not Order.objects.exists()


def test_a_field_only_just_opened_is_not_scolded():
    _, video, browser = a_seller()
    panel = browser.get(
        f"/promote/{video.public_id}/quote/", {**PLAIN, "objective": "website_visits", "call_to_action": "shop_now"}
    )
    assert "Name the page" not in text_of(panel)
    assert "Promote for" not in text_of(panel)


def test_an_offer_takes_coins_off_and_is_named_in_the_price():
    account, video, browser = a_seller()
    offer = an_offer(account)
    sent = filled(browser, video, offer=offer.public_id)
    browser.post(f"/promote/{video.public_id}/", sent)
    order = Order.objects.get()
    assert (order.cost_coins, order.coupon_coins, order.pay_coins) == (1000, 200, 800)
    assert wallet.balance(account=account).free_coins == 1200


def test_what_cant_be_promoted_says_why_and_how_to_mend_it():
    account = an_advertiser()
    video = a_video(account, visibility="private", music_licence="general")
    response = signed_in(account).get(f"/promote/{video.public_id}/")
    assert "The video is not public." in text_of(response)
    assert "Set “Who can watch this video” to Everyone." in text_of(response)
    assert "commercial music library" in text_of(response)
    assert "<form" not in response.content.decode().partition("<main")[2]


def test_a_video_that_stops_being_promotable_while_the_form_is_open_takes_no_coins():
    account, video, browser = a_seller()
    sent = filled(browser, video)
    Video.objects.filter(id=video.id).update(status="suspended")
    response = browser.post(f"/promote/{video.public_id}/", sent)
    assert response.status_code == 422
    assert "The video is suspended." in text_of(response)
    assert wallet.balance(account=account).free_coins == 2_000


def test_lengths_come_from_the_market_down_to_its_shortest():
    account, video, browser = a_seller(country="ID")
    Market.objects.filter(code="ID").update(duration_min_s=180)
    page = browser.get(f"/promote/{video.public_id}/")
    assert "3 minutes" in text_of(page)
    sent = filled(browser, video, duration="180")
    browser.post(f"/promote/{video.public_id}/", sent)
    assert Order.objects.of(account).get().duration_s == 180


def test_a_live_is_promoted_for_viewers_and_delivers_at_once():
    account = an_advertiser(country="ID")
    live = a_live(account)
    coins_for(account, 2_000)
    browser = signed_in(account)
    page = browser.get(f"/promote/{live.public_id}/").content.decode()
    sent = {**PLAIN, "objective": "live_viewers", "key": hidden(page, "key"), "quote": hidden(page, "quote")}
    browser.post(f"/promote/{live.public_id}/", sent)
    assert Order.objects.get().status == Status.DELIVERING
