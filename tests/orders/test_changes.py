from datetime import timedelta

import pytest

from orders import pausing, review
from orders.models import Order
from promote import outbox
from promote.catalogue import sync
from promote.catalogue.sync import Anchor, Music
from promote.markets.models import Market
from promote.outbox.models import Message
from promote.outbox.relay import relay
from tests.builders import (
    NOON,
    a_delivering_order,
    a_live,
    a_reviewer,
    a_video,
    an_account,
    an_order,
    approved,
    charged,
    settled,
)

pytestmark = pytest.mark.django_db
LATER = NOON + timedelta(hours=1)


def told_on():
    """All that there is to tell, and what that leads to."""
    while relay():
        pass


def video_says(order, **changes):
    """The platform's word on the order's video, and the relay that carries it here."""
    video = order.video
    facts = {
        "caption": video.caption,
        "visibility": video.visibility,
        "status": video.status,
        "duration_s": video.duration_s,
        "music": Music(video.music_title, video.music_licence),
        "anchor": anchor_of(video) if video.product else None,
        **changes,
    }
    sync.put_video(external_id=video.external_id, account=video.account.external_id, updated_at=LATER, **facts)
    told_on()
    order.refresh_from_db()
    return order


def anchor_of(video, **changes):
    product = video.product
    facts = {"title": product.title, "price_minor": product.price_minor, "currency": "USD", "url": product.url}
    return Anchor(product_id=product.external_id, **{**facts, **changes})


def live_says(order, state, **changes):
    live = order.live
    facts = {"title": live.title, "starts_at": live.starts_at, **changes}
    sync.put_live(
        external_id=live.external_id,
        account=live.account.external_id,
        state=state,
        updated_at=LATER,
        now=LATER,
        **facts,
    )
    told_on()
    order.refresh_from_db()
    return order


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"status": "suspended"}, "suspended"),
        ({"status": "deleted"}, "deleted"),
        ({"visibility": "private"}, "private"),
        ({"visibility": "friends"}, "private"),
    ],
)
def test_a_running_order_ends_when_its_video_can_not_be_shown(changes, reason):
    order = video_says(a_delivering_order(), **changes)
    assert (order.status, order.end_reason) == ("ending", reason)
    assert Message.objects.get(topic="order_stopped").payload["stop"] is True


def test_a_suspension_in_review_cancels_and_gives_everything_back():
    order = video_says(an_order(), status="suspended")
    assert (order.status, order.end_reason, order.refunded_coins) == ("cancelled", "suspended", 1000)


@pytest.mark.parametrize("gone", ["sold out", "withdrawn"])
def test_an_anchor_order_ends_when_its_product_is_gone(gone):
    account = an_account()
    order = a_delivering_order(account=account, target=a_video(account, anchor={}))
    anchor = anchor_of(order.video, in_stock=False) if gone == "sold out" else None
    order = video_says(order, anchor=anchor)
    assert (order.status, order.end_reason) == ("ending", "sold_out")


def test_a_sold_out_product_ends_the_orders_of_every_video_that_shows_it():
    account = an_account()
    first = a_delivering_order(account=account, target=a_video(account, anchor={}))
    second = a_delivering_order(account=account, target=a_video(account, product=first.product))
    video_says(first, anchor=anchor_of(first.video, in_stock=False))
    second.refresh_from_db()
    assert second.end_reason == "sold_out"


def test_a_video_that_went_to_another_account_ends_its_order():
    order = a_delivering_order()
    other = an_account()
    sync.put_video(
        external_id=order.video.external_id,
        account=other.external_id,
        caption="x",
        visibility="public",
        status="active",
        duration_s=21,
        updated_at=LATER,
    )
    told_on()
    order.refresh_from_db()
    assert order.end_reason == "deleted"


def test_a_restricted_account_stops_all_its_orders():
    account = an_account()
    running, waiting = a_delivering_order(account=account), an_order(account)
    facts = {"username": account.username, "type": account.type, "country": "US", "birth_date": account.birth_date}
    sync.put_account(external_id=account.external_id, updated_at=LATER, restricted=True, **facts)
    told_on()
    statuses = {order.id: (order.status, order.end_reason) for order in Order.objects.all()}
    assert statuses == {running.id: ("ending", "restricted"), waiting.id: ("cancelled", "restricted")}


def test_a_changed_caption_stops_delivery_and_reopens_the_review():
    order = video_says(a_delivering_order(), caption="Now with a discount")
    assert order.status == "in_review"
    assert order.stopped_at is not None
    assert order.reviews.get(status="in_review").kind == "reopened"


def test_time_under_a_reopened_review_does_not_count_and_what_was_spent_stays_spent():
    order = charged(a_delivering_order(), 5_000_000)
    order = video_says(order, caption="Now with a discount")
    stood_since = order.stopped_at
    order = review.approve(order_id=order.id, by=a_reviewer(), now=stood_since + timedelta(hours=3))
    assert (order.status, order.ends_at) == ("delivering", NOON + timedelta(days=1, hours=3))
    assert order.revision_seen == 2
    order = settled(order, now=stood_since + timedelta(hours=4))
    assert (order.spent_coins, order.refunded_coins) == (5, 995)


def test_a_reopened_order_that_spent_ends_by_its_rejection():
    order = video_says(charged(a_delivering_order(), 5_000_000), caption="Miracle cure")
    order = review.reject(order_id=order.id, by=a_reviewer(), policy="misleading", now=order.stopped_at)
    assert (order.status, order.end_reason) == ("ending", "rejected")


def test_a_change_during_the_first_review_is_simply_what_the_reviewer_sees():
    order = video_says(an_order(), caption="Another caption")
    assert order.reviews.count() == 1
    assert approved(order, now=LATER).revision_seen == 2


def test_what_is_not_reviewed_may_change_freely():
    order = video_says(a_delivering_order(), duration_s=22)
    assert order.status == "delivering"


def test_the_same_news_twice_changes_nothing_more():
    order = video_says(a_delivering_order(), caption="Now with a discount")
    before = order.history.count()
    Message.objects.filter(topic="target_changed").update(done_at=None)
    told_on()
    assert order.history.count() == before
    assert order.reviews.count() == 2


def test_a_scheduled_live_delivers_as_soon_as_it_is_on_air():
    account = an_account(country="GB")
    order = an_order(account, a_live(account, state="scheduled", starts_at=LATER), duration_s=6 * 3600)
    order = live_says(order, "on_air")
    assert order.status == "delivering"
    assert order.ends_at - order.starts_at == timedelta(hours=6)
    assert order.reviews.get().due_at == order.starts_at + timedelta(hours=24)


def test_a_live_that_ends_ends_its_order():
    account = an_account(country="GB")
    order = live_says(an_order(account, a_live(account)), "ended")
    assert (order.status, order.end_reason) == ("ending", "live_ended")


def test_a_live_called_off_before_it_started_gives_everything_back():
    account = an_account(country="GB")
    order = an_order(account, a_live(account, state="scheduled", starts_at=LATER))
    order = live_says(order, "ended")
    assert (order.status, order.end_reason, order.refunded_coins) == ("cancelled", "live_ended", 1000)


def test_a_paused_order_that_was_changed_is_reviewed_before_it_goes_on():
    Market.objects.update(pausing_allowed=True)
    order = a_delivering_order()
    pausing.pause(order_id=order.id, by=None, now=LATER)
    order = video_says(Order.objects.get(), caption="Now with a discount")
    assert (order.status, order.stopped_at) == ("paused", LATER)
    order = pausing.resume(order_id=order.id, by=None, now=LATER)
    assert order.status == "in_review"
    order = approved(order, now=LATER + timedelta(hours=1))
    assert (order.status, order.ends_at) == ("delivering", NOON + timedelta(days=1, hours=1))


def test_news_of_what_is_not_promoted_holds_up_no_stop():
    order, other = a_delivering_order(), a_video(an_account())
    outbox.record_all("target_changed", [{"kind": "video", "target": other.public_id, "changed": []}] * 1000)
    sync.put_video(
        external_id=order.video.external_id,
        account=order.account.external_id,
        caption=order.video.caption,
        visibility="private",
        status="active",
        duration_s=21,
        music=Music(order.video.music_title, order.video.music_licence),
        updated_at=LATER,
    )
    rounds = 0
    while relay(only_urgent=True):
        rounds += 1
    order.refresh_from_db()
    assert order.end_reason == "private"
    assert rounds < 10
