"""Events are dropped by whole days, and never what somebody still needs."""

from datetime import UTC, date, datetime, timedelta
from uuid import uuid4

import pytest
from django.db import IntegrityError, connection, transaction
from django.db.utils import DatabaseError

from delivery import charges, hot, partitions, retention, tasks
from delivery.models import ChargeSource, DroppedDay, MinuteRollup, PoisonEntry
from delivery.replay import replay
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


def set_aside(order):
    """An impression of that day that the drain refused."""
    told(a_token(order, now=LONG_AGO, generation=0), now=LONG_AGO)
    [(id_, fields)] = hot.client().xrange(stream := hot.stream_key(order.shard, 1))
    hot.client().delete(stream)
    return PoisonEntry.objects.create(
        shard=order.shard, generation=1, stream_id=id_.decode(), fields=PoisonEntry.kept(fields), error="x", at=LONG_AGO
    )


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


def test_an_entry_told_again_after_its_day_was_dropped_is_added_to_what_is_left_of_the_day():
    order = an_old_order()
    entry = set_aside(order)
    assert drop() == 1
    assert replay(entry_ids=[entry.id], now=datetime.now(UTC)) == 1
    drained(order, now=datetime.now(UTC))
    assert events_of(order).get().day == LONG_AGO.date()
    assert drop() == 1
    assert LONG_AGO.date() not in days()
    left = DroppedDay.objects.get()
    assert (left.impressions, left.charges, left.micros) == (4, 2, 2 * RESERVE + 1)
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


def test_where_charges_came_from_is_forgotten_also_while_no_day_can_be_dropped(settings):
    settings.EVENTS_KEPT_DAYS = 9
    ChargeSource.objects.create(token=uuid4(), day=LONG_AGO.date(), address=bytes(16))
    with pytest.raises(ValueError, match="more than 9 days"):
        tasks.make_partitions()
    assert not ChargeSource.objects.exists()


def test_there_is_a_partition_for_each_day_of_the_coming_week_and_of_the_nine_days_before():
    later = datetime.now(UTC) + timedelta(days=60)
    wanted = {later.date() + timedelta(days=away) for away in range(-9, 8)}
    assert not wanted & days()
    assert partitions.make_ahead(now=later) == len(wanted)
    assert wanted <= days()
    assert partitions.make_ahead(now=later) == 0


def test_the_application_can_drop_no_day_by_itself():
    partitions.make_ahead(now=datetime.now(UTC))
    name = f"delivery_event_{datetime.now(UTC):%Y%m%d}"
    with pytest.raises((DatabaseError, IntegrityError)), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(f"DROP TABLE {name}")
