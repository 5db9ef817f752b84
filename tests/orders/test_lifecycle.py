from datetime import timedelta

import pytest

from orders import lifecycle, pausing
from orders.lifecycle import AlreadyEnded
from orders.models import EndReason, Order
from orders.pausing import PausingNotAvailable
from payments import wallet
from promote.accounts.models import Account
from promote.catalogue.models import LiveRoom
from promote.markets.models import Market
from promote.notifications.models import Notification
from promote.outbox.models import Message
from promote.refusals import NotFound, WrongState
from tests.builders import (
    NOON,
    a_delivering_order,
    a_live,
    an_account,
    an_order,
    approved,
    charged,
    ended,
    settled,
)

pytestmark = pytest.mark.django_db
LATER = NOON + timedelta(hours=1)
DAY = timedelta(days=1)


def told_delivery():
    return [
        message.payload for message in Message.objects.filter(topic__in=["order_ended", "order_stopped"]).order_by("id")
    ]


def test_its_owner_cancels_an_order_in_review_and_gets_everything_back():
    order = ended(an_order(), now=LATER)
    assert (order.status, order.end_reason, order.refunded_coins) == ("cancelled", "user", 1000)
    assert wallet.balance(account=order.account).free_coins == 1000
    assert told_delivery() == []


def test_its_owner_ends_a_running_order_early():
    order = ended(a_delivering_order(), now=LATER)
    assert (order.status, order.end_reason, order.ended_at) == ("ending", "user", LATER)
    assert order.refund_due_at == LATER + timedelta(minutes=15)
    assert told_delivery() == [
        {
            "order": str(order.id),
            "shard": order.shard,
            "reason": "user",
            "stop": False,
            "ends_at": LATER.isoformat(),
        }
    ]
    with pytest.raises(AlreadyEnded):
        ended(order)


@pytest.mark.parametrize(
    ("reason", "stop"),
    [
        ("time", False),
        ("user", False),
        ("budget", True),
        ("ops", True),
        ("suspended", True),
        ("deleted", True),
        ("private", True),
        ("sold_out", True),
        ("live_ended", True),
        ("restricted", True),
    ],
)
def test_tokens_already_out_count_after_an_ordinary_end_and_not_after_a_stop(reason, stop):
    ended(a_delivering_order(), reason=EndReason(reason))
    assert told_delivery()[0]["stop"] is stop


def test_an_order_ends_when_its_time_is_over():
    order = a_delivering_order()
    assert lifecycle.end_due(now=NOON + DAY - timedelta(seconds=1)) == 0
    assert lifecycle.end_due(now=NOON + DAY) == 1
    assert lifecycle.end_due(now=NOON + DAY) == 0
    order.refresh_from_db()
    assert (order.status, order.end_reason, order.ended_at) == ("ending", "time", NOON + DAY)


def test_after_an_outage_the_promise_counts_from_the_end_itself():
    order = a_delivering_order()
    late = NOON + DAY + timedelta(hours=2)
    lifecycle.end_due(now=late)
    order.refresh_from_db()
    assert (order.ended_at, order.ending_at) == (NOON + DAY, late)
    assert order.refund_due_at == NOON + DAY + timedelta(minutes=15)


def test_the_longest_overdue_end_first():
    first, second = a_delivering_order(duration_s=6 * 3600), a_delivering_order(duration_s=7 * 3600)
    lifecycle.end_due(now=NOON + DAY, limit=1)
    assert Order.objects.get(id=first.id).status == "ending"
    assert Order.objects.get(id=second.id).status == "delivering"


def test_orders_that_end_together_are_a_dozen_statements_whatever_their_number(django_assert_max_num_queries):
    orders = {str(order.id): order for order in (a_delivering_order() for _ in range(6))}
    with django_assert_max_num_queries(13):
        assert lifecycle.end_due(now=NOON + DAY) == 6
    with django_assert_max_num_queries(4):
        lifecycle.mark_all_drained(order_ids=list(orders), now=NOON + DAY)
    assert {message["order"] for message in told_delivery()} == set(orders)
    for order in orders.values():
        last = order.history.last()
        assert (last.from_status, last.to_status, last.why, last.by_id) == ("delivering", "ending", "time", None)
        notice = Notification.objects.get(account_id=order.account_id, kind="order_ended")
        assert (notice.payload["order"], notice.payload["title"]) == (order.public_id, str(order.video))
        assert Order.objects.get(id=order.id).drained_at == NOON + DAY


def test_a_spent_budget_ends_its_order_once():
    order, waiting = a_delivering_order(), an_order()
    for _ in range(2):
        lifecycle.mark_budget_spent(order_ids=[order.id, waiting.id], now=LATER)
    order.refresh_from_db()
    assert (order.status, order.end_reason) == ("ending", "budget")
    assert Order.objects.get(id=waiting.id).status == "in_review"


def test_a_drained_order_is_closed_once_and_other_orders_are_left():
    order, other = ended(a_delivering_order()), a_delivering_order()
    for now in (LATER, LATER + DAY):
        lifecycle.mark_drained(order_id=order.id, now=now)
        lifecycle.mark_drained(order_id=other.id, now=now)
    order.refresh_from_db()
    assert (order.drained_at, order.closed_at) == (LATER, LATER)
    assert Order.objects.get(id=other.id).closed_at is None


def test_a_shard_that_is_stuck_holds_no_refund_up_for_more_than_five_minutes():
    order = ended(a_delivering_order(), now=LATER)
    assert lifecycle.close_stuck(now=LATER + timedelta(seconds=299)) == 0
    assert lifecycle.close_stuck(now=LATER + timedelta(seconds=300)) == 1
    order.refresh_from_db()
    assert order.closed_at == order.drained_at == LATER + timedelta(seconds=300)


def test_an_unknown_order_is_not_found():
    with pytest.raises(NotFound):
        lifecycle.end(order_id=Order(quote_id=None).id, reason=EndReason.USER, by=None, now=NOON)


# --- lives


def a_scheduled_order(**wish):
    account = an_account(country="GB")
    return an_order(account, a_live(account, state="scheduled", starts_at=LATER), **wish)


def test_a_live_that_never_comes_on_air_is_cancelled_two_hours_after_its_start():
    order = a_scheduled_order()
    assert lifecycle.cancel_never_on_air(now=LATER + timedelta(hours=2, seconds=-1)) == 0
    assert lifecycle.cancel_never_on_air(now=LATER + timedelta(hours=2)) == 1
    order.refresh_from_db()
    assert (order.status, order.end_reason, order.refunded_coins) == ("cancelled", "never_on_air", 1000)
    assert Notification.objects.filter(kind="order_cancelled").count() == 1


def test_a_live_that_was_moved_to_later_is_waited_for():
    order = a_scheduled_order()
    LiveRoom.objects.update(starts_at=LATER + DAY)
    assert lifecycle.cancel_never_on_air(now=LATER + timedelta(hours=3)) == 0
    assert Order.objects.get(id=order.id).status == "scheduled"


# --- pausing


def test_orders_can_not_be_paused_and_asking_says_so():
    order = a_delivering_order()
    for ask in (pausing.pause, pausing.resume):
        with pytest.raises(PausingNotAvailable) as refused:
            ask(order_id=order.id, by=None, now=LATER)
        assert refused.value.code == "pausing_not_available"


def test_where_ops_switched_it_on_paused_time_does_not_count():
    Market.objects.update(pausing_allowed=True)
    order = a_delivering_order()
    assert pausing.pause(order_id=order.id, by=None, now=LATER).status == "paused"
    assert lifecycle.end_due(now=NOON + 9 * DAY) == 0
    order = pausing.resume(order_id=order.id, by=None, now=LATER + DAY)
    assert (order.status, order.ends_at, order.stopped_at) == ("delivering", NOON + 2 * DAY, None)
    with pytest.raises(WrongState):
        pausing.resume(order_id=order.id, by=None, now=LATER)


def test_a_paused_order_can_be_ended():
    Market.objects.update(pausing_allowed=True)
    order = charged(a_delivering_order(), 1_000_000)
    pausing.pause(order_id=order.id, by=None, now=LATER)
    order = settled(order, now=LATER)
    assert (order.status, order.spent_coins, order.refunded_coins) == ("settled", 1, 999)


# --- what holds for all


def test_an_orders_history_tells_its_life_and_who_did_what():
    user_account = an_account()
    from tests.builders import a_user

    Account.objects.filter(id=user_account.id).update(user=a_user())
    user_account.refresh_from_db()
    order = settled(ended(approved(an_order(user_account))))
    assert [(row.from_status, row.to_status, row.why, row.by_owner) for row in order.history.all()] == [
        ("", "in_review", "placed", True),
        ("in_review", "delivering", "approved", False),
        ("delivering", "ending", "user", True),
        ("ending", "settled", "settled", False),
    ]
