from datetime import timedelta

import pytest
import time_machine
from django.contrib.auth.models import Permission
from django.test import Client

from orders import appeals, lifecycle, review, settlement
from orders.admin import seeing
from orders.admin.plumbing import span
from orders.admin.verdict_form import SecondsField
from orders.models import Order, Review
from promote.catalogue.models import Video
from promote.keys.staff import group_of
from promote.markets.models import Term
from tests.builders import (
    NOON,
    a_delivering_order,
    a_live,
    a_reviewer,
    a_user,
    a_video,
    an_account,
    an_offer,
    an_order,
    charged,
    ended,
    settled,
)

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("static_files")]
SOON = NOON + timedelta(minutes=5)


@pytest.fixture(autouse=True)
def _soon():
    with time_machine.travel(SOON, tick=False):
        yield


def at_the_desk(*roles, user=None):
    user = user or a_user(is_staff=True)
    user.groups.set([group_of(role) for role in roles])
    client = Client()
    client.force_login(user)
    return client


def page(client, address, status=200):
    response = client.get(address)
    assert response.status_code == status, response.content[:500]
    return response.content.decode()


def desk_of(order, what="change"):
    return f"/admin/orders/review/{order.reviews.get(status='in_review').id}/{what}/"


def messages_of(response):
    return [str(message) for message in response.context["messages"]]


def test_the_queue_shows_what_waits_nearest_deadline_first():
    account = an_account(country="GB")
    later = an_order(
        account, a_live(account, title="Kiln opening", state="scheduled", starts_at=NOON + timedelta(days=1))
    )
    first = an_order(target=a_video(an_account(), caption="Batik scarves"))
    a_delivering_order(target=a_video(an_account(), caption="Approved already"))
    seen = page(at_the_desk("reviewer"), "/admin/orders/review/")
    assert seen.index("Batik scarves") < seen.index("Kiln opening")
    assert "Approved already" not in seen
    assert "23 h 55 min left" in seen
    assert first.pk != later.pk


def test_the_queue_costs_the_same_few_queries_however_long(django_assert_max_num_queries):
    for _ in range(6):
        an_order()
    client = at_the_desk("reviewer")
    with django_assert_max_num_queries(16):
        page(client, "/admin/orders/review/")


def test_decided_reviews_can_be_looked_up():
    a_delivering_order(target=a_video(an_account(), caption="Approved already"))
    assert "Approved already" in page(at_the_desk("reviewer"), "/admin/orders/review/?verdict=approved")
    assert "Approved already" in page(at_the_desk("reviewer"), "/admin/orders/review/?verdict=all")


def test_the_desk_shows_the_videos_facts_and_every_rule():
    account = an_account()
    video = a_video(account, anchor={"title": "Batik scarf"}, caption="<b>Wax & dye</b>")
    order = an_order(account, video, offer=an_offer(account))
    Video.objects.update(music_licence="general")
    seen = page(at_the_desk("reviewer"), desk_of(order))
    for word in ("Gamelan", "General", "Public", "Batik scarf", "US$24.90", "in stock", "1,000 coins", "200 coins"):
        assert word in seen
    assert "&lt;b&gt;Wax &amp; dye" in seen
    assert "not licensed for commercial use" in seen
    assert "<b>Wax" not in seen


def test_every_rule_is_told_in_words_and_what_fails_comes_first():
    account = an_account(country="GB")
    orders = [
        an_order(account, a_video(account)),
        an_order(account, a_live(account)),
        an_order(on := an_account(), a_video(on, anchor={"title": "Batik scarf"})),
    ]
    Video.objects.update(visibility="private")
    codes = set()
    for order in orders:
        rules = seeing.look_at(order, now=SOON).rules
        codes |= {check.code for _, check in rules}
        assert [check.passed for _, check in rules] == sorted(check.passed for _, check in rules)
        seen = page(at_the_desk("reviewer"), desk_of(order))
        assert "Standing of the account" in seen
        assert not [check.code for _, check in rules if "_" in check.code and check.code in seen]
    assert codes == set(seeing.RULES)


def test_approve_starts_delivery():
    order = an_order()
    client = at_the_desk("reviewer")
    response = client.post(desk_of(order, "approve"), {"seen": review.seen_of(order)}, follow=True)
    assert Order.objects.get().status == "delivering"
    assert messages_of(response) == [f"Approved: “{order.target}”"]


def test_approving_what_was_changed_since_is_refused_with_a_message():
    order = an_order()
    client = at_the_desk("reviewer")
    word = review.seen_of(order)
    Video.objects.update(revision=2)
    response = client.post(desk_of(order, "approve"), {"seen": word}, follow=True)
    assert messages_of(response) == ["The order was changed since you opened it. Look at it again, then decide."]
    assert Order.objects.get().status == "in_review"


def test_approving_without_having_seen_is_refused():
    order = an_order()
    at_the_desk("reviewer").post(desk_of(order, "approve"))
    assert Order.objects.get().status == "in_review"


def test_reject_asks_for_policy_place_words_and_remedy():
    order = an_order()
    client = at_the_desk("reviewer")
    form = page(client, desk_of(order, "reject"))
    assert "Make the link lead to what the video shows." in form
    grounds = {
        "seen": review.seen_of(order),
        "policy": "link_mismatch",
        "place_start_s": "0:11",
        "place_end_s": "16",
        "reason": "The link leads to another shop.",
        "remedy": "",
    }
    told = client.post(desk_of(order, "reject"), grounds, follow=True)
    assert messages_of(told) == [f"Rejected: “{order.target}”"]
    verdict = Review.objects.get()
    assert (verdict.status, verdict.place_start_s, verdict.place_end_s) == ("rejected", 11, 16)
    assert verdict.remedy == "Make the link lead to what the video shows."
    assert Order.objects.get().refunded_coins == 1000


def test_a_rejection_without_grounds_shows_what_is_missing_and_keeps_what_was_typed():
    order = an_order()
    response = at_the_desk("reviewer").post(
        desk_of(order, "reject"), {"seen": "1.0", "policy": "other", "place_end_s": "soon", "reason": "Too dark <here>"}
    )
    assert response.status_code == 422
    shown = response.content.decode()
    assert "Write seconds, or minutes and seconds" in shown
    assert "Too dark &lt;here&gt;" in shown
    assert Order.objects.get().status == "in_review"


def test_a_place_outside_the_video_is_told_beside_the_field():
    order = an_order()
    response = at_the_desk("reviewer").post(
        desk_of(order, "reject"),
        {"seen": review.seen_of(order), "policy": "other", "place_start_s": "1", "place_end_s": "9:59", "reason": "x"},
    )
    assert response.status_code == 422
    assert "The place must lie within the video." in response.content.decode()


def test_an_appeal_shows_the_first_verdict_and_the_owners_words():
    order = review.reject(
        order_id=an_order().id, by=a_reviewer(username="rita"), policy="other", reason="No.", now=SOON
    )
    appeals.appeal(order_id=order.id, by=order.account, message="It is hand-made.", now=SOON)
    seen = page(at_the_desk("reviewer"), desk_of(order))
    assert "It is hand-made." in seen
    assert f"<strong>{Term.objects.get(kind='policy', code='other').label}</strong>" in seen
    assert "rita" in seen
    assert "Uphold the appeal" in seen


@pytest.mark.parametrize("role", ["finance", "support", "coupons", "markets"])
def test_who_is_no_reviewer_decides_nothing(role):
    order = an_order()
    client = at_the_desk(role)
    for what in ("approve", "reject"):
        grounds = {"seen": review.seen_of(order), "policy": "other", "reason": "x"}
        assert client.post(desk_of(order, what), grounds).status_code in (302, 403)
    assert Order.objects.get().status == "in_review"


def test_support_may_look_but_sees_no_buttons():
    order = an_order()
    seen = page(at_the_desk("support"), desk_of(order))
    assert "Deciding is for reviewers" in seen
    assert "approve/" not in seen


def test_an_advertiser_does_not_get_in():
    order = an_order()
    client = Client()
    client.force_login(a_user())
    assert client.get(desk_of(order)).status_code == 302


def test_an_order_shows_its_money_and_history_and_can_be_ended():
    order = charged(a_delivering_order(), 5_250_000)
    client = at_the_desk("finance")
    seen = page(client, f"/admin/orders/order/{order.id}/change/")
    assert "5.25" in seen
    assert "994.75" in seen
    assert "approved" in seen
    assert "This can't be undone" in page(client, f"/admin/orders/order/{order.id}/end/")
    client.post(f"/admin/orders/order/{order.id}/end/")
    order.refresh_from_db()
    assert (order.status, order.end_reason, order.history.last().by_owner) == ("ending", "ops", False)
    again = client.post(f"/admin/orders/order/{order.id}/end/", follow=True)
    assert "This order has ended already." in messages_of(again)


def test_support_can_not_end_an_order():
    order = a_delivering_order()
    assert at_the_desk("support").post(f"/admin/orders/order/{order.id}/end/").status_code == 403
    assert Order.objects.get().status == "delivering"


def test_orders_are_found_by_their_id_and_by_account():
    account = an_account(username="kiln")
    order = an_order(account)
    an_order(an_account(username="other"))
    client = at_the_desk("support")
    for asked in (order.public_id, "kiln", account.external_id):
        seen = page(client, f"/admin/orders/order/?q={asked}")
        assert order.public_id in seen
        assert "1 order" in seen


def test_settlements_say_how_the_promise_was_kept():
    with time_machine.travel(NOON + timedelta(hours=2), tick=False):
        for late_s in (4, 6, 1200):
            order = ended(a_delivering_order(), now=NOON + timedelta(hours=1))
            settled(order, now=NOON + timedelta(hours=1, seconds=late_s))
        seen = page(at_the_desk("finance"), "/admin/orders/order/settlements/")
    assert "6 s" in seen
    assert "20 min" in seen
    assert "Late in the last 30 days" in seen
    for name in ("Half within", "99 of 100 within", "Worst", "Late", "Refunded"):
        assert f'data-name="{name}"' in seen, "on a phone each cell says what it is"


def test_settlements_are_shown_while_there_is_none():
    assert "None. An order that can" in page(at_the_desk("finance"), "/admin/orders/order/settlements/")


def test_an_order_set_aside_is_listed_and_settled_again():
    order = ended(a_delivering_order(), now=SOON)
    lifecycle.mark_drained(order_id=order.id, now=SOON)
    Order.objects.filter(id=order.id).update(offer=an_offer(order.account))
    settlement.settle_due(limit=5, now=SOON)
    client = at_the_desk("finance")
    assert "FundingDiffers" in page(client, "/admin/orders/order/settlements/")
    assert "Set aside" in page(client, "/admin/orders/order/")
    Order.objects.filter(id=order.id).update(offer=None)
    client.post(f"/admin/orders/order/{order.id}/retry/")
    assert settlement.settle_due(limit=5, now=SOON) == 1


def test_unknown_orders_and_reviews_are_not_found():
    client = at_the_desk("reviewer")
    missing = Order().pk
    for address in (
        f"orders/order/{missing}/change/",
        f"orders/review/{missing}/change/",
        f"orders/order/{missing}/end/",
    ):
        assert client.get(f"/admin/{address}").status_code == 404


@pytest.mark.parametrize(
    ("typed", "seconds"), [("", None), ("83", 83), ("1:23", 83), ("0:07", 7), ("1:02:03", 3723), (" 5 ", 5)]
)
def test_a_moment_of_a_video_is_typed_as_people_say_it(typed, seconds):
    assert SecondsField(required=False).clean(typed) == seconds


@pytest.mark.parametrize(
    ("seconds", "said"),
    [(0.84, "0.8 s"), (6, "6 s"), (42, "42 s"), (200, "3 min 20 s"), (3600, "1 h"), (187_200, "2 d 4 h"), (0, "0 s")],
)
def test_a_length_of_time_is_said_in_its_largest_parts(seconds, said):
    assert span(seconds) == said


def test_roles_hold_the_permissions_that_their_work_needs():
    held = {
        role: set(group_of(role).permissions.values_list("codename", flat=True))
        for role in ("reviewer", "finance", "coupons")
    }
    assert {"review_order", "view_order", "view_review"} <= held["reviewer"]
    assert {"settle_order", "end_order"} <= held["finance"]
    assert {"fund_campaign", "grant_offer", "revoke_offer"} <= held["coupons"]
    assert "review_order" not in held["finance"]
    assert Permission.objects.filter(codename="end_order").exists()
