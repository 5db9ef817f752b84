"""Budgets are spent evenly by price, whatever their size, and release bounds what a wrong price can burn."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from delivery.engine import pacing
from delivery.engine.pacing import Seen
from tests.delivery.market import run

COIN = 1_000_000


def a_state(**changes):
    return pacing.replace(pacing.start(score=1000.0, price=2000.0, known=True, at=0.0), **changes)


def test_a_short_order_with_dense_traffic_spends_evenly_and_whole():
    run_ = run(budget=20 * COIN, ticks=360, per_tick=80)
    assert run_.spent >= 0.985 * run_.budget
    assert run_.distance() <= 0.02


def test_an_order_whose_viewers_are_all_worth_the_same_still_spends_evenly():
    run_ = run(budget=20 * COIN, ticks=360, per_tick=80, score=lambda _: 1000.0, rival=lambda _: 0.0)
    assert run_.spent >= 0.985 * run_.budget
    assert run_.distance() <= 0.02


@pytest.mark.parametrize("first_mu", [0.2, 5.0, 50.0])
def test_a_wrong_start_is_corrected(first_mu):
    run_ = run(budget=40 * COIN, ticks=1500, per_tick=60, first_mu=first_mu)
    assert run_.spent >= 0.98 * run_.budget
    assert run_.distance() <= 0.05


def test_an_order_of_one_impression_an_hour_spends_its_budget_through_its_life():
    day = 24 * 720  # a look every 5 seconds
    run_ = run(budget=24 * 2500, ticks=day, per_tick=0.05, tick_s=5.0, reserve=2000)
    assert run_.spent >= 0.85 * run_.budget
    first_half = sum(run_.spent_by_tick[: day // 2])
    assert 0.2 * run_.budget <= first_half <= 0.8 * run_.budget


def test_a_paced_order_gets_more_than_one_that_buys_everything_until_it_is_broke():
    paced = run(budget=20 * COIN, ticks=720, per_tick=80, seed=11)
    greedy = run(budget=20 * COIN, ticks=60, per_tick=960, first_mu=0.001, seed=11)
    assert paced.value > 1.05 * greedy.value


def test_the_unspent_release_stays_within_three_plans_and_five_charges():
    for free, bound in run(budget=20 * COIN, ticks=360, per_tick=500).most_unspent:
        assert free <= bound


def test_the_window_closes_by_the_plan_and_never_by_the_spend():
    state = a_state()
    spent = 4 * 2000  # more than K charges, less than an emergency
    after = pacing.look(
        state, Seen(left=COIN, spent=spent, reserved=0, charged=spent, charges=4), share=0.0001, now=1.0
    )
    assert after.mu == state.mu
    assert after.actual == spent


def test_an_emergency_raises_the_price_at_once():
    state = a_state()
    spent = 20 * 2000
    after = pacing.look(
        state, Seen(left=COIN, spent=spent, reserved=0, charged=spent, charges=20), share=0.0001, now=1.0
    )
    eta = pacing.step_size(COIN, after.mean_cost)
    assert after.mu == pytest.approx(state.mu * math.exp(2 * eta))
    assert (after.planned, after.actual) == (0.0, 0.0)


def test_time_without_a_look_does_not_count_as_planned():
    state = a_state(planned=100.0, actual=50.0)
    after = pacing.look(state, Seen(left=COIN, spent=0, reserved=0, charged=0, charges=0), share=0.3, now=3600.0)
    assert after.mu == state.mu
    assert after.planned == 0.0


def test_an_order_in_an_unknown_market_starts_at_five_times_the_expected_price_multiplier():
    known = pacing.start(score=1000.0, price=2000.0, known=True, at=0.0)
    unknown = pacing.start(score=1000.0, price=2000.0, known=False, at=0.0)
    assert unknown.mu == 5 * known.mu


def test_a_new_prediction_changes_no_bid():
    state = a_state(mu=0.7)
    after = pacing.predicted(state, score=250.0, price=2000.0)
    assert 250.0 / after.mu == pytest.approx(1000.0 / state.mu)
    assert after.mu_expected == pytest.approx(0.125)


amounts = st.integers(0, 200_000 * COIN)


@given(left=amounts, share=st.floats(0, 1), mean_cost=st.floats(1, 1e9))
def test_release_is_never_above_what_is_left(left, share, mean_cost):
    free = pacing.release(left=left, share=share, mean_cost=mean_cost)
    assert 0 <= free <= left
    assert free <= 3 * left * share + 5 * mean_cost


looks = st.lists(st.tuples(st.floats(0, 1), st.integers(0, 10**9), st.integers(0, 50)), max_size=60)


@given(looks=looks)
def test_the_multiplier_stays_finite_and_within_its_limits(looks):
    state, spent, charges = a_state(), 0, 0
    for number, (share, more, n) in enumerate(looks):
        spent, charges = spent + more, charges + n
        seen = Seen(left=max(0, 10**10 - spent), spent=spent, reserved=0, charged=spent, charges=charges)
        state = pacing.look(state, seen, share=share, now=number + 1.0)
        assert state.mu_expected * pacing.LOWEST <= state.mu <= state.mu_expected * pacing.HIGHEST
        assert state.mean_cost > 0
        assert state.planned >= 0
