"""The replay of a log: nobody is overspent, nobody beats who knows all, and a missing log is said to be missing."""

import dataclasses
import gzip

import numpy as np
import pytest
import redis

from bench import replay
from bench.replaying import baselines, cells, log, mixed
from bench.replaying.log import Log
from bench.replaying.market import LIFE_S, Asked, Market, Ours, a_listing

ROWS = 3000


def a_log(rows=ROWS, seed=5):
    rng = np.random.default_rng(seed)
    prices = np.maximum(1, rng.lognormal(10.5, 0.8, rows)).astype(np.int64)
    return Log(prices, np.minimum(1.0, 0.004 * rng.lognormal(0, 0.8, rows)))


def one(**got):
    """What one order got."""
    nothing = {field.name: 0 for field in dataclasses.fields(cells.One)}
    return cells.One(**{**nothing, **got})


def test_a_replayed_order_never_spends_more_than_its_budget_and_nearly_all_of_it():
    for cell in ("1/8", "1/2"):
        got = cells.one(a_log(), cell, known=True)
        assert got.overspent == 0
        assert 0.95 <= got.spent <= 1
        assert 0.8 <= got.value <= 1


def test_nothing_gets_more_than_who_knows_the_whole_log():
    got = cells.one(a_log(), "1/8", known=True)
    assert max(got.value, got.pid, got.throttling, got.fitted, got.cap) <= 1
    assert max(got.throttling, got.fitted) <= got.cap


def test_a_budget_that_buys_everything_is_worth_everything():
    whole = a_log()
    assert log.hindsight(whole, 2 * whole.cost).value == pytest.approx(whole.rates.sum())


def test_what_is_reserved_but_not_yet_seen_counts_as_spent():
    whole = a_log(300)
    asked = Asked(a_listing(0), whole.cost // 4, score=float(whole.rates.mean()), price=whole.cost / 300)
    market = Market(whole, [asked], Ours)
    got = market.run()
    assert market.counters.accounts([0])[0].reserved == 0
    assert got.spent[0] <= asked.budget
    assert got.curves[0][-1] == pytest.approx(got.spent[0] / asked.budget)


def test_the_products_scripts_and_their_copy_come_to_the_same_to_the_micro(run):
    whole, path = a_log(1500), str(run.redis.socket)
    for cell, known in (("1/8", True), ("1/2", False)):
        assert cells.one(whole, cell, known=known, redis=path) == cells.one(whole, cell, known=known)
    scripts, copied = cells.many(whole, "ours", redis=path), cells.many(whole, "ours")
    assert scripts == copied
    assert scripts.spent_micros > 0


def test_a_replay_leaves_nothing_in_redis(run):
    client = redis.Redis(unix_socket_path=str(run.redis.socket))
    before = client.dbsize()
    cells.one(a_log(200), "1/2", known=True, redis=str(run.redis.socket))
    assert client.dbsize() == before
    client.close()


def test_a_shuffle_keeps_every_auction():
    whole = a_log()
    assert sorted(whole.shuffled(3).prices) == sorted(whole.prices)
    assert list(whole.shuffled(0).prices) == list(whole.prices)
    assert list(whole.shuffled(3).prices) == list(whole.shuffled(3).prices) != list(whole.prices)


def test_an_order_is_only_shown_to_its_audience_and_in_its_time():
    whole = a_log(400)
    world = mixed.world(whole)
    assert all(0 < could <= asked.budget for could, asked in zip(world.feasible, world.orders, strict=True) if could)
    assert all(0 <= asked.listing.starts_at < asked.listing.ends_at <= LIFE_S for asked in world.orders)


def test_a_bid_of_the_ladder_is_the_best_of_the_ladder():
    whole = a_log()
    bids = baselines.ladder(whole)
    best = baselines.throttling(whole, whole.cost // 8, bids)
    assert best.bid in bids
    assert all(baselines.throttling(whole, whole.cost // 8, (bid,)).value <= best.value for bid in bids)


def test_the_baselines_bids_follow_the_prices_of_whatever_log():
    whole = a_log()
    dearer = Log(whole.prices * 1000, whole.rates)
    assert baselines.winning(dearer) == tuple(1000 * bid for bid in baselines.winning(whole))
    won = [(whole.prices <= bid).mean() for bid in baselines.winning(whole)]
    assert won == pytest.approx(baselines.WINS, abs=1 / ROWS)
    assert baselines.throttling(dearer, dearer.cost // 8, baselines.winning(dearer)).value == pytest.approx(
        baselines.throttling(whole, whole.cost // 8, baselines.winning(whole)).value
    )


def test_a_baseline_that_got_nothing_is_held_against_nobody():
    found = {(cell, True): [one(value=0.9, pid=0.0, cap=0.5 if cell == "1/8" else 0.0)] for cell in cells.SHARES}
    assert replay.worst(found, "pid") is None
    assert replay.worst(found, "cap") == 0.9 / 0.5


def test_a_missing_log_is_said_to_be_missing(tmp_path):
    with pytest.raises(log.NoLog, match=str(tmp_path)):
        log.read(tmp_path)


def test_a_file_that_is_no_log_is_said_to_be_none(tmp_path):
    file = tmp_path / log.FILE
    file.parent.mkdir()
    with gzip.open(file, "wt") as lines:
        lines.write("1 2\n")
    with pytest.raises(log.NoLog):
        log.read(tmp_path)
