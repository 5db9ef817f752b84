"""The promise of 15 minutes: how it was kept is told, and a late refund is not passed over in silence."""

from datetime import timedelta

import pytest

from orders import lifecycle, promise, settlement
from tests.builders import NOON, a_delivering_order, ended, settled

pytestmark = pytest.mark.django_db
END = NOON + timedelta(hours=1)
A_DAY = timedelta(days=1)


def refunded_after(seconds, *, orders=1):
    """Orders that ended at END and were settled so much later."""
    for _ in range(orders):
        settled(ended(a_delivering_order(), now=END), now=END + timedelta(seconds=seconds))


def test_the_desk_sees_how_the_promise_was_kept():
    refunded_after(10, orders=2)
    refunded_after(60)
    refunded_after(901)
    kept = promise.kept(since=A_DAY, now=END + timedelta(hours=1))
    assert (kept.orders, kept.late, kept.median_s, kept.worst_s) == (4, 1, 35.0, 901.0)
    assert 60 < kept.p99_s < 901
    assert promise.kept(since=timedelta(minutes=1), now=END + timedelta(hours=1)).orders == 0


def test_the_very_second_is_in_time():
    refunded_after(900)
    assert promise.kept(since=A_DAY, now=END + timedelta(hours=1)).late == 0


def test_a_late_refund_raises_an_alert_as_it_is_made(caplog):
    order = ended(a_delivering_order(), now=END)
    settled(order, now=END + timedelta(seconds=901))
    assert f"1 of 1 refunds are late, such as that of order {order.id}" in caplog.text


def test_a_refund_in_time_raises_none(caplog):
    refunded_after(900)
    assert "late" not in caplog.text


def test_a_refund_that_is_late_and_not_made_raises_an_alert_until_it_is(caplog):
    order = ended(a_delivering_order(), now=END)
    assert promise.alert_of_late(now=END + timedelta(minutes=15)) == 0
    late = END + timedelta(minutes=16)
    assert promise.alert_of_late(now=late) == 1
    assert "1 refunds are late, the oldest was due at" in caplog.text
    lifecycle.mark_drained(order_id=order.id, now=late)
    settlement.settle_due(limit=10, now=late)
    assert promise.alert_of_late(now=late) == 0


def test_an_order_that_could_not_be_ended_is_late_too(caplog):
    """Its time is over, and nobody came to end it: no promise is written on it yet."""
    order = a_delivering_order()
    over_at = order.ends_at
    assert promise.alert_of_late(now=over_at + timedelta(minutes=15)) == 0
    late = over_at + timedelta(minutes=16)
    waiting = promise.waiting(now=late)
    assert (waiting.not_ended, waiting.late, waiting.oldest_due_at) == (1, 1, over_at + timedelta(minutes=15))
    assert promise.alert_of_late(now=late) == 1
    assert "1 refunds are late" in caplog.text
    assert lifecycle.end_due(now=late) == 1
    assert promise.waiting(now=late).not_ended == 0
    assert promise.alert_of_late(now=late) == 1, "ended now, and due since before"
