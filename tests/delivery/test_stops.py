"""A stop is seen by every edge within two seconds, whatever the platform stops it for; and then nothing is charged."""

import time
from datetime import UTC, datetime, timedelta

import pytest

from delivery.models import Barrier
from orders import review
from orders.models import Order
from promote.catalogue import sync
from promote.catalogue.sync import Anchor, Music
from promote.outbox import relay
from tests.builders import a_live, a_reviewer, a_video, an_account, an_order
from tests.delivery.edge import ADULT, Platform, a_key, an_edge, impression, until
from tests.delivery.test_edge import delivering
from tests.delivery.world import drained, events_of, left, paced

WITHIN_S = 2.0


def video_says(order, **changes):
    video = order.video
    product = video.product
    anchor = None
    if product:
        facts = {"title": product.title, "price_minor": product.price_minor, "currency": "USD", "url": product.url}
        anchor = Anchor(product_id=product.external_id, **{**facts, **changes.pop("product", {})})
    facts = {
        "caption": video.caption,
        "visibility": video.visibility,
        "status": video.status,
        "duration_s": video.duration_s,
        "music": Music(video.music_title, video.music_licence),
        "anchor": anchor,
        **changes,
    }
    later = datetime.now(UTC) + timedelta(seconds=1)
    sync.put_video(external_id=video.external_id, account=video.account.external_id, updated_at=later, **facts)


def goes_off_air(order):
    live = order.live
    sync.put_live(
        external_id=live.external_id, account=live.account.external_id, state="ended", title=live.title,
        starts_at=live.starts_at, updated_at=datetime.now(UTC) + timedelta(seconds=1), now=datetime.now(UTC),
    )  # fmt: skip


def is_rejected(order):
    review.reject(order_id=order.id, by=a_reviewer(), policy="misleading", now=datetime.now(UTC))


def a_live_order():
    order = an_order(target=a_live(an_account(country="GB")), now=datetime.now(UTC))
    paced(order, now=datetime.now(UTC))
    return Order.objects.get(id=order.id)


def an_anchor_order():
    return delivering(target=a_video(an_account(), anchor={}))


STOPS = {
    "private": (delivering, lambda order: video_says(order, visibility="private")),
    "suspended": (delivering, lambda order: video_says(order, status="suspended")),
    "sold out": (an_anchor_order, lambda order: video_says(order, product={"in_stock": False})),
    "off air": (a_live_order, goes_off_air),
    "rejected": (a_live_order, is_rejected),
}


def filled(platform):
    for surface, country in (("feed", "US"), ("live", "GB")):
        viewer = {**ADULT, "id": f"v{time.monotonic()}", "country": country}
        for one in platform.decisions(surface=surface, viewer=viewer):
            if "token" in one:
                return one
    return None


@pytest.mark.django_db(transaction=True)
def test_a_stop_holds_in_every_process_within_two_seconds(run, committed_db):
    with an_edge(run, committed_db) as first, an_edge(run, committed_db, workers=2) as second:
        took = {}
        platforms = [Platform(url, a_key("delivery")) for url in (first, second)]
        for name, (make, stop) in STOPS.items():
            order = make()
            tokens = [until(lambda one=one: filled(one), seconds=20)["token"] for one in platforms]
            stop(order)
            began = time.monotonic()
            while relay.relay():  # what one message brings about is another
                pass
            until(lambda: not any(filled(one) for one in platforms for _ in range(4)), seconds=20)
            took[name] = time.monotonic() - began
            generation = paced(order, now=datetime.now(UTC))
            until(lambda order=order, g=generation: Barrier.objects.get(order=order).appended_generation == g)
            drained(order, now=datetime.now(UTC))
            before = left(order)
            assert platforms[0].results(*map(impression, tokens)) != []
            drained(order, now=datetime.now(UTC))
            assert left(order) == before, f"{name}: it was charged after its barrier"
            assert not events_of(order, charged=True).exists()
            assert Order.objects.get(id=order.id).closed_at is not None
        # In the middle of them, since this machine may be busy with other tests.
        assert sorted(took.values())[len(took) // 2] < WITHIN_S, took
