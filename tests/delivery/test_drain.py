"""From the stream into PostgreSQL: each event once, charged as far as the escrow reaches, fenced against a twin."""

from datetime import timedelta

import pytest
import time_machine
from django.db import ProgrammingError, connection
from django.db.models import Sum

from delivery import drain, hot, unbilled
from delivery.drain import Fenced, Position
from delivery.engine.vocabulary import EVENT_CODES
from delivery.models import COUNTS, Barrier, HourRollup, MinuteRollup, PoisonEntry, Shard, UnbilledHour
from orders import lifecycle
from orders.models import EndReason, Order
from payments import escrow
from promote.outbox import relay
from tests.builders import NOON, a_delivering_order, a_number, ended
from tests.delivery.world import (
    RESERVE,
    a_token,
    charged_in_events,
    drained,
    events_of,
    forgotten,
    left,
    looks,
    paced,
    redis_lost,
    reserved,
    shown,
    sold,
    spent,
    told,
)

pytestmark = pytest.mark.django_db


@pytest.fixture
def order():
    order = a_delivering_order()
    paced(order)
    return order


def take_all_but(order, micros):
    """Leaves so much in the escrow, as other deliveries would have."""
    escrow.charge(key=f"t{a_number()}", charges=[(order.escrow_id, left(order) - micros)], now=NOON)


def test_an_impression_is_charged_at_its_price_and_counted(order):
    shown(order, 3, price_micros=2500)
    assert drained(order) == 3
    assert spent(order) == 3 * 2500 == charged_in_events(order)
    hour = HourRollup.objects.get(order=order, dimension="all")
    assert (hour.impressions, hour.valid_impressions, hour.charged_micros) == (3, 3, 7500)


def test_every_dimension_and_the_minutes_add_up_to_the_same_whole(order):
    looks(order, 3)
    for number in range(6):
        token = sold(order, country="US", age_band=number % 3, gender=255 if number == 5 else number % 2)
        told(token, now=NOON + timedelta(seconds=20 * number))
        if number % 2:
            told(token, "view_2s", now=NOON + timedelta(seconds=20 * number + 2))
    drained(order)
    by_minute = MinuteRollup.objects.filter(order=order).aggregate(**{name: Sum(name) for name in COUNTS})
    assert (by_minute["impressions"], by_minute["view_2s"]) == (6, 3)
    for dimension in ("all", "country", "age", "gender", "surface"):
        rows = HourRollup.objects.filter(order=order, dimension=dimension)
        assert rows.aggregate(**{name: Sum(name) for name in COUNTS}) == by_minute
    assert HourRollup.objects.get(order=order, dimension="gender", value="").impressions == 1


def test_the_same_event_on_another_day_is_still_the_same_event(order):
    [token] = shown(order)
    drained(order)
    # The counters were lost, so only the rows know.
    forgotten(token)
    assert told(token, now=NOON + timedelta(days=1)) == hot.NOT_RESERVED
    lost = a_token(order, id=token.id, generation=0)
    assert told(lost, now=NOON + timedelta(days=1)) == hot.DONE
    drained(order)
    assert events_of(order).count() == 1
    assert spent(order) == RESERVE


def test_an_event_that_was_told_twice_in_one_batch_is_stored_once(order):
    token = a_token(order, generation=0)
    for _ in range(3):
        forgotten(token)
        assert told(token) == hot.DONE
    assert drained(order) == 3
    assert events_of(order).count() == 1
    assert spent(order) == RESERVE


def test_what_is_told_when_redis_knows_its_token_no_more_is_looked_up_in_the_rows(order):
    later = NOON + timedelta(hours=3)
    [token], never_shown = shown(order), sold(order)
    drained(order)
    assert [told(token, "share", now=later) for _ in range(3)] == [hot.DONE] * 3
    assert told(never_shown, "share", now=later) == hot.DONE
    drained(order, now=later)
    assert told(token, "share", now=later) == hot.DONE
    drained(order, now=later)
    share = EVENT_CODES["share"]
    assert [(one.token, one.reason) for one in events_of(order, type=share).order_by("reason")] == [
        (token.id, ""),
        (never_shown.id, "no_impression"),
    ]
    unbilled.keep(client=hot.client(), now=later)
    replayed = UnbilledHour.objects.filter(order_id=order.id, reason="replayed")
    assert sum(one.actions for one in replayed) == 3


def test_redis_forgets_what_was_told_of_a_token_once_its_impression_can_be_told_no_more(order):
    [token] = shown(order)
    [key] = hot.client().scan_iter(f"{hot.tag(order.shard)}:seen:*")
    told(token, "view_2s", now=NOON + timedelta(minutes=9))
    assert 0 < hot.client().ttl(key) <= token.impression_until - NOON.timestamp() + 120


@pytest.mark.parametrize(
    ("facts", "reason"),
    [
        ({"visible_ms": None}, "not_measured"),
        ({"visible_share": None}, "not_measured"),
        ({"visible_ms": 999}, "too_brief"),
        ({"visible_share": 0.49}, "not_half_visible"),
        ({"active": False}, "not_active"),
        ({"agent": "Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)"}, "bot"),
        ({"address": "10.1.2.3"}, "private_address"),
        ({"address": "::1"}, "private_address"),
        ({"address": "not an address"}, "invalid_address"),
        ({"viewer": 4712}, "another_viewer"),
    ],
)
def test_an_impression_that_does_not_count_is_kept_with_its_reason_and_not_billed(order, facts, reason):
    assert told(sold(order), **facts) == hot.DONE
    drained(order)
    [event] = events_of(order)
    assert (event.valid, event.charged, event.reason) == (False, False, reason)
    assert spent(order) == 0
    hour = HourRollup.objects.get(order=order, dimension="all")
    assert (hour.impressions, hour.valid_impressions, hour.charged_micros) == (1, 0, 0)


def test_a_person_at_a_public_address_counts(order):
    agent = (
        "Mozilla/5.0 (Linux; Android 14) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/129.0.0.0 Mobile Safari/537.36"
    )
    told(sold(order), agent=agent, address="203.0.114.7", viewer=4711)
    drained(order)
    assert spent(order) == RESERVE


def test_the_owner_is_not_billed_for_seeing_the_own_video(order):
    from delivery.ownership import of

    # Also under those of the day alone, which they have without consent.
    day = int(NOON.timestamp() // 86400)
    for own in of([order.id], days=[day])[order.id]:
        told(sold(order, viewer=own))
    drained(order)
    assert [one.reason for one in events_of(order)] == ["owner"] * 4
    assert spent(order) == 0


def test_what_does_not_fit_is_shown_free_from_the_first_that_does_not_fit(order):
    looks(order, 2)
    prices = [2000, 3000, 2000, 2000]
    tokens = [sold(order, price_micros=price) for price in prices]
    take_all_but(order, 4500)
    for number, token in enumerate(tokens):
        told(token, now=NOON + timedelta(seconds=number))
    drained(order)
    assert list(events_of(order).values_list("charged", "reason")) == [
        (True, ""),
        (False, "over_delivery"),
        (False, "over_delivery"),
        (False, "over_delivery"),
    ]
    assert left(order) == 2500
    assert MinuteRollup.objects.get(order=order).charged_micros == 2000


def test_an_escrow_is_never_overdrawn_by_tokens_of_a_lost_generation(order):
    take_all_but(order, 5 * RESERVE)
    for _ in range(20):
        assert told(a_token(order, generation=0)) == hot.DONE
    drained(order)
    assert left(order) == 0
    assert events_of(order, charged=True).count() == 5
    assert events_of(order, charged=False, reason="over_delivery").count() == 15


def test_an_action_without_its_impression_is_kept_but_does_not_count(order):
    orphan, whole = a_token(order, generation=0), a_token(order, generation=0)
    told(whole)
    told(whole, "view_2s")
    told(orphan, "view_2s")
    drained(order)
    assert list(events_of(order, type=1).order_by("valid").values_list("token", "reason")) == [
        (orphan.id, "no_impression"),
        (whole.id, ""),
    ]
    assert HourRollup.objects.get(order=order, dimension="all").view_2s == 1


def test_a_drain_that_slept_finds_the_position_moved_and_stops(order):
    shown(order, 3)
    before = Position(1, "0-0")
    seen_by_both = drain.fetch(shard=order.shard, after=before)
    drained(order)
    with pytest.raises(Fenced):
        drain.commit(shard=order.shard, position=before, entries=seen_by_both, now=NOON)
    assert spent(order) == 3 * RESERVE
    assert events_of(order).count() == 3


def test_one_poison_entry_goes_aside_and_the_shard_goes_on(order):
    shown(order, 2)
    hot.client().xadd(hot.stream_key(order.shard, 1), {"o": order.id.hex, "p": 2000, "e": b"\xc1 not an event"})
    hot.client().xadd(hot.stream_key(order.shard, 1), {"what": b"is this"})
    shown(order, 2)
    assert drained(order) == 6
    assert spent(order) == 4 * RESERVE
    assert PoisonEntry.objects.count() == 2
    assert "Unreadable" in PoisonEntry.objects.earliest("stream_id").error


def test_an_entry_that_the_database_refuses_is_found_by_halving(order):
    shown(order, 5)
    assert told(a_token(order, generation=0), visible_ms=2**63) == hot.DONE
    shown(order, 5)
    assert drained(order) == 11
    assert spent(order) == 10 * RESERVE
    assert PoisonEntry.objects.get().replayed_at is None
    assert drain.lag_s(shard=Shard.objects.get(id=order.shard), now=NOON) == 0


@pytest.mark.parametrize("waiting", [1, drain.SEVERAL - 1, drain.SEVERAL + 1])
def test_a_database_that_takes_nothing_makes_nothing_poison(order, waiting):
    shown(order, waiting)
    before = Shard.objects.get(id=order.shard).position_id
    with connection.cursor() as cursor:
        # It stands before the real one, as a table that lacks a column would.
        cursor.execute("CREATE TEMP TABLE delivery_minute_rollup (nothing int) ON COMMIT DROP")
    with pytest.raises(ProgrammingError, match="delivery_minute_rollup"):
        drained(order)
    assert PoisonEntry.objects.count() == 0
    assert Shard.objects.get(id=order.shard).position_id == before
    assert len(drain.fetch(shard=order.shard, after=Position(1, before))) == waiting


def refused_for(order, code):
    """The database takes no sums of this order, by such a code."""
    with connection.cursor() as cursor:
        cursor.execute(
            "CREATE TEMP TABLE delivery_minute_rollup (LIKE public.delivery_minute_rollup INCLUDING ALL) ON COMMIT DROP"
        )
        cursor.execute(
            f"""CREATE FUNCTION pg_temp.refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
            IF NEW.order_id = '{order.id}' THEN RAISE EXCEPTION 'not this one' USING ERRCODE = '{code}'; END IF;
            RETURN NEW; END $$"""
        )
        cursor.execute(
            "CREATE TRIGGER refuse BEFORE INSERT ON delivery_minute_rollup "
            "FOR EACH ROW EXECUTE FUNCTION pg_temp.refuse()"
        )


def beside(order):
    """Another order of the same shard."""
    while (another := a_delivering_order()).shard != order.shard:
        pass
    return another


@pytest.mark.parametrize(
    ("code", "sqlstate"), [("check_violation", "23514"), ("object_not_in_prerequisite_state", "55000")]
)
def test_the_only_entry_that_waits_is_poison_where_a_plain_one_would_be_taken(order, code, sqlstate):
    """What a trigger of ours refuses (55000) is an OperationalError to psycopg2, and a matter of its row."""
    good = beside(order)
    shown(order)
    refused_for(order, code)
    drained(order)
    assert sqlstate in PoisonEntry.objects.get().error
    paced(good)
    shown(good)
    drained(good)
    assert spent(good) == RESERVE
    assert spent(order) == 0


def test_a_drain_that_is_far_behind_gives_its_worker_back_between_two_batches(order, monkeypatch):
    """Else four shards with a backlog would keep every worker, and a stop waiting."""
    monkeypatch.setattr(drain, "BATCH", 2)
    shown(order, 5)
    assert [drain.drain(shard=order.shard, now=NOON, seconds=0.0) for _ in range(4)] == [2, 2, 1, 0]
    assert spent(order) == 5 * RESERVE


def test_a_barrier_is_the_last_word(order):
    tokens = [sold(order) for _ in range(3)]
    told(tokens[0])
    ended(order, now=NOON + timedelta(minutes=1), reason=EndReason.SUSPENDED)
    generation = Shard.objects.get(id=order.shard).generation
    hot.run(hot.client(), hot.barrier(shard=order.shard, generation=generation, order=order.id))
    told(tokens[1])
    drained(order)
    told(tokens[2])
    drained(order)
    assert list(events_of(order).order_by("-charged").values_list("charged", "reason")) == [
        (True, ""),
        (False, "order_closed"),
        (False, "order_closed"),
    ]
    assert spent(order) == RESERVE
    order = Order.objects.get(id=order.id)
    assert order.drained_at is not None
    assert order.closed_at is not None


def end(order, *, reason, now):
    with time_machine.travel(now):
        ended(order, now=now, reason=reason)
        relay.relay()


@pytest.mark.django_db(transaction=True)
def test_a_stop_is_drained_at_once_even_with_tokens_out():
    order = a_delivering_order()
    paced(order)
    sold(order)
    end(order, reason=EndReason.LIVE_ENDED, now=NOON + timedelta(seconds=5))
    drained(order)
    assert Barrier.objects.get(order=order).drained_at is not None
    assert Order.objects.get(id=order.id).drained_at is not None


@pytest.mark.django_db(transaction=True)
def test_an_end_by_the_owner_waits_for_the_tokens_already_out():
    order = a_delivering_order()
    paced(order)
    token = sold(order)
    now = NOON + timedelta(seconds=5)
    end(order, reason=EndReason.USER, now=now)
    paced(order, now=now + timedelta(seconds=20))
    drained(order)
    assert Order.objects.get(id=order.id).drained_at is None
    assert told(token, now=now + timedelta(seconds=21)) == hot.DONE
    paced(order, now=now + timedelta(seconds=22))
    drained(order)
    assert spent(order) == RESERVE
    assert Order.objects.get(id=order.id).drained_at is not None


@pytest.mark.django_db(transaction=True)
def test_an_end_by_the_owner_waits_for_tokens_of_a_lost_generation_too():
    order = a_delivering_order()
    paced(order)
    token = sold(order)
    now = NOON + timedelta(seconds=5)
    end(order, reason=EndReason.USER, now=now)
    redis_lost()
    paced(order, now=now + timedelta(seconds=20))
    drained(order)
    assert Order.objects.get(id=order.id).drained_at is None
    told(token, now=now + timedelta(seconds=21))
    drained(order)
    assert spent(order) == RESERVE
    paced(order, now=now + timedelta(seconds=61))
    drained(order)
    assert Order.objects.get(id=order.id).drained_at is not None


@pytest.mark.django_db(transaction=True)
def test_an_end_by_the_owner_waits_a_minute_at_most():
    order = a_delivering_order()
    paced(order)
    token = sold(order)
    now = NOON + timedelta(seconds=5)
    end(order, reason=EndReason.USER, now=now)
    paced(order, now=now + timedelta(seconds=61))
    told(token, now=now + timedelta(seconds=62))
    drained(order)
    assert events_of(order).get().reason == "order_closed"
    assert left(order) == order.cost_micros
    assert not reserved(a_token(order))


@pytest.mark.django_db(transaction=True)
def test_nothing_is_sold_any_more_once_an_order_has_ended():
    order = a_delivering_order()
    paced(order)
    assert reserved(a_token(order))
    end(order, reason=EndReason.PRIVATE, now=NOON + timedelta(seconds=5))
    assert not reserved(a_token(order))


def test_events_of_an_order_that_was_closed_without_its_shard_are_free(order):
    tokens = [sold(order), sold(order)]
    ended(order, now=NOON)
    told(tokens[0])
    lifecycle.close_stuck(now=NOON + timedelta(seconds=301))
    told(tokens[1])
    drained(order)
    assert set(events_of(order).values_list("charged", "reason")) == {(False, "order_closed")}
    assert left(order) == order.cost_micros


def test_an_order_that_takes_nearly_all_traffic_holds_up_no_other_of_its_shard(monkeypatch, settings):
    settings.SHARDS = 1
    monkeypatch.setattr(drain, "BATCH", 50)
    busy, quiet = a_delivering_order(), a_delivering_order()
    paced(busy)

    def crowd(times):
        for viewer in range(times):
            told(a_token(busy, generation=0, viewer=viewer))

    crowd(120)
    told(a_token(quiet, generation=0))
    for _ in range(3):
        crowd(60)
        drain.drain(shard=0, now=NOON, batches=1)
    assert (spent(busy), spent(quiet)) == (149 * RESERVE, RESERVE)
