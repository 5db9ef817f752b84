"""Events are dropped by whole days, and never what somebody still needs."""

from datetime import UTC, date, datetime, timedelta

import pytest
from django.db import IntegrityError, connection, transaction
from django.db.utils import DatabaseError

from delivery import charges, hot, partitions, retention
from delivery.models import DroppedDay, MinuteRollup
from payments.audit.running import run as run_audit
from tests.builders import a_delivering_order, settled
from tests.delivery.world import RESERVE, a_token, drained, events_of, paced, told

pytestmark = pytest.mark.django_db
LONG_AGO = datetime.now(UTC).replace(hour=12) - timedelta(days=40)


def days():
    with connection.cursor() as cursor:
        cursor.execute("SELECT inhrelid::regclass::text FROM pg_inherits WHERE inhparent = 'delivery_event'::regclass")
        return {date.fromisoformat(name[-8:]) for (name,) in cursor.fetchall()}


def an_old_order(*, over=True):
    order = a_delivering_order(now=LONG_AGO)
    paced(order, now=LONG_AGO)
    for at in range(3):
        facts = {"visible_ms": 10} if at == 2 else {}
        told(a_token(order, now=LONG_AGO, generation=0, price_micros=RESERVE + at), now=LONG_AGO, **facts)
    drained(order, now=LONG_AGO)
    return settled(order, now=LONG_AGO + timedelta(hours=1)) if over else order


def drop(kept_days=30):
    return retention.drop_old(kept_days=kept_days, now=datetime.now(UTC))


def test_a_day_goes_after_its_time_and_its_sums_stay():
    order = an_old_order()
    assert LONG_AGO.date() in days()
    assert drop() == 1
    assert LONG_AGO.date() not in days()
    assert events_of(order).count() == 0
    left = DroppedDay.objects.get()
    assert (left.order_id, left.day, left.impressions, left.charges) == (order.id, LONG_AGO.date(), 3, 2)
    assert left.micros == 2 * RESERVE + 1 == MinuteRollup.objects.get(order=order).charged_micros
    listed = list(charges.everything(order))
    assert [charge.type for charge in listed] == ["day", "rounding"]
    assert sum(charge.price_micros for charge in listed) == charges.spent_micros(order)
    report = run_audit()
    assert report.ok, report


def test_days_within_the_time_stay():
    order = an_old_order()
    assert drop(kept_days=41) == 0
    assert events_of(order).count() == 3


def test_a_day_of_an_order_that_is_not_final_stays_however_old():
    order = an_old_order(over=False)
    assert drop() == 0
    assert events_of(order).count() == 3


def test_no_day_is_dropped_while_old_events_wait_in_a_stream():
    order = an_old_order()
    hot.client().xadd(hot.stream_key(order.shard, 1), {"o": order.id.hex, "p": 0, "b": 1})
    later = datetime.now(UTC) + timedelta(hours=2)
    assert retention.drop_old(kept_days=30, now=later) == 0
    assert LONG_AGO.date() in days()


def test_days_of_which_events_can_still_be_told_are_kept_whoever_asks():
    with pytest.raises(ValueError, match="more than 9 days"):
        drop(kept_days=9)
    with pytest.raises(DatabaseError, match="nine days"), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SELECT delivery_drop_partitions(%s)", [datetime.now(UTC).date()])


def test_the_application_can_drop_no_day_by_itself():
    partitions.make_ahead(now=datetime.now(UTC))
    name = f"delivery_event_{datetime.now(UTC):%Y%m%d}"
    with pytest.raises((DatabaseError, IntegrityError)), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(f"DROP TABLE {name}")
