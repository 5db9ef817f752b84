"""The engine by itself: who matches, who wins and what it costs, tokens, rates, the curve of a week."""

from uuid import UUID

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from delivery.engine import auction, curve, rates, tokens
from delivery.engine.curve import Curve
from delivery.engine.draws import Ahead, Draws
from delivery.engine.index import Index, Listing, Pace, Viewer, names_of
from delivery.engine.rates import Count, Rate
from delivery.engine.tokens import BadToken, Token
from promote.keys import keyring

WOMAN = Viewer("v1", "GB", "25-34", "female", ("music", "pets"))
STEADY = Pace(1e-4, 5000.0, ((1000.0, 3000.0),) * 3)
"""Rate .25 at μ 1e-4: it bids 2,500."""


def hex_of(number):
    return UUID(int=number).hex


def a_listing(number=1, **facts):
    return Listing(
        **{
            "order": hex_of(number),
            "account": 1000 + number,
            "owner_ids": (f"owner-{number}",),
            "market": "GB",
            "objective": "video_views",
            "action": "view_2s",
            "function": "video",
            "target": f"vid_{number}",
            "countries": frozenset({"GB"}),
            "age_bands": frozenset(),
            "genders": frozenset(),
            "interests": frozenset(),
            "shard": 0,
            "starts_at": 0.0,
            "ends_at": 1e9,
            "reserve_micros": 2000,
            "value": 1.0,
            **facts,
        }
    )


def an_index(*listings, pace=STEADY):
    return Index().changed(put=listings).paced({one.order: pace for one in listings})


def matching(index, viewer=WOMAN, surface="feed", excluded=()):
    return {int(index.listings[row].order, 16) for row in index.candidates(viewer, surface, excluded)}


@pytest.mark.parametrize(
    ("facts", "fits"),
    [
        ({}, True),
        ({"countries": frozenset({"ID"})}, False),
        ({"countries": frozenset({"ID", "GB"})}, True),
        ({"age_bands": frozenset({"25-34"})}, True),
        ({"age_bands": frozenset({"18-24"})}, False),
        ({"genders": frozenset({"female", "other"})}, True),
        ({"genders": frozenset({"male"})}, False),
        ({"interests": frozenset({"pets", "cars"})}, True),
        ({"interests": frozenset({"cars"})}, False),
        ({"function": "live"}, True),
        ({"owner_ids": ("v1",)}, False),
    ],
)
def test_an_order_is_a_candidate_where_every_part_of_its_audience_fits(facts, fits):
    assert matching(an_index(a_listing(**facts))) == ({1} if fits else set())


def test_what_is_not_known_of_a_viewer_fits_only_who_does_not_care():
    index = an_index(
        a_listing(1), a_listing(2, genders=frozenset({"female"})), a_listing(3, interests=frozenset({"pets"}))
    )
    assert matching(index, WOMAN._replace(gender="", interests=())) == {1}
    assert matching(index, WOMAN._replace(country="")) == set()
    assert matching(index, WOMAN._replace(age_band="")) == set()


def test_an_anchor_stands_in_the_shop_and_a_live_in_the_lives():
    index = an_index(a_listing(1), a_listing(2, function="anchor"), a_listing(3, function="live"))
    assert [matching(index, surface=name) for name in ("feed", "shop", "live")] == [{1, 2, 3}, {2}, {3}]


def test_a_version_is_whole_whatever_becomes_of_the_next():
    first = an_index(a_listing(1), a_listing(2))
    second = first.changed(put=[a_listing(3)], drop=[hex_of(1)])
    third = second.changed(put=[a_listing(2, countries=frozenset({"ID"}))])
    assert [matching(one) for one in (first, second, third)] == [{1, 2}, {2, 3}, {3}]
    assert [len(one) for one in (first, second, third)] == [2, 2, 2]
    # The row of the first order was given to the third, which nobody has paced yet.
    assert second.columns.mu[second.rows[hex_of(3)]] == 0
    assert first.columns.mu[first.rows[hex_of(1)]] > 0


OWNERS = ("anna", "acc_a"), ("ben", "acc_b")
listings = st.builds(
    a_listing,
    st.integers(1, 8),
    countries=st.sets(st.sampled_from(["GB", "ID"]), min_size=1).map(frozenset),
    age_bands=st.sets(st.sampled_from(["18-24", "25-34"])).map(frozenset),
    genders=st.sets(st.sampled_from(["female", "male"])).map(frozenset),
    interests=st.sets(st.sampled_from(["music", "cars"])).map(frozenset),
    owner_ids=st.sampled_from(OWNERS),
)


@given(steps=st.lists(st.one_of(listings, st.integers(1, 8)), max_size=20))
def test_changes_lead_to_the_same_index_as_building_it_anew(steps):
    index, plain = Index(), {}
    for step in steps:
        if isinstance(step, int):
            index = index.changed(drop=[hex_of(step)])
            plain.pop(step, None)
        else:
            index = index.changed(put=[step])
            plain[int(step.order, 16)] = step
    fresh = Index().changed(put=plain.values())
    for viewer in (WOMAN, WOMAN._replace(country="ID"), WOMAN._replace(gender="male", interests=("cars",))):
        assert matching(index, viewer) == matching(fresh, viewer)
    assert {key for key, rows in index.bitmaps.items() if rows} == set(fresh.bitmaps)


paces = st.builds(
    Pace,
    st.sampled_from([0.0, 5e-5, 1e-4, 2e-4]),
    st.sampled_from([2500.0, 5000.0]),
    st.lists(st.tuples(st.floats(1, 500), st.floats(1, 500)), min_size=3, max_size=3).map(tuple),
)


@given(steps=st.lists(st.one_of(listings, st.integers(1, 8), st.tuples(st.integers(1, 8), paces)), max_size=20))
def test_what_is_known_of_an_order_by_deltas_is_what_is_known_of_it_anew(steps):
    index, plain, last = Index(), {}, {}
    for step in steps:
        if isinstance(step, int):
            index = index.changed(drop=[hex_of(step)])
            plain.pop(step, None)
            last.pop(step, None)
        elif isinstance(step, tuple):
            index = index.paced({hex_of(step[0]): step[1]})
            if step[0] in plain:
                last[step[0]] = step[1]
        else:
            index = index.changed(put=[step])
            plain[int(step.order, 16)] = step
    fresh = Index().changed(put=plain.values()).paced({hex_of(number): pace for number, pace in last.items()})
    assert set(index.rows) == set(fresh.rows)
    assert dict(index.bitmaps).keys() == dict(fresh.bitmaps).keys()
    for order in plain:
        assert known(index, hex_of(order), paced=order in last) == known(fresh, hex_of(order), paced=order in last)
    for name in {*OWNERS[0], *OWNERS[1], *(name for number in range(1, 9) for name in names_of(a_listing(number)))}:
        assert orders(index, name) == {one.order for one in plain.values() if name in names_of(one)}


def known(index, order, *, paced):
    row, columns = index.rows[order], index.columns
    names = ["starts_at", "ends_at", "reserve", "value", "max_bid", "account", "shard", "mu"]
    facts = [getattr(columns, name)[row] for name in names + (["impressions"] if paced else [])]
    rates = [columns.alpha[:, row].tolist(), columns.beta[:, row].tolist()] if paced else []
    return index.listings[row], facts, rates


def orders(index, name):
    return {index.listing(row).order for row in index.named(name)}


@given(
    several=st.lists(
        st.tuples(paces, st.integers(0, 2), st.sampled_from([0, 2500, 9000]), st.sampled_from([0.0, 50.0])), max_size=9
    ),
    floors=st.lists(st.sampled_from([0, 2500, 4000]), min_size=1, max_size=4),
    seed=st.integers(0, 99),
)
def test_few_candidates_are_sold_as_many_are(several, floors, seed):
    index = Index().changed(
        put=[
            a_listing(number, account=account, max_bid_micros=most, starts_at=starts_at)
            for number, (_pace, account, most, starts_at) in enumerate(several, 1)
        ]
    )
    index = index.paced({hex_of(number): pace for number, (pace, *_) in enumerate(several, 1)})
    rows, told = sorted(index.rows.values()), {0: 0.5}
    few = auction.hold(index, rows, 0, floors, Draws(np.random.default_rng(seed)), now=5.0, told=told)
    kept = auction.running(index, np.array(rows, np.int64), 5.0)
    rng = np.random.default_rng(seed)
    chances = auction.rates(index, kept, 0, rng, told)
    bids = auction.bid(index, kept, chances)
    bidding = {row: micros for row, micros in zip(few.rows, few.micros, strict=True) if micros}
    both = zip(kept.tolist(), bids.micros.tolist(), strict=True)
    assert bidding == {row: micros for row, micros in both if micros}
    assert few.won == auction.sell(index, bids, floors, rng)


def test_bids_drawn_ahead_are_of_the_distribution_they_are_asked_for():
    draws, rates = Draws(np.random.default_rng(1)), [(30.0, 90.0), (2.0, 398.0), (30.0, 90.0)]
    ahead = [Ahead(rate, gain=1e12, most=10**12, reserve=0) for rate in rates]
    drawn: list[list[int]] = [[], [], []]
    while len(drawn[0]) < 4000:
        draws.fill(ahead)
        for some, one in zip(drawn, ahead, strict=True):
            some += one
            one.clear()
    for (alpha, beta), some in zip(rates, np.array(drawn) / 1e12, strict=True):
        mean = alpha / (alpha + beta)
        spread = np.sqrt(mean * (1 - mean) / (alpha + beta + 1))
        assert abs(some.mean() - mean) < 4 * spread / np.sqrt(len(some))
        assert some.std() == pytest.approx(spread, rel=0.1)
    assert len(np.unique(drawn)) == np.size(drawn)


def test_a_bid_drawn_ahead_stays_within_its_bounds():
    ahead = Ahead((2.0, 2.0), gain=4000.0, most=2500, reserve=2000)
    draws = Draws(np.random.default_rng(1))
    for _ in range(5):
        draws.fill([ahead])
    assert {0, 2500} < set(ahead)
    assert all(bid == 0 or 2000 <= bid <= 2500 for bid in ahead)


def test_a_pace_that_is_told_again_keeps_the_bids_drawn_and_one_that_moved_draws_as_many_at_once():
    young = STEADY._replace(impressions=10.0)
    index, draws = an_index(a_listing(1), a_listing(2), pace=young), Draws(np.random.default_rng(1))
    rows = sorted(index.rows.values())

    def auctions(index, count):
        for _ in range(count):
            auction.hold(index, rows, 0, [0], draws, now=5.0)
        return [one[5] for one in index.columns.standing(rows, 0)]

    wide = [one.width for one in auctions(index, 100)]
    assert min(wide) > Ahead(0.5, gain=1.0, most=1, reserve=0).width
    dearer = young._replace(mu=2e-4)
    moved = index.paced({hex_of(1): young, hex_of(2): dearer})
    left, fresh = moved.columns.standing(rows, 0)[0][5], moved.columns.standing(rows, 0)[1][5]
    assert list(left) == list(index.columns.standing(rows, 0)[0][5])
    assert left
    assert (list(fresh), fresh.gain, fresh.width) == ([], 1 / 2e-4, wide[1])


def test_of_figures_that_are_told_twice_at_once_the_last_ones_stand():
    index = an_index(a_listing(1), a_listing(2))
    row, other = index.rows[hex_of(1)], index.rows[hex_of(2)]
    figures = np.array([(mu, 10.0, *(1.0, 3.0) * 3) for mu in (2e-4, 3e-4)])
    moved = index.repaced([row, row], figures)
    assert (moved.columns.mu[row], moved.columns.mu[other]) == (3e-4, 1e-4)
    assert index.columns.mu[row] == 1e-4


def sold(index, floors, *, seed=1, told=None, now=5.0):
    rng = np.random.default_rng(seed)
    rows = auction.running(index, np.array(index.candidates(WOMAN, "feed").to_array(), np.int64), now)
    bids = auction.bid(index, rows, auction.rates(index, rows, 0, rng, told))
    return auction.sell(index, bids, floors, rng)


def test_a_lone_order_pays_the_reserve():
    [won] = sold(an_index(a_listing()), [0])
    assert (won.price_micros, won.bid_micros) == (2000, 2500)


def test_the_second_bid_and_the_floor_set_the_price():
    two = an_index(a_listing(1), a_listing(2))
    assert sold(two, [0])[0].price_micros == 2500
    one = an_index(a_listing())
    assert sold(one, [2300])[0].price_micros == 2300
    assert sold(one, [2501]) == [None]


def test_one_advertiser_neither_stands_twice_nor_pays_against_itself():
    index = an_index(a_listing(1, account=7), a_listing(2, account=7))
    [first, second] = sold(index, [0, 0])
    assert first.price_micros == 2000
    assert second is None


def test_a_bid_below_the_reserve_is_no_bid():
    assert sold(an_index(a_listing(reserve_micros=2501)), [0]) == [None]


def test_an_orders_own_maximum_bounds_its_bid():
    [won] = sold(an_index(a_listing(max_bid_micros=2100)), [0])
    assert won.bid_micros == 2100
    assert sold(an_index(a_listing(max_bid_micros=1999)), [0]) == [None]


def test_who_has_not_begun_or_is_over_does_not_bid():
    index = an_index(a_listing(starts_at=10.0, ends_at=20.0))
    assert [sold(index, [0], now=now)[0] is not None for now in (9.9, 10.0, 19.9, 20.0)] == [False, True, True, False]


def test_the_platforms_rate_stands_in_place_of_ours():
    index = an_index(a_listing())
    assert sold(index, [0], told={index.rows[hex_of(1)]: 0.5})[0].bid_micros == 5000


def test_equal_bids_take_turns():
    index = an_index(a_listing(1), a_listing(2), a_listing(3))
    assert {sold(index, [0], seed=seed)[0].row for seed in range(40)} == {0, 1, 2}


def test_a_young_orders_rate_is_drawn_and_an_old_ones_is_not():
    young, old = an_index(a_listing(), pace=Pace(1e-4, 10.0, ((5.0, 15.0),) * 3)), an_index(a_listing())
    rows = np.array([0])
    draws = {float(auction.rates(young, rows, 0, np.random.default_rng(seed))[0]) for seed in range(20)}
    assert len(draws) == 20
    assert {float(auction.rates(old, rows, 0, np.random.default_rng(seed))[0]) for seed in range(20)} == {0.25}


@given(
    chances=st.lists(st.floats(0, 1), min_size=1, max_size=12),
    mus=st.lists(st.floats(1e-9, 1e3), min_size=12, max_size=12),
    floors=st.lists(st.integers(0, 10**12), min_size=1, max_size=5),
    accounts=st.lists(st.integers(0, 3), min_size=12, max_size=12),
)
def test_nobody_pays_more_than_the_bid_or_less_than_reserve_and_floor(chances, mus, floors, accounts):
    listings = [a_listing(n + 1, account=accounts[n]) for n in range(len(chances))]
    index = Index().changed(put=listings)
    index = index.paced({one.order: STEADY._replace(mu=mus[n]) for n, one in enumerate(listings)})
    rows = np.arange(len(chances))
    bids = auction.bid(index, rows, np.array(chances))
    answers = auction.sell(index, bids, floors, np.random.default_rng(1))
    shown = []
    for floor, won in zip(floors, answers, strict=True):
        if won is not None:
            assert max(floor, 2000) <= won.price_micros <= won.bid_micros
            shown.append(index.columns.account[won.row])
    assert len(shown) == len(set(shown))


def a_token(**facts):
    return Token(
        **{
            "id": UUID(int=1),
            "order": UUID(int=2),
            "shard": 3,
            "generation": 4,
            "price_micros": 2000,
            "viewer": 5,
            "slot": 6,
            "decided_at": 1_800_000_000,
            "day": 20_833,
            "impression_until": 1_800_000_600,
            "action_until": 1_800_605_400,
            "surface": 0,
            "country": "GB",
            "age_band": 1,
            "gender": 255,
            **facts,
        }
    )


def test_a_token_says_what_was_sealed_and_tells_a_device_nothing():
    keys = keyring.from_settings()
    text = tokens.seal(keys, a_token())
    assert tokens.unseal(keys, text) == a_token()
    assert tokens.seal(keys, a_token()) != text
    assert len(text) < 220


@given(place=st.integers(0, 150), byte=st.characters(codec="ascii"))
def test_a_token_that_was_touched_is_none(place, byte):
    keys = keyring.from_settings()
    text = tokens.seal(keys, a_token())
    touched = text[:place] + byte + text[place + 1 :]
    if touched.rstrip("=") != text:
        with pytest.raises(BadToken):
            tokens.unseal(keys, touched)


@pytest.mark.parametrize("text", ["", ".", "a.b", "x" * 5000, "k1." + "A" * 200, "\x00", "é.é"])
def test_nonsense_is_no_token(text):
    with pytest.raises(BadToken):
        tokens.unseal(keyring.from_settings(), text)


def test_a_seal_of_another_purpose_is_no_token():
    keys = keyring.from_settings()
    with pytest.raises(BadToken):
        tokens.unseal(keys, keys.seal("quotes", tokens.pack(a_token())))


def test_a_token_lives_ten_minutes_and_never_past_a_minute_after_the_end():
    day = 86_400
    assert tokens.lives(now=1000.0, starts_at=0.0, ends_at=float(day)) == (1600, 1600 + 7 * day)
    assert tokens.lives(now=day - 10.0, starts_at=0.0, ends_at=float(day))[0] == day + 60
    assert tokens.lives(now=10.0, starts_at=0.0, ends_at=180.0)[0] == 70


def test_a_level_without_evidence_says_what_the_level_above_says():
    assert rates.below(Rate(30.0, 70.0), Count(0, 0), 200).mean == pytest.approx(0.3)
    assert rates.below(Rate(30.0, 70.0), Count(100_000, 10_000), 200).mean == pytest.approx(0.1, abs=0.001)


def test_children_that_differ_much_are_bound_little_to_their_parent():
    alike = rates.strength(0.3, [Count(1000, 300 + n) for n in range(20)])
    apart = rates.strength(0.3, [Count(1000, 100 if n % 2 else 500) for n in range(20)])
    assert apart < 40 < 1000 < alike


weeks = st.floats(-1e9, 4e9)


@given(start=weeks, first=st.floats(0, 1e6), second=st.floats(0, 1e6), offset=st.integers(-12, 14))
def test_traffic_adds_up_and_is_found_again(start, first, second, offset):
    week = Curve.of(curve.measured(), offset * 3600)
    middle, end = start + first, start + first + second
    whole = week.mass(start, end)
    assert week.mass(start, middle) + week.mass(middle, end) == pytest.approx(whole, abs=1e-4)
    assert 0.0 <= week.share(start, middle, end) <= 1.0
    assert week.when(start, week.mass(start, middle)) == pytest.approx(middle, abs=2.0)


def test_a_week_has_168_mean_hours_and_its_nights_are_quiet():
    week = Curve.of(curve.measured(), 0)
    assert week.mass(0, curve.WEEK_S) == pytest.approx(168)
    night, evening = 4 * 3600, 21 * 3600
    assert week.mass(evening, evening + 3600) > 5 * week.mass(night, night + 3600)


def test_local_time_moves_the_evening():
    jakarta, utc = Curve.of(curve.measured(), 7 * 3600), Curve.of(curve.measured(), 0)
    assert jakarta.hour(0) == (utc.hour(0) + 7) % 168
