from datetime import timedelta

import pytest

from coupons.models import Offer
from orders import amendments, appeals, lifecycle, review
from orders.models import Order, Review
from orders.review import (
    ChangedSinceSeen,
    NotAReviewer,
    NotUnderReview,
    OwnOrder,
    ReviewIsOver,
    SamePerson,
)
from payments import escrow, wallet
from promote.catalogue.models import Video
from promote.eligibility import NotEligible
from promote.notifications.models import Notification
from promote.outbox.models import Message
from promote.refusals import Invalid
from tests.builders import (
    NOON,
    a_delivering_order,
    a_live,
    a_reviewer,
    a_user,
    an_account,
    an_offer,
    an_order,
    approved,
    charged,
)

pytestmark = pytest.mark.django_db
SOON = NOON + timedelta(minutes=5)


def rejected(order, *, by=None, policy="misleading", now=SOON, **grounds):
    return review.reject(order_id=order.id, by=by or a_reviewer(), policy=policy, now=now, **grounds)


def a_running_live(**wish):
    account = an_account(country="GB")
    return an_order(account, a_live(account), **wish)


def test_an_approved_video_delivers_from_that_moment():
    order = approved(an_order(duration_s=6 * 3600), now=SOON)
    assert (order.status, order.starts_at, order.ends_at) == ("delivering", SOON, SOON + timedelta(hours=6))
    assert order.revision_seen == order.video.revision
    assert Notification.objects.filter(kind="order_running").count() == 1


def test_a_verdict_names_who_when_and_which_revision():
    reviewer = a_reviewer()
    order = approved(an_order(), by=reviewer, now=SOON)
    verdict = order.reviews.get()
    assert (verdict.status, verdict.decided_by, verdict.decided_at, verdict.revision) == ("approved", reviewer, SOON, 1)
    assert [row.why for row in order.history.all()] == ["placed", "approved"]


def test_a_rejected_order_gives_everything_back_at_once():
    account = an_account()
    order = rejected(an_order(account, offer=an_offer(account)))
    order.refresh_from_db()
    assert (order.status, order.spent_coins, order.refunded_coins, order.refunded_at) == ("rejected", 0, 800, SOON)
    assert wallet.balance(account=account).free_coins == 800
    assert escrow.left(escrow_ids=[order.escrow_id])[order.escrow_id] == 0
    assert Offer.objects.get().status == "available"


def test_a_rejection_says_which_rule_where_and_what_would_mend_it():
    order = rejected(an_order(), policy="minors", place_start_s=3, place_end_s=9, reason="A child at 0:03.")
    verdict = order.reviews.get()
    assert (verdict.policy, verdict.place_start_s, verdict.place_end_s) == ("minors", 3, 9)
    assert verdict.reason == "A child at 0:03."
    assert verdict.remedy == "Remove the scenes with children, or choose another video."
    told = Notification.objects.get(kind="order_rejected").payload
    assert (told["reason"], told["coins"]) == ("A child at 0:03.", 1000)


@pytest.mark.parametrize(
    ("grounds", "field"),
    [
        ({"policy": "ugly"}, "policy"),
        ({"place_start_s": 3}, "place_start_s"),
        ({"place_start_s": 9, "place_end_s": 3}, "place_start_s"),
        ({"place_start_s": 0, "place_end_s": 22}, "place_start_s"),
        ({"reason": "x" * 2001}, "reason"),
    ],
)
def test_a_rejection_that_makes_no_sense_is_refused_and_changes_nothing(grounds, field):
    order = an_order()
    with pytest.raises(Invalid) as refused:
        rejected(order, **grounds)
    assert [error.field for error in refused.value.errors] == [field]
    assert Order.objects.get().status == "in_review"


def test_only_reviewers_decide_and_never_on_their_own_order():
    order = an_order()
    with pytest.raises(NotAReviewer):
        approved(order, by=a_user(is_staff=True))
    owner = a_reviewer()
    own = an_order(an_account(user=owner))
    with pytest.raises(OwnOrder):
        approved(own, by=owner)


def test_a_verdict_is_given_once():
    order = approved(an_order())
    with pytest.raises(NotUnderReview):
        rejected(order)


def test_a_verdict_on_what_was_changed_meanwhile_is_refused():
    order = an_order()
    seen = review.seen_of(order)
    Video.objects.update(revision=2)
    with pytest.raises(ChangedSinceSeen):
        review.approve(order_id=order.id, by=a_reviewer(), now=SOON, seen=seen)
    order = Order.objects.get()
    seen = review.seen_of(order)
    amendments.amend(order_id=order.id, by=None, changes={"audience": {"genders": ["female"]}}, now=SOON)
    with pytest.raises(ChangedSinceSeen):
        rejected(order, seen=seen)
    assert review.approve(order_id=order.id, by=a_reviewer(), now=SOON, seen=review.seen_of(Order.objects.get()))


def test_what_may_no_longer_be_promoted_can_not_be_approved():
    order = an_order()
    Video.objects.update(music_licence="general", revision=2)
    with pytest.raises(NotEligible):
        approved(order)
    assert Order.objects.get().status == "in_review"


def test_a_live_rejected_before_it_spent_is_rejected_and_delivery_hears_it():
    order = rejected(a_running_live())
    order.refresh_from_db()
    assert (order.status, order.refunded_coins, order.closed_at) == ("rejected", 1000, SOON)
    told = Message.objects.get(topic="order_stopped").payload
    assert (told["order"], told["stop"]) == (str(order.id), True)


def test_a_live_rejected_after_it_spent_ends_by_its_rejection():
    order = rejected(charged(a_running_live(), 2_500_000))
    assert (order.status, order.end_reason) == ("ending", "rejected")
    lifecycle.mark_drained(order_id=order.id, now=SOON)
    from orders import settlement

    settlement.settle_due(limit=10, now=SOON)
    order.refresh_from_db()
    assert (order.status, order.end_reason, order.spent_coins, order.refunded_coins) == ("settled", "rejected", 2, 998)


def test_an_approved_live_just_goes_on():
    order = approved(a_running_live(), now=SOON)
    assert (order.status, order.starts_at, order.revision_seen) == ("delivering", NOON, 1)


def test_an_undecided_order_is_cancelled_at_its_deadline_and_everything_returns():
    order = an_order()
    due = NOON + timedelta(hours=24)
    assert review.expire_due(now=due - timedelta(seconds=1)) == 0
    assert review.expire_due(now=due) == 1
    order.refresh_from_db()
    assert (order.status, order.end_reason, order.refunded_coins) == ("cancelled", "review_overdue", 1000)
    assert order.reviews.get().status == "overdue"
    assert Notification.objects.get(kind="order_review_overdue").payload["coins"] == 1000


def test_a_deadline_binds_the_reviewer_too():
    order = an_order()
    with pytest.raises(ReviewIsOver):
        approved(order, now=NOON + timedelta(hours=24))


def test_a_spent_live_that_nobody_reviewed_ends_and_settles():
    order = charged(a_running_live(duration_s=48 * 3600), 1_000_000)
    review.expire_due(now=NOON + timedelta(hours=24))
    order.refresh_from_db()
    assert (order.status, order.end_reason) == ("ending", "review_overdue")


def test_a_review_that_is_no_longer_needed_lapses():
    order = a_running_live()
    lifecycle.end(order_id=order.id, reason="user", by=None, now=SOON)
    assert order.reviews.get().status == "lapsed"
    assert review.expire_due(now=NOON + timedelta(days=9)) == 0


# --- appeals


def an_appeal(**wish):
    first = a_reviewer()
    account = an_account()
    order = rejected(an_order(account, **wish), by=first)
    return appeals.appeal(order_id=order.id, by=account, message="It is batik.", now=SOON), first


def again(order, *, key="again", now=SOON):
    from promote.eligibility import BROWSER

    return appeals.place_again(order_id=order.id, account=order.account, key=key, caller=BROWSER, now=now)


def test_an_appeal_goes_to_another_person_with_its_own_clock():
    order, first = an_appeal()
    appeal = order.reviews.get(kind="appeal")
    assert (appeal.due_at, appeal.message) == (SOON + timedelta(hours=24), "It is batik.")
    with pytest.raises(SamePerson):
        approved(order, by=first, now=SOON)
    assert approved(order, now=SOON).place_again_until == SOON + timedelta(days=7)


def test_an_order_is_appealed_once_and_only_after_a_rejection():
    with pytest.raises(appeals.NothingToAppeal):
        appeals.appeal(order_id=an_order().id, by=an_account(), now=SOON)
    order, _ = an_appeal()
    with pytest.raises(appeals.NothingToAppeal):
        appeals.appeal(order_id=order.id, by=order.account, now=SOON)
    rejected(order)
    with pytest.raises(appeals.NothingToAppeal):
        appeals.appeal(order_id=order.id, by=order.account, now=SOON)
    assert Order.objects.get(id=order.id).status == "rejected"


def test_an_appeal_that_nobody_looked_at_may_be_made_again():
    order, _ = an_appeal()
    review.expire_due(now=SOON + timedelta(hours=24))
    order.refresh_from_db()
    assert order.status == "rejected"
    appeals.appeal(order_id=order.id, by=order.account, now=SOON + timedelta(hours=25))
    assert order.reviews.filter(kind="appeal", status="in_review").count() == 1


def test_after_an_upheld_appeal_the_order_is_placed_again_approved_once():
    order, _ = an_appeal(budget_coins=700)
    approved(order, now=SOON)
    placed = again(order)
    assert (placed.status, placed.cost_coins, placed.starts_at) == ("delivering", 700, SOON)
    assert placed.video_id == order.video_id
    assert not placed.reviews.exists()
    assert wallet.balance(account=order.account).free_coins == 0
    assert again(order).id == placed.id
    with pytest.raises(appeals.CantPlaceAgain):
        again(order, key="a third")


def test_seven_days_later_it_can_not_be_placed_again():
    order, _ = an_appeal()
    approved(order, now=SOON)
    with pytest.raises(appeals.CantPlaceAgain):
        again(order, now=SOON + timedelta(days=7))


def test_a_rejection_that_stands_can_not_be_placed_again():
    order, _ = an_appeal()
    rejected(order)
    with pytest.raises(appeals.CantPlaceAgain):
        again(order)


def test_what_changed_after_the_verdict_is_reviewed_again():
    order, _ = an_appeal()
    approved(order, now=SOON)
    Video.objects.update(revision=5)
    assert again(order).status == "in_review"


def test_the_coupon_is_used_again_where_it_came_back():
    account = an_account()
    order = rejected(an_order(account, offer=an_offer(account)))
    appeals.appeal(order_id=order.id, by=account, now=SOON)
    approved(order, now=SOON)
    assert again(order).coupon_coins == 200


def test_reviews_are_never_two_at_once():
    from django.db import IntegrityError

    order = an_order()
    with pytest.raises(IntegrityError):
        Review.objects.create(order=order, kind="first", opened_at=NOON, due_at=SOON)


def test_a_running_order_needs_no_verdict():
    with pytest.raises(NotUnderReview):
        rejected(a_delivering_order())


def test_a_live_video_may_be_seen_at_any_second():
    order = rejected(a_running_live(), place_start_s=4000, place_end_s=4100)
    assert order.reviews.get().place_end_s == 4100
