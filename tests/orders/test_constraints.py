"""What the database itself refuses: each test writes past the code."""

from datetime import timedelta

import pytest
from django.db import DatabaseError, IntegrityError, connection, transaction

from orders.models import TRANSITIONS, Order, OrderTransition, Status
from orders.states import FINAL
from promote.refusals import WrongState
from tests.builders import NOON, a_delivering_order, an_order, charged, ended, settled

pytestmark = pytest.mark.django_db


def refused(order, **facts):
    with pytest.raises(IntegrityError) as error, transaction.atomic():
        Order.objects.filter(id=order.id).update(**facts)
    return error.value.__cause__.diag.constraint_name


@pytest.mark.parametrize("facts", [{"cost_coins": 999}, {"pay_coins": 1}, {"coupon_coins": 5}, {"shard": 3}])
def test_what_an_order_was_promised_to_cost_never_changes(facts):
    order = an_order()
    Order.objects.filter(id=order.id).update(**{name: getattr(order, name) for name in facts})
    if facts != {"shard": order.shard}:
        assert refused(order, **facts) == "order_price_is_kept"


def test_an_order_keeps_its_escrow():
    assert refused(an_order(), escrow_id=1) == "order_price_is_kept"


def test_no_order_is_committed_without_its_escrow():
    order = an_order()
    copy = Order.objects.get(id=order.id)
    copy.pk, copy.key, copy.escrow_id = Order().pk, "copy", None
    copy.quote_id = copy.pk
    copy.save(force_insert=True)
    with pytest.raises(IntegrityError), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
    Order.objects.filter(id=copy.id).delete()


def test_a_quote_and_a_key_place_one_order():
    order = an_order()
    for changed in ({"quote_id": Order().pk}, {"key": "other"}):
        copy = Order.objects.get(id=order.id)
        copy.pk, copy.escrow_id = Order().pk, None
        for name, value in changed.items():
            setattr(copy, name, value)
        with pytest.raises(IntegrityError), transaction.atomic():
            copy.save(force_insert=True)


@pytest.mark.parametrize(
    ("facts", "constraint"),
    [
        ({"status": "delivering"}, "order_delivering_has_clock"),
        ({"status": "paused"}, "order_delivering_has_clock"),
        ({"status": "ending"}, "order_delivering_has_clock"),
        ({"status": "bought"}, "order_status_known"),
        ({"status": "rejected"}, "order_ended_says_why"),
        ({"ended_at": NOON}, "order_ended_says_why"),
        ({"end_reason": "time"}, "order_ended_says_why"),
        ({"refunded_at": NOON}, "order_final_is_settled"),
        ({"spent_coins": 1, "refunded_coins": 999}, "order_final_is_settled"),
        ({"starts_at": NOON}, "order_clock_whole"),
        ({"starts_at": NOON, "ends_at": NOON}, "order_clock_whole"),
        ({"stopped_at": NOON}, "order_clock_stands_or_runs"),
        ({"duration_s": 0}, "order_duration_positive"),
        ({"video": None}, "order_one_target"),
        ({"function": "anchor"}, "order_anchor_has_product"),
        ({"function": "live"}, "order_one_target"),
        ({"drained_at": NOON}, "order_drained_is_closed"),
        ({"set_aside_at": NOON}, "order_set_aside_is_ending"),
    ],
)
def test_a_status_and_its_times_agree(facts, constraint):
    with pytest.raises(IntegrityError) as error, transaction.atomic():
        Order.objects.filter(id=an_order().id).update(**facts)
    # One that breaks several is refused by the first in the order of their names.
    assert error.value.__cause__.diag.constraint_name.startswith("order_")
    assert constraint


@pytest.mark.parametrize("facts", [{"spent_coins": 1}, {"refunded_coins": 999}, {"refunded_at": None}])
def test_what_a_final_order_says_adds_up(facts):
    assert refused(settled(a_delivering_order()), **facts)


@pytest.mark.parametrize("status", [status for status in Status if status != Status.SETTLED])
def test_a_final_order_stays_final(status):
    assert refused(settled(a_delivering_order()), status=status) == "order_final_is_kept"


def test_what_a_final_order_cost_may_fall_and_never_rise():
    order = settled(charged(a_delivering_order(), 5_000_000))
    assert refused(order, spent_coins=6, refunded_coins=994) == "order_final_is_kept"
    Order.objects.filter(id=order.id).update(spent_coins=4, refunded_coins=996)


def test_history_is_only_added_to():
    an_order()
    for write in (lambda rows: rows.update(why="x"), lambda rows: rows.delete()):
        with pytest.raises(DatabaseError), transaction.atomic():
            write(OrderTransition.objects.all())


def test_a_changed_order_names_the_transaction_that_changed_it():
    order = an_order()
    Order.objects.filter(id=order.id).update(changed_xid=None)
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_current_xact_id()::text")
        assert Order.objects.get(id=order.id).changed_xid == int(cursor.fetchone()[0])


def test_every_move_is_in_the_table_or_refused():
    order = an_order()
    for to in Status:
        if to not in TRANSITIONS[Status.IN_REVIEW]:
            with pytest.raises(WrongState):
                order.move(to=to, by=None, why="x", now=NOON)
    assert all(not TRANSITIONS[status] for status in FINAL)
    assert set(TRANSITIONS) == set(Status)


def test_who_comes_second_does_not_move_an_order():
    order = a_delivering_order()
    stale = Order.objects.get(id=order.id)
    ended(order, now=NOON + timedelta(hours=1))
    with pytest.raises(WrongState):
        stale.move(to=Status.PAUSED, by=None, why="paused", now=NOON, stopped_at=NOON)
