"""An order's page: its way, its figures, its money, and what its owner can do with it."""

from datetime import timedelta

import pytest
from django.utils import timezone

from delivery import funnels, hot, traffic
from delivery.models import HourRollup, MinuteRollup
from orders import review
from orders.models import Order, Status
from payments import wallet
from promote.front.parts import Share
from tests.builders import (
    a_delivering_order,
    a_reviewer,
    a_video,
    an_offer,
    an_order,
    approved,
    charged,
    coins_for,
    ended,
    settled,
)
from tests.front.visitors import an_advertiser, signed_in, text_of

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("static_files")]

NOW = timezone.now()


def counted(order: Order, *, at, impressions: int, views: int, micros: int) -> None:
    """What delivery would have rolled up."""
    facts = {"impressions": impressions, "valid_impressions": impressions, "view_2s": views, "charged_micros": micros}
    MinuteRollup.objects.create(order=order, minute=at.replace(second=0, microsecond=0), **facts)
    hour = at.replace(minute=0, second=0, microsecond=0)
    HourRollup.objects.create(order=order, hour=hour, dimension="all", value="", **facts)


def test_a_running_order_shows_what_it_brought_and_cost():
    account = an_advertiser()
    order = a_delivering_order(account=account, now=timezone.now() - timedelta(hours=2))
    charged(order, 301_250_000)
    counted(order, at=timezone.now() - timedelta(hours=1), impressions=120_000, views=2_410, micros=301_250_000)
    page = text_of(signed_in(account).get(f"/orders/{order.public_id}/"))
    for words in ("Running", "2,410", "120,000", "301.25 of 1,000 coins · 30 %", "Views by hour", "left of 1 day"):
        assert words in page
    assert "0.12" in page, "301.25 coins for 2,410 views"
    assert "698.75" in page, "what is left"
    assert "even spend" not in page, "it is ahead of it, which asks for nothing"


def test_a_running_order_says_why_it_is_slow():
    account = an_advertiser()
    order = a_delivering_order(account=account, now=timezone.now() - timedelta(hours=2))
    client, minute = hot.client(), int(timezone.now().timestamp() // 60) - 1
    client.hincrby(traffic.minute_key(minute), traffic.minute_field(("US", 0, 0, 0)), 5_000)
    client.hincrby(hot.funnel_key(order.shard, minute), funnels.stage_fields(order.id.hex)["targeted"], 4_321)
    client.hincrby(hot.funnel_key(order.shard, minute), funnels.stage_fields(order.id.hex)["outbid"], 4_000)
    browser = signed_in(account)
    for address in (f"/orders/{order.public_id}/", f"/orders/{order.public_id}/chances/"):
        page = text_of(browser.get(address))
        for words in (
            "Is it slow? Behind plan Most chances went to others who offered more.",
            "Somebody was there 5,000 and fits the audience 4,321 · 86 %",
            "Shown 0 · 0 % Went to a higher offer 4,000 · 93 %",
            "an even spend would have come to",
        ):
            assert words in page
    ended(order)
    assert "Is it slow?" not in text_of(browser.get(f"/orders/{order.public_id}/"))
    assert text_of(browser.get(f"/orders/{order.public_id}/chances/")).strip() == ""


@pytest.mark.parametrize(
    ("times", "of", "percent", "width"),
    [(0, 0, "", "0"), (0, 9, "0", "0"), (1, 900, "<1", "1.0"), (899, 900, "99", "99.9"), (900, 900, "", "100.0")],
)
def test_a_share_is_never_said_to_be_all_or_nothing_where_it_is_not(times, of, percent, width):
    share = Share("Shown", times, of)
    assert (share.percent, share.width) == (percent, width)


def test_the_live_part_is_the_page_without_its_frame():
    account = an_advertiser()
    order = a_delivering_order(account=account, now=timezone.now())
    response = signed_in(account).get(f"/orders/{order.public_id}/live/")
    assert "<html" not in response.content.decode()
    assert 'data-status="delivering"' in response.content.decode()


def test_a_running_order_carries_a_signed_address_of_its_stream():
    account = an_advertiser()
    order = a_delivering_order(account=account, now=timezone.now())
    page = signed_in(account).get(f"/orders/{order.public_id}/").content.decode()
    assert f"/v1/live/{order.public_id}?t=" in page
    done = settled(charged(a_delivering_order(account=account, now=timezone.now()), 5_000_000))
    assert "/v1/live/" not in signed_in(account).get(f"/orders/{done.public_id}/").content.decode()


def test_cancelling_in_review_returns_everything_at_once_and_is_asked_first():
    account = an_advertiser()
    order = an_order(account, offer=an_offer(account))
    browser = signed_in(account)
    asked = text_of(browser.get(f"/orders/{order.public_id}/end/"))
    assert "All 800 coins come back to your balance at once." in asked
    assert "Your offer is yours again." in asked
    browser.post(f"/orders/{order.public_id}/end/")
    order.refresh_from_db()
    assert order.status == Status.CANCELLED
    assert wallet.balance(account=account).free_coins == 800
    page = text_of(browser.get(f"/orders/{order.public_id}/"))
    assert "800 coins came back to your balance" in page
    assert "You cancelled it." in page
    assert "Promote again" in page


def test_ending_early_twice_ends_once_and_says_so():
    account = an_advertiser()
    order = a_delivering_order(account=account, now=timezone.now())
    browser = signed_in(account)
    browser.post(f"/orders/{order.public_id}/end/")
    again = browser.post(f"/orders/{order.public_id}/end/", follow=True)
    order.refresh_from_db()
    assert (order.status, order.end_reason) == (Status.ENDING, "user")
    assert "This order has ended already." in text_of(again)
    assert "What isn't spent comes back to your balance within 15 minutes of the end. That is by" in text_of(again)


def test_a_settled_order_says_when_and_how_much_came_back():
    account = an_advertiser()
    order = charged(a_delivering_order(account=account, now=NOW), 398_400_000)
    done = settled(ended(order, now=NOW + timedelta(hours=1)), now=NOW + timedelta(hours=1, seconds=12))
    assert done.refunded_coins == 602
    page = text_of(signed_in(account).get(f"/orders/{order.public_id}/"))
    assert "602 coins came back to your balance" in page
    assert "12 seconds after the end" in page
    assert "End early" not in page


def test_a_rejection_names_the_rule_the_place_and_the_remedy_and_can_be_appealed_once():
    account = an_advertiser()
    order = an_order(account, now=NOW)
    review.reject(
        order_id=order.id, by=a_reviewer(), policy="misleading", place_start_s=4, place_end_s=9,
        reason="The caption promises a cure.", remedy="Say what it does.", now=NOW,
    )  # fmt: skip
    browser = signed_in(account)
    page = text_of(browser.get(f"/orders/{order.public_id}/"))
    for words in ("Misleading, 0:04–0:09", "The caption promises a cure.", "Say what it does.", "Appeal"):
        assert words in page
    sent = browser.post(f"/orders/{order.public_id}/appeal/", {"message": "It is tea."}, follow=True)
    assert "Your appeal is being looked at by another person" in text_of(sent)
    twice = browser.post(f"/orders/{order.public_id}/appeal/", follow=True)
    assert "can be appealed, once" in text_of(twice)
    assert order.reviews.filter(kind="appeal").count() == 1


def test_an_upheld_appeal_places_the_order_again_with_one_click():
    account = an_advertiser()
    order = an_order(account, now=NOW)
    review.reject(order_id=order.id, by=a_reviewer(), policy="misleading", now=timezone.now())
    browser = signed_in(account)
    browser.post(f"/orders/{order.public_id}/appeal/")
    review.approve(order_id=order.id, by=a_reviewer(), now=timezone.now())
    assert "Place it again" in text_of(browser.get(f"/orders/{order.public_id}/"))
    response = browser.post(f"/orders/{order.public_id}/again/", {"key": "one"})
    placed = Order.objects.get(placed_again_from=order)
    assert response.headers["Location"] == f"/orders/{placed.public_id}/"
    assert placed.status == Status.DELIVERING


def test_promote_again_opens_the_form_with_the_same_choices():
    account = an_advertiser()
    order = an_order(account, audience={"age_bands": ["25-34"], "interests": ["home"]}, budget_coins=700)
    browser = signed_in(account)
    browser.post(f"/orders/{order.public_id}/end/")
    page = browser.get(f"/orders/{order.public_id}/").content.decode()
    address = page.partition('button-wide" href="/promote/')[2].partition('"')[0].replace("&amp;", "&")
    form = browser.get(f"/promote/{address}")
    assert "Promote for 700 coins" in text_of(form)
    assert 'value="25-34" checked' in " ".join(form.content.decode().split())


def test_the_list_is_in_pages_and_what_moves_can_be_seen_first():
    account = an_advertiser()
    coins_for(account, 1)
    video = a_video(account)
    for number in range(22):
        an_order(account, video, now=NOW + timedelta(minutes=number))
    running = approved(Order.objects.of(account).earliest("placed_at"), now=NOW)
    browser = signed_in(account)
    first = browser.get("/orders/").content.decode()
    assert first.count('class="row-link') == 20
    older = first.partition('href="?show=all&amp;before=')[2].partition('"')[0]
    second = browser.get(f"/orders/?show=all&before={older}").content.decode()
    assert second.count('class="row-link') == 2
    assert running.public_id in second
    moving = browser.get("/orders/?show=open").content.decode()
    assert moving.index(running.public_id) < moving.index('class="row-link', moving.index(running.public_id) + 10)


def test_every_charge_is_listed_with_the_rounding_and_can_be_taken_away_as_a_file():
    account = an_advertiser()
    order = settled(charged(a_delivering_order(account=account, now=NOW), 398_400_000))
    browser = signed_in(account)
    page = text_of(browser.get(f"/orders/{order.public_id}/charges/"))
    assert "Together they are 398 coins" in page
    assert "Rounded down to whole coins" in page
    assert "−0.4" in page
    file = b"".join(browser.get(f"/orders/{order.public_id}/charges.csv").streaming_content).decode()
    assert file.startswith("id,at,type,price_micros,valid,reason\r\n")
    assert ",rounding,-400000,true," in file
    assert browser.get(f"/orders/{order.public_id}/charges/?after=nonsense").status_code == 404
