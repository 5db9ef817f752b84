"""Changing an order in review on its page: what may change does, what may not stays, and nothing typed is lost."""

import re
from datetime import timedelta
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from django.test import Client
from django.utils import timezone

from orders import lifecycle
from orders.models import EndReason, Order
from payments import wallet
from promote.markets.models import Market
from tests.builders import a_delivering_order, a_live, a_video, an_order, approved
from tests.front.visitors import an_advertiser, signed_in, text_of

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("static_files")]

VISITS = {"objective": "website_visits", "website_url": "https://a.example/", "call_to_action": "shop_now"}
AS_IT_IS = {
    "audience": "automatic", "duration": "86400", "website_url": "https://a.example/", "call_to_action": "shop_now",
}  # fmt: skip


def a_waiting_order(**facts: Any) -> tuple[Order, Client]:
    account = an_advertiser()
    return an_order(account, **facts), signed_in(account)


def change(browser: Client, order: Order, **choices: Any):
    return browser.post(f"/orders/{order.public_id}/change/", {**AS_IT_IS, **choices})


def beside(page: str, slot: str) -> str:
    found = re.search(rf'id="slot-{slot}".*?</div>\s*</div>', page, flags=re.S)
    assert found, f"nothing is said beside {slot}"
    return found[0]


def test_the_page_of_an_order_in_review_leads_to_a_form_with_its_choices():
    order, browser = a_waiting_order(**VISITS, audience={"age_bands": ["25-34"], "interests": ["home"]})
    page = browser.get(f"/orders/{order.public_id}/")
    assert "Change audience, link or length" in text_of(page)
    assert f'href="/orders/{order.public_id}/change/"' in page.content.decode()
    form = " ".join(browser.get(f"/orders/{order.public_id}/change/").content.decode().split())
    for chosen in ('value="chosen" checked', 'value="25-34" checked', 'value="home" checked', 'value="86400" checked'):
        assert chosen in form
    assert 'value="https://a.example/"' in form
    assert '<option value="shop_now" selected' in form


def test_audience_link_and_length_change_and_the_order_page_says_so():
    order, browser = a_waiting_order(**VISITS)
    sent = change(
        browser, order, audience="chosen", genders=["female"], duration="259200",
        website_url="https://b.example/mugs", call_to_action="learn_more",
    )  # fmt: skip
    assert sent.headers["Location"] == f"/orders/{order.public_id}/"
    order.refresh_from_db()
    assert order.audience == {"countries": ["US"], "genders": ["female"]}
    assert (order.website_url, order.call_to_action) == ("https://b.example/mugs", "learn_more")
    assert order.duration_s == 3 * 86_400
    assert order.history.last().by_owner
    page = text_of(browser.get(f"/orders/{order.public_id}/"))
    assert "Changed. Our reviewers see it as it is now." in page
    assert "You changed it" in page


def test_what_stays_is_shown_with_the_reason_and_is_not_taken_from_the_form():
    order, browser = a_waiting_order(**VISITS)
    page = text_of(browser.get(f"/orders/{order.public_id}/change/"))
    assert "These coins are held for this order already." in page
    assert "For another goal or budget, cancel this one, which returns everything at once" in page
    change(browser, order, objective="followers", budget="300", budget_coins="300", duration="21600")
    order.refresh_from_db()
    assert (order.objective, order.cost_coins, order.duration_s) == ("website_visits", 1000, 21_600)
    assert wallet.balance(account=order.account).held_coins == 1000


@pytest.mark.parametrize(
    ("choices", "slot", "sentence"),
    [
        ({"website_url": "http://a.example/"}, "website_url", "https://"),
        ({"website_url": ""}, "website_url", "Name the page"),
        ({"call_to_action": ""}, "call_to_action", "Choose the words on the button."),
        ({"duration": "own", "own_length": ""}, "own_length", "Say how long."),
        ({"duration": "own", "own_length": "31", "own_unit": "days"}, "duration", "from 6 hours to 30 days"),
        ({"duration": "own", "own_length": "4", "own_unit": "days"}, "duration", "1,000 coins are enough for 3 days"),
        ({"audience": "everyone"}, "audience", "Select a valid choice"),
    ],
)
def test_what_does_not_fit_is_said_beside_its_field_and_at_the_top_and_nothing_changes(choices, slot, sentence):
    order, browser = a_waiting_order(**VISITS)
    response = change(browser, order, **{"audience": "chosen", "genders": ["female"], **choices})
    assert response.status_code == 422
    assert sentence in beside(response.content.decode(), slot)
    assert "Nothing was changed yet: mend these first" in text_of(response)
    if "audience" not in choices:
        assert 'value="female" checked' in " ".join(response.content.decode().split()), "what was chosen is kept"
    order.refresh_from_db()
    assert (order.amendments, order.audience) == (0, {"automatic": True})


def test_only_lengths_that_the_budget_is_enough_for_are_offered_and_the_own_one_always():
    order, browser = a_waiting_order(budget_coins=300, duration_s=7 * 3600)
    page = browser.get(f"/orders/{order.public_id}/change/").content.decode()
    assert re.findall(r'name="duration" value="(\w+)"', page) == ["21600", "25200", "86400", "own"]


def test_a_budget_that_is_too_much_for_a_short_time_says_how_long_it_has_to_be():
    Market.objects.update(order_max_coins=300_000, budget_max_per_day_coins=400)
    order, browser = a_waiting_order(duration_s=3 * 86_400)
    response = change(browser, order, duration="own", own_length="1", own_unit="days")
    assert "1,000 coins are too many for less than 2 days 12 hours" in beside(response.content.decode(), "duration")


def test_an_order_without_a_link_has_no_field_for_one():
    order, browser = a_waiting_order()
    assert "Change audience or length" in text_of(browser.get(f"/orders/{order.public_id}/"))
    page = browser.get(f"/orders/{order.public_id}/change/").content.decode()
    assert "website_url" not in page
    assert change(browser, order, duration="21600").status_code == 302


def test_saving_what_is_already_so_writes_no_history():
    order, browser = a_waiting_order(**VISITS)
    sent = browser.post(f"/orders/{order.public_id}/change/", AS_IT_IS, follow=True)
    assert "nothing had to be changed" in text_of(sent)
    assert order.history.count() == 1


def test_the_panel_estimates_the_choices_and_fills_the_slots_of_errors():
    order, browser = a_waiting_order()
    address = f"/orders/{order.public_id}/change/estimate/"
    good = browser.get(address, {"audience": "automatic", "duration": "259200"}, headers={"HX-Request": "true"})
    assert "Views in 3 days" in text_of(good).replace("views", "Views")
    bad = browser.get(address, {"audience": "automatic", "duration": "own", "own_length": "90", "own_unit": "days"})
    assert bad.status_code == 200
    assert "30 days" in beside(bad.content.decode(), "duration")
    assert 'id="slot-duration" hx-swap-oob="true"' in bad.content.decode()
    order.refresh_from_db()
    assert order.amendments == 0


def test_decided_while_the_form_was_open_nothing_changes_and_the_choices_lead_on():
    order, browser = a_waiting_order()
    approved(order)
    response = change(browser, order, audience="chosen", interests=["crafts"], duration="259200")
    assert response.status_code == 409
    page = response.content.decode()
    assert "It is no longer in review, so nothing was changed" in text_of(response)
    assert "It is being shown now." in text_of(response)
    assert 'value="crafts" checked' in " ".join(page.split())
    assert "Save the changes" not in page
    onwards = urlsplit(re.search(r'href="(/promote/vid_[^"]+)"', page)[1].replace("&amp;", "&"))
    assert parse_qs(onwards.query)["interests"] == ["crafts"]
    assert parse_qs(onwards.query)["duration"] == ["259200"]
    assert parse_qs(onwards.query)["budget"] == ["1000"]
    order.refresh_from_db()
    assert (order.audience, order.duration_s) == ({"automatic": True}, 86_400)


@pytest.mark.parametrize("decide", ["approved", "cancelled"])
def test_once_decided_the_page_offers_no_change_and_its_address_leads_back(decide):
    order, browser = a_waiting_order()
    if decide == "approved":
        approved(order)
    else:
        lifecycle.end(order_id=order.id, reason=EndReason.USER, by=None, now=timezone.now())
    assert "Change audience" not in text_of(browser.get(f"/orders/{order.public_id}/"))
    back = browser.get(f"/orders/{order.public_id}/change/", follow=True)
    assert back.redirect_chain == [(f"/orders/{order.public_id}/", 302)]
    assert "It is no longer in review" in text_of(back)


def test_a_live_to_come_is_changed_and_one_on_air_is_not():
    account = an_advertiser(country="GB")
    browser = signed_in(account)
    coming = an_order(account, a_live(account, state="scheduled", starts_at=timezone.now() + timedelta(hours=1)))
    assert change(browser, coming, duration="21600").status_code == 302
    coming.refresh_from_db()
    assert coming.duration_s == 21_600
    on_air = an_order(account, a_live(account))
    assert "Change audience" not in text_of(browser.get(f"/orders/{on_air.public_id}/"))


def test_anothers_order_is_not_found():
    stranger = signed_in(an_advertiser())
    for order in (an_order(), a_delivering_order()):
        assert change(stranger, order, duration="21600").status_code == 404
        assert stranger.get(f"/orders/{order.public_id}/change/").status_code == 404
        assert stranger.get(f"/orders/{order.public_id}/change/estimate/").status_code == 404


def test_promote_again_after_a_change_opens_the_form_with_the_changed_choices():
    account = an_advertiser()
    order, browser = an_order(account, a_video(account)), signed_in(account)
    change(browser, order, duration="own", own_length="10", own_unit="hours")
    browser.post(f"/orders/{order.public_id}/end/")
    page = browser.get(f"/orders/{order.public_id}/").content.decode()
    assert "own_length=10&amp;own_unit=hours" in page
