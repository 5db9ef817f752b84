"""What a draft is told to expect: out of who was there of late, at what the live index bids for them."""

import socket
from datetime import timedelta

import numpy as np
import pytest

from analytics import foreseeing
from delivery import competition, forecast, hot, knowledge, rivals
from delivery.edge import sampling
from delivery.engine.index import Pace, Viewer
from delivery.models import TrafficHour
from delivery.rivals import KEPT, Met
from promote.markets.models import Market
from promote.money import MICROS
from tests.builders import NOON, a_delivering_order, charged, settled
from tests.delivery import market as small_market
from tests.delivery.test_engine import WOMAN, a_listing, an_index, hex_of

RESERVE = 2000
FAR = NOON.timestamp() + 30 * 86_400


def bids_for(*listings, viewer=WOMAN, surface="feed", paces=None, now=10.0):
    index = an_index(*listings)
    return sampling.met(index.paced(paces) if paces else index, viewer, surface, 7, now=now).bids


def test_a_viewer_is_worth_what_the_orders_that_fit_them_bid():
    women = a_listing(1, genders=frozenset({"female"}))
    assert bids_for(women) == ((2500, 1e9),)
    assert bids_for(women, viewer=WOMAN._replace(gender="male")) == ()
    assert bids_for(women, surface="shop") == ()
    assert bids_for(women, now=1e9) == (), "it is over"
    assert bids_for(women, paces={hex_of(1): Pace(1.0, 5000.0, ((1000.0, 3000.0),) * 3)}) == (), "below the reserve"


def test_behind_the_highest_bid_stands_who_runs_longer():
    mu = {hex_of(number): Pace(pace, 5000.0, ((1000.0, 3000.0),) * 3)
          for number, pace in enumerate((5e-5, 6e-5, 1e-4), 1)}  # fmt: skip
    listings = a_listing(1, ends_at=100.0), a_listing(2, ends_at=90.0), a_listing(3, ends_at=200.0)
    slot = Met("25-34", "female", (), "feed", 2100, bids_for(*listings, paces=mu))
    assert slot.bids == ((5000, 100.0), (2500, 200.0))
    assert rivals.prices([slot], (50.0, 150.0, 250.0)).tolist() == [[5000, 2500, 2100]]


def test_nobody_s_name_goes_along():
    owner = Viewer("owner-1", "GB", "25-34", "female", ())
    assert bids_for(a_listing(1), viewer=owner) == ((2500, 1e9),), "as for anybody like them"


def there(*, slots=300, price=RESERVE, until=FAR, interests=(), gender="female", country="US"):
    """So many such slots were asked for of late, for which that is bid."""
    met = [Met("25-34", gender, interests, "feed", 0, ((price, until),) if price else ()) for _ in range(slots)]
    for command in rivals.tell(country, met):
        hot.client().execute_command(*command)


def a_history(slots=2_000_000):
    TrafficHour.objects.bulk_create(
        TrafficHour(hour=NOON - timedelta(hours=hour), country="US", age_band=1, gender=gender, surface=0, slots=slots)
        for hour in range(1, 49)
        for gender in (0, 1)
    )


def an_estimate(**asked):
    asked = {"objective": "video_views", "budget_coins": 1000, "duration_s": 86_400, "audience": {}, **asked}
    return forecast.estimate(market=Market.objects.get(code="US"), now=NOON, **asked)


def middle(**asked):
    told = an_estimate(**asked)
    return (told.low * told.high) ** 0.5


@pytest.mark.django_db
def test_the_more_rivals_bid_for_an_audience_the_less_a_budget_brings():
    a_history()
    there(gender="female", slots=150, price=4 * RESERVE)
    there(gender="male", slots=150, price=0)
    women, men = ({"genders": [one]} for one in ("female", "male"))
    assert middle(audience=women) == pytest.approx(middle(audience=men) / 4, rel=0.15)
    assert middle(audience={}) == pytest.approx(middle(audience=men), rel=0.15), "the cheap half is enough for it"
    assert an_estimate() == an_estimate()


@pytest.mark.django_db
def test_a_rival_counts_for_as_long_as_it_runs():
    there(price=4 * RESERVE)
    always = middle()
    hot.client().flushdb()
    there(price=4 * RESERVE, until=NOON.timestamp() + 3600)
    assert middle() > 3 * always
    assert middle(duration_s=3600) == pytest.approx(always, rel=0.1)


@pytest.mark.django_db
def test_only_viewers_with_its_interests_are_a_draft_s():
    a_history(slots=1000)
    there(slots=30, interests=("music",), price=0)
    there(slots=270, interests=("pets",), price=0)
    everybody, some = middle(budget_coins=100_000), middle(budget_coins=100_000, audience={"interests": ["music"]})
    assert some == pytest.approx(everybody / 10, rel=0.4)


@pytest.mark.django_db
@pytest.mark.parametrize("slots", [0, competition.ENOUGH - 1])
def test_where_nobody_was_there_of_late_past_prices_stand_for_rivals(slots):
    before = an_estimate()
    there(slots=slots, price=50 * RESERVE) if slots else None
    assert an_estimate() == before


@pytest.mark.django_db
def test_an_interval_is_narrower_where_orders_have_finished_that_spent_something(monkeypatch):
    monkeypatch.setattr(forecast, "ENOUGH_ORDERS", 1)
    few = an_estimate()
    settled(a_delivering_order(), now=NOON + timedelta(hours=2))
    knowledge.forget()
    assert an_estimate() == few, "it spent nothing"
    settled(charged(a_delivering_order(), 5 * MICROS), now=NOON + timedelta(hours=2))
    knowledge.forget()
    some = an_estimate()
    assert some.high / some.low < few.high / few.low
    assert (few.is_early, some.is_early) == (True, False)


@pytest.mark.django_db
@pytest.mark.parametrize("live", [1, 10])
def test_an_estimate_takes_few_queries_however_many_orders_are_live(live, django_assert_max_num_queries):
    for _ in range(live):
        a_delivering_order()
    a_history()
    there()
    with django_assert_max_num_queries(8):
        foreseeing.estimate(
            market=Market.objects.get(code="US"), objective="video_views", budget_coins=1000, duration_s=86_400,
            audience={}, now=NOON,
        )  # fmt: skip


@pytest.mark.django_db
def test_a_redis_that_is_away_keeps_nobody_waiting_for_an_estimate(settings):
    before = an_estimate()
    there(price=4 * RESERVE)
    assert an_estimate() != before
    with socket.create_server(("127.0.0.1", 0)) as deaf:
        for port in (1, deaf.getsockname()[1]):
            settings.REDIS_URL = f"redis://127.0.0.1:{port}/0"
            assert an_estimate() == before


def test_only_the_latest_viewers_are_kept():
    there(slots=KEPT)
    there(slots=KEPT // 3, price=7)
    kept = rivals.of(["US", "GB"])
    assert len(kept) == KEPT
    assert sum(one.bids[0][0] == 7 for one in kept) == KEPT // 3


def test_intervals_hold_what_orders_get_that_are_paced_through_such_a_market():
    """Prices and what is there of the traffic differ from what was known by as much as they are said to."""
    rng, within, ticks, per_tick, markets = np.random.default_rng(5), 0, 300, 5.0, 40
    for seed in range(markets):
        level, sigma = float(rng.uniform(2000, 6000)), float(rng.uniform(0.2, 0.8))
        budget = int(rng.uniform(100, 700)) * 4000
        met = [Met("25-34", "female", (), "feed", int(level * rng.lognormal(0, sigma)), ()) for _ in range(KEPT)]
        hot.client().flushdb()
        for command in rivals.tell("US", met):
            hot.client().execute_command(*command)
        facts = {"countries": ["US"], "objective": "video_views", "audience": {}, "reserve": RESERVE}
        offers = competition.offers(**facts, hours=[(0.0, 1.0)])
        slots = ticks * per_tick * rng.uniform(0.3, 1.0, 4000)
        low, high = np.quantile(offers.bought(rng, budget_micros=budget, slots=slots, draws=4000), (0.1, 0.9))
        later, some = level * float(rng.lognormal(0, competition.PRICE_SPREAD)), float(rng.uniform(0.3, 1.0))
        run = small_market.run(
            budget=budget, ticks=ticks, per_tick=per_tick * some, score=lambda _rng: 4000.0, seed=seed,
            rival=lambda rng, later=later, sigma=sigma: later * float(rng.lognormal(0, sigma)),
        )  # fmt: skip
        within += low <= run.value / 4000.0 <= high
    assert 0.65 <= within / markets <= 0.95
