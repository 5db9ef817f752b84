"""The pacer on real orders: what it releases, what a lost Redis costs, when a budget is finished."""

import threading
from dataclasses import replace
from datetime import timedelta

import pytest
from django.db import connection, transaction

from delivery import drain, hot, knowledge, pacer, traffic
from delivery.drain import Position
from delivery.engine.tokens import IMPRESSION_LIFE_S
from delivery.models import Barrier, Pacer, PacingState, Shard
from orders.models import EndReason, Order
from payments import escrow
from promote.markets.models import Market
from tests.builders import NOON, a_delivering_order, a_number, a_reviewer, an_account, an_order, approved, ended
from tests.delivery.world import (
    RESERVE,
    a_token,
    drained,
    events_of,
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
DAY_S = 86_400


@pytest.fixture
def order():
    order = a_delivering_order()
    paced(order)
    return order


def counters(order):
    generation = Shard.objects.get(id=order.shard).generation
    return hot.counters(hot.client(), shard=order.shard, generation=generation, orders=[order.id])[order.id]


def take_all_but(order, micros):
    escrow.charge(key=f"t{a_number()}", charges=[(order.escrow_id, left(order) - micros)], now=NOON)


def test_a_new_order_can_be_shown_after_the_first_look(order):
    figures = counters(order)
    plan_per_s = order.cost_micros / DAY_S
    assert 5 * RESERVE <= figures.free <= 3 * plan_per_s * 2 + 5 * 2 * RESERVE
    assert hot.client().hget(hot.pace_key(order.shard, 1), order.id.hex) is not None


def test_what_is_released_and_not_spent_stays_bounded_however_long_nobody_comes(order):
    before = counters(order).free
    looks(order, 30)
    assert counters(order).free <= 1.1 * before


def test_reservations_count_against_what_is_released(order):
    for _ in range(4):
        sold(order)
    looks(order, 1)
    state = PacingState.objects.get(order=order)
    figures = counters(order)
    assert figures.reserved == 4 * RESERVE
    assert figures.free + figures.reserved <= state.outstanding_micros


def test_the_last_of_a_budget_is_released_whole_and_not_a_micro_more(order):
    take_all_but(order, 3 * RESERVE + 700)
    looks(order, 2)
    assert counters(order).free == 3 * RESERVE + 700
    for _ in range(3):
        sold(order)
    assert not reserved(a_token(order))


def test_a_budget_is_finished_when_what_is_left_buys_nothing_and_no_token_is_out(order):
    take_all_but(order, RESERVE + 500)
    looks(order, 2)
    token = sold(order)
    now = looks(order, 2, start=NOON + timedelta(seconds=2))
    assert Order.objects.get(id=order.id).status == "delivering"
    told(token, now=now)
    drained(order, now=now)
    looks(order, 6, start=now)
    order = Order.objects.get(id=order.id)
    assert (order.status, order.end_reason) == ("ending", "budget")


def test_a_token_that_was_never_shown_gives_its_money_back(order):
    take_all_but(order, RESERVE)
    looks(order, 2)
    sold(order)
    looks(order, 1, start=NOON + timedelta(seconds=30))
    assert not reserved(a_token(order))
    late = looks(order, 2, start=NOON + timedelta(minutes=11))
    assert reserved(a_token(order, now=late))


def test_an_order_that_stands_still_has_nothing_released(order):
    Order.objects.filter(id=order.id).update(status="paused", stopped_at=NOON)
    looks(order, 1)
    assert counters(order).free == 0
    assert hot.client().hgetall(hot.pace_key(order.shard, 1)) == {}


def test_what_was_charged_but_not_drained_is_not_released_again(order):
    take_all_but(order, 4 * RESERVE)
    looks(order, 2)
    shown(order, 4)
    looks(order, 3, start=NOON + timedelta(seconds=5))
    assert counters(order).free == 0
    drained(order)
    looks(order, 1, start=NOON + timedelta(seconds=9))
    assert counters(order).free == 0
    assert left(order) == 0


def test_an_impression_that_was_not_billed_is_released_again(order):
    take_all_but(order, RESERVE)
    looks(order, 2)
    told(sold(order), visible_ms=10)
    drained(order)
    looks(order, 6)
    assert reserved(a_token(order))


def test_two_pacers_do_not_pace_one_shard(order):
    Pacer.objects.filter(shard_id=order.shard).update(until=NOON + timedelta(seconds=30))
    PacingState.objects.update(due_at=0)
    assert pacer.pace(shard=order.shard, now=NOON + timedelta(seconds=20)) == 0
    assert pacer.pace(shard=order.shard, now=NOON + timedelta(seconds=31)) == 1


@pytest.mark.django_db(transaction=True)
def test_a_pacer_does_not_wait_for_the_drain_of_its_shard():
    order = a_delivering_order()
    paced(order)
    PacingState.objects.update(due_at=0)
    shard = Shard.objects.get(id=order.shard)
    looked = []

    def look():
        try:
            with connection.cursor() as cursor:
                cursor.execute("SET lock_timeout = '5s'")
            looked.append(pacer.pace(shard=shard.id, now=NOON + timedelta(seconds=1)))
        finally:
            connection.close()

    with transaction.atomic():
        before = Position(shard.position_generation, shard.position_id)
        drain.move(shard=shard.id, before=before, to=replace(before, id="1-0"), now=NOON)
        other = threading.Thread(target=look)
        other.start()
        other.join()
    assert looked == [1]


def test_a_lost_redis_begins_a_new_generation_and_holds_back_what_could_be_out(order):
    looks(order, 2)
    tokens = [sold(order) for _ in range(5)]
    outstanding = PacingState.objects.get(order=order).outstanding_micros
    take_all_but(order, outstanding + 2 * RESERVE)
    redis_lost()
    assert told(tokens[0]) == hot.LOST
    now = looks(order, 1, start=NOON + timedelta(seconds=5))
    assert Shard.objects.get(id=order.shard).generation == 2
    assert counters(order).held == outstanding
    assert counters(order).free <= 2 * RESERVE
    assert [told(token, now=now) for token in tokens] == [hot.DONE] * 5
    assert told(tokens[0], now=now) == hot.DUPLICATE
    drained(order)
    assert spent(order) - (order.cost_micros - outstanding - 2 * RESERVE) == 5 * RESERVE
    looks(order, 1, start=NOON + timedelta(minutes=12))
    assert counters(order).held == 0
    assert counters(order).free + spent(order) <= order.cost_micros


def test_whatever_is_told_around_a_lost_redis_no_more_than_the_budget_is_spent(order):
    take_all_but(order, 12 * RESERVE)
    now, tokens = NOON, []
    for round_ in range(6):
        now = looks(order, 3, start=now)
        while reserved(token := a_token(order, now=now)):
            tokens.append(token)
        for token in tokens[:: 2 + round_ % 2]:
            told(token, now=now)
        if round_ in (1, 3):
            redis_lost()
        if round_ in (0, 3, 5):
            drained(order, now=now)
        assert left(order) >= 0
    now = looks(order, 3, start=now)
    for token in tokens:
        told(token, now=now)
    drained(order, now=now)
    charged = sum(events_of(order, charged=True).values_list("price_micros", flat=True))
    assert charged <= 12 * RESERVE
    assert left(order) == 12 * RESERVE - charged


def test_what_survives_of_the_old_stream_is_drained_before_anything_is_released_anew(order):
    tokens = shown(order, 3)
    # A restart: what Redis knew is there, but it is another run of itself.
    Shard.objects.filter(id=order.shard).update(redis_run_id="an earlier run")
    now = looks(order, 1, start=NOON + timedelta(seconds=5))
    shard = Shard.objects.get(id=order.shard)
    assert (shard.generation, shard.position_generation) == (2, 2)
    assert spent(order) == 3 * RESERVE
    assert told(tokens[0], now=now) == hot.DUPLICATE
    assert not hot.client().exists(hot.stream_key(order.shard, 1))


def lost_and_killed(order, monkeypatch):
    """Redis is lost, and the pacer that saw it dies after what it wrote in PostgreSQL, before it tells Redis."""

    class Killed(BaseException):
        pass

    def dies(*_arguments):
        raise Killed

    redis_lost()
    with monkeypatch.context() as patch, pytest.raises(Killed):
        patch.setattr(pacer, "_release", dies)
        looks(order, 1, start=NOON + timedelta(seconds=10))


def test_a_pacer_killed_before_it_told_what_it_kept_still_holds_back_what_a_lost_redis_may_cost(order, monkeypatch):
    for _ in range(3):
        sold(order)
    looks(order, 1)
    lost_and_killed(order, monkeypatch)
    looks(order, 1, start=NOON + timedelta(seconds=20))
    assert counters(order).held >= 3 * RESERVE
    state = PacingState.objects.get(order=order)
    assert state.outstanding_micros >= 3 * RESERVE + counters(order).free
    looks(order, 1, start=NOON + timedelta(seconds=21) + timedelta(seconds=IMPRESSION_LIFE_S))
    assert counters(order).held == 0


def test_an_order_that_ends_then_waits_for_its_tokens_before_its_last_event_is_known(order, monkeypatch):
    sold(order)
    looks(order, 1)
    lost_and_killed(order, monkeypatch)
    ended(order, now=NOON + timedelta(seconds=12), reason=EndReason.TIME)
    Barrier.objects.create(order=order, shard=order.shard, due_at=NOON + timedelta(minutes=1))
    looks(order, 1, start=NOON + timedelta(seconds=13))
    assert Barrier.objects.get(order=order).appended_generation is None


@pytest.mark.parametrize("reserve", [{}, {"video_views": 0}, {"video_views": None}, {"video_views": "much"}])
def test_a_market_without_terms_for_an_objective_keeps_only_such_orders_from_being_paced(order, reserve, caplog):
    british = iter(lambda: a_delivering_order(account=an_account(country="GB")), None)
    lost = next(one for one in british if one.shard == order.shard)
    Market.objects.filter(code="GB").update(reserve_micros=reserve)
    knowledge.forget()
    now = looks(order, 2, start=NOON + timedelta(seconds=10))
    assert PacingState.objects.get(order=order).at > NOON.timestamp() + 5
    assert not PacingState.objects.filter(order=lost).exists()
    assert caplog.text.count("GB has no terms for video_views") == 1
    Order.objects.filter(id=order.id).update(status="paused", stopped_at=now)
    assert pacer.pace(shard=order.shard, now=now + timedelta(seconds=10)) == 1, "it alone is looked at, and left alone"


@pytest.mark.parametrize("somebody_asks", [True, False])
def test_bids_rise_where_others_are_shown_and_not_while_nobody_asks(order, somebody_asks):
    before = PacingState.objects.get(order=order).mu
    now = NOON
    for _ in range(30):
        if somebody_asks:
            hot.client().hincrby(traffic.minute_key(int(now.timestamp() // 60)), "US|0", 1)
        now = looks(order, 12, start=now, every_s=5.0)
    after = PacingState.objects.get(order=order).mu
    assert after < before / 2 if somebody_asks else after == before


def test_a_stream_whose_clock_is_behind_is_not_skipped(order):
    shown(order, 1)
    drained(order)
    redis_lost()
    looks(order, 1, start=NOON + timedelta(seconds=5))
    generation = Shard.objects.get(id=order.shard).generation
    # As a server would write whose clock is years behind.
    entry = {"o": order.id.hex, "p": 0, "b": "1"}
    hot.client().xadd(hot.stream_key(order.shard, generation), entry, id="1000-1")
    assert drain.drain(shard=order.shard, now=NOON) == 1


def test_a_lone_order_in_an_empty_auction_bids_at_least_the_reserve(order):
    known = knowledge.of([order], at=NOON.timestamp())[order.id]
    state = PacingState.objects.get(order=order)
    assert known.score / state.mu >= known.reserve


def test_the_lease_is_renewed_on_the_way_through_many_orders(order):
    row = Shard.objects.get(id=order.shard)
    Pacer.objects.filter(shard_id=order.shard).update(epoch=7, until=NOON)
    now = NOON + timedelta(seconds=30)
    assert pacer._look(order.shard, row.generation, 7, now) == 1
    assert Pacer.objects.get(shard_id=order.shard).until >= now + pacer.LEASE


def test_a_pacer_that_was_succeeded_keeps_nothing(order):
    generation, now = Shard.objects.get(id=order.shard).generation, NOON + timedelta(seconds=30)
    Pacer.objects.filter(shard_id=order.shard).update(epoch=8, until=now + pacer.LEASE)
    before = PacingState.objects.get(order=order).at
    assert pacer._look(order.shard, generation, 7, now) == 0
    one = pacer.Due(*Order.objects.filter(id=order.id).values_list(*pacer.Due._fields).get())
    assert not pacer._look_at_all([one], order.shard, generation, 7, now, is_reached=True)
    assert PacingState.objects.get(order=order).at == before
    assert pacer._look_at_all([one], order.shard, generation, 8, now, is_reached=True)
    assert PacingState.objects.get(order=order).at > before


def test_many_orders_that_start_at_one_moment_are_all_paced_at_once(monkeypatch, settings):
    settings.SHARDS = 1
    monkeypatch.setattr(pacer, "PART", 40)
    account, reviewer = an_account(), a_reviewer()
    orders = [approved(an_order(account), by=reviewer) for _ in range(120)]
    assert pacer.pace(shard=0, now=NOON) == len(orders)
    assert set(hot.client().hkeys(hot.pace_key(0, 1))) == {order.id.hex.encode() for order in orders}
    assert all(counters(order).free >= RESERVE for order in orders)
