"""What an owner does with an order over REST (api.md, Users)."""

from datetime import timedelta

import pytest
import time_machine
from django.test import RequestFactory
from rest_framework.exceptions import ValidationError

from orders import api, review
from orders.models import Order
from orders.shapes import AmendIn, OrderOut, read_order
from promote.markets.models import Market
from tests.api.callers import a_platform, an_app, problem, wrong_fields
from tests.builders import (
    NOON,
    a_delivering_order,
    a_reviewer,
    an_account,
    an_offer,
    an_order,
    approved,
    charged,
    coins_for,
    settled,
)

pytestmark = pytest.mark.django_db
SOON = NOON + timedelta(minutes=5)


@pytest.fixture(autouse=True)
def _soon():
    with time_machine.travel(SOON, tick=False):
        yield


def call(order, what, body=None, *, key="k", account=None):
    app = an_app(account or order.account)
    return app.post(f"/orders/{order.public_id}/{what}", body or {}, **{"Idempotency-Key": key} if key else {})


def rejected(order):
    return review.reject(
        order_id=order.id, by=a_reviewer(), policy="minors", place_start_s=3, place_end_s=9, reason="A child.", now=SOON
    )


def test_end_in_review_cancels_and_returns_everything():
    answer = call(an_order(), "end")
    assert answer.status_code == 200
    body = answer.json()
    assert (body["status"], body["end_reason"], body["refunded_coins"]) == ("cancelled", "user", 1000)
    assert body["refunded_at"] == "2026-11-24T12:05:00Z"


def test_end_while_it_delivers_is_ending_with_a_promise():
    body = call(a_delivering_order(), "end").json()
    assert (body["status"], body["refund_due_at"], body["refunded_coins"]) == ("ending", "2026-11-24T12:20:00Z", None)


def test_the_same_end_again_gives_the_stored_answer_and_another_one_is_too_late():
    order = a_delivering_order()
    first, again, other = call(order, "end"), call(order, "end"), call(order, "end", key="other")
    assert again["Idempotent-Replayed"] == "true"
    assert again.json() == first.json()
    assert problem(other)["code"] == "wrong_state"


@pytest.mark.parametrize("what", ["end", "appeal", "pause", "resume", "place-again"])
def test_every_action_needs_a_key_and_an_order_of_ones_own(what):
    order = an_order()
    assert problem(call(order, what, key=None))["code"] == "idempotency_key_missing"
    assert problem(call(order, what, account=an_account()))["code"] == "not_found"
    assert problem(an_app(order.account).post(f"/orders/ord_1/{what}", {}, **{"Idempotency-Key": "k"}))["status"] == 404
    assert a_platform().post(f"/orders/{order.public_id}/{what}", {}, **{"Idempotency-Key": "k"}).status_code == 403
    assert Order.objects.get().status == "in_review"


@pytest.mark.parametrize("what", ["pause", "resume"])
def test_orders_can_not_be_paused_and_the_answer_says_so(what):
    refused = problem(call(a_delivering_order(), what))
    assert (refused["status"], refused["code"]) == (409, "pausing_not_available")
    assert "can't be paused" in refused["detail"]


def test_where_pausing_is_switched_on_it_works():
    Market.objects.update(pausing_allowed=True)
    order = a_delivering_order()
    assert call(order, "pause").json()["status"] == "paused"
    assert call(order, "resume").json()["status"] == "delivering"


def test_a_rejection_is_told_with_its_place_and_remedy_and_may_be_appealed_once():
    order = rejected(an_order())
    body = call(order, "appeal", {"message": "She is twenty."}).json()
    assert body["status"] == "rejected"
    assert body["review"] == {
        "status": "rejected",
        "code": "minors",
        "reason": "A child.",
        "remedy": "Remove the scenes with children, or choose another video.",
        "place": {"start_s": 3, "end_s": 9},
        "due_at": None,
        "decided_at": "2026-11-24T12:05:00Z",
    }
    assert body["appeal"] == {"status": "in_review", "due_at": "2026-11-25T12:05:00Z", "decided_at": None}
    assert problem(call(order, "appeal", key="other"))["code"] == "wrong_state"


def test_an_upheld_order_is_placed_again_with_one_call():
    order = rejected(an_order())
    call(order, "appeal")
    approved(order, now=SOON)
    answer = call(order, "place-again", key="again")
    assert answer.status_code == 201
    body = answer.json()
    assert (body["status"], body["review"]["status"]) == ("delivering", "approved")
    assert body["id"] != order.public_id
    assert call(order, "place-again", key="again").json()["id"] == body["id"]
    assert problem(call(order, "place-again", key="more"))["code"] == "wrong_state"
    assert read_order(Order.objects.get(id=order.id))["appeal"]["status"] == "upheld"


def test_placing_again_without_the_coins_says_how_many_are_missing():
    order = rejected(an_order())
    call(order, "appeal")
    approved(order, now=SOON)
    from promote.catalogue.models import Video

    other = an_order(order.account, Video.objects.get(id=order.video_id), budget_coins=1000)
    assert other.pay_coins == 1000
    from payments import wallet

    spare = wallet.balance(account=order.account).free_coins
    an_order_takes(order.account, spare - 400)
    refused = problem(call(order, "place-again", key="again"))
    assert (refused["code"], refused["missing_coins"]) == ("insufficient_coins", 600)


def an_order_takes(account, coins):
    """Spends coins of the account in another order."""
    from orders import placement
    from promote.eligibility import BROWSER
    from tests.builders import a_quote, a_video

    quote = a_quote(account, a_video(account), budget_coins=coins, now=SOON)
    placement.place(account=account, quote=quote.sealed, key="spare", caller=BROWSER, now=SOON)


def test_an_order_tells_its_whole_story():
    account = an_account()
    order = a_delivering_order(account=account, offer=an_offer(account))
    order = settled(charged(order, 250_000_000))
    body = read_order(order)
    assert OrderOut().fields.keys() == {*body.keys(), "results", "charges_returned"}  # what the door knows
    assert (body["cost_coins"], body["coupon_coins"], body["paid_coins"]) == (1000, 200, 800)
    assert (body["spent_coins"], body["refunded_coins"]) == (50, 750)
    assert [(moment["event"], moment["status"], moment["by"]) for moment in body["timeline"]] == [
        ("placed", "in_review", "owner"),
        ("approved", "delivering", "staff"),
        ("user", "ending", "owner"),
        ("settled", "settled", "system"),
    ]
    assert body["target"] == order.video.public_id
    assert body["audience"] == {"automatic": True}


def test_amending_changes_what_is_sent_and_keeps_the_rest():
    order = an_order()
    body = amended(order, {"duration_hours": 6.5})
    assert (body["duration_hours"], body["audience"]) == (6.5, {"automatic": True})


def amended(order, changes):
    """Through the door that promote/front shows at the order's own address."""
    import json

    app = an_app(order.account)
    request = RequestFactory().patch("/", json.dumps(changes), content_type="application/json", headers={**app.headers})
    response = api.Amend.as_view()(request, order=order.public_id)
    assert response.status_code == 200, response.data
    return response.data


@pytest.mark.parametrize(
    ("hours", "seconds"), [(6, 21_600), (0.05, 180), (24.25, 87_300), (0.1, 360), (6.33, 22_788), (720.0, 2_592_000)]
)
def test_hours_are_whole_seconds(hours, seconds):
    assert AmendIn.check({"duration_hours": hours}) == {"duration_s": seconds}


@pytest.mark.parametrize("hours", [6.001, "6", True, None, -1, 1e300, [6], 100_001])
def test_hours_that_are_none_are_refused(hours):
    with pytest.raises(ValidationError) as refused:
        AmendIn.check({"duration_hours": hours})
    assert list(refused.value.detail) == ["duration_hours"]


def test_coins_are_where_they_were_when_an_action_is_refused():
    order = settled(a_delivering_order())
    coins_for(order.account, 5)
    assert problem(call(order, "end"))["code"] == "wrong_state"
    assert problem(call(order, "appeal"))["code"] == "wrong_state"
    assert problem(call(order, "place-again"))["code"] == "wrong_state"


def test_what_can_t_be_changed_is_refused_by_name_and_changes_nothing():
    order = an_order()
    answer = an_app(order.account).patch(f"/orders/{order.public_id}", {"budget_coins": 500, "duration_hours": 12})
    assert wrong_fields(answer) == {"budget_coins": "not_changeable"}
    before = order.duration_s
    order.refresh_from_db()
    assert (order.duration_s, order.cost_coins) == (before, 1000)


def test_what_the_owner_did_through_an_app_stands_as_theirs_though_they_have_no_login():
    order = an_order()
    assert order.account.user is None
    body = call(order, "end").json()
    assert [(moment["event"], moment["by"]) for moment in body["timeline"]] == [("placed", "owner"), ("user", "owner")]
