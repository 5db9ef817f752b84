"""What was learned and what is told: rates, prices, traffic, forecasts, charges, the diagnosis, and the audit."""

from datetime import timedelta

import pytest
from django.db import connection

from delivery import charges, diagnosis, drain, forecast, funnels, hot, learning, results, traffic
from delivery.drain import Position
from delivery.engine.vocabulary import SURFACES
from delivery.models import HourRollup, MinuteRollup, PoisonEntry, RateNode, Shard, TrafficHour
from delivery.replay import replay
from orders.models import EndReason, Order
from payments.audit.running import run as run_audit
from promote.catalogue.models import Video
from promote.markets.models import Market
from tests.builders import NOON, a_delivering_order, a_live, a_product, a_video, an_account, an_order, ended, settled
from tests.delivery.world import RESERVE, drained, events_of, left, looks, paced, shown, sold, told

pytestmark = pytest.mark.django_db


def market():
    return Market.objects.get(code="US")


def counted(order, *, hour=NOON - timedelta(hours=2), impressions=1000, views=300, micros=2_500_000):
    """What earlier hours came to."""
    HourRollup.objects.create(
        order=order,
        hour=hour,
        dimension="surface",
        value="feed",
        impressions=impressions,
        valid_impressions=impressions,
        charged_micros=micros,
        view_2s=views,
    )
    HourRollup.objects.create(
        order=order,
        hour=hour,
        dimension="all",
        impressions=impressions,
        valid_impressions=impressions,
        charged_micros=micros,
        view_2s=views,
    )


def rate(order, surface="feed"):
    return learning.rates_of([order.id])[order.id][SURFACES.index(surface)]


def test_a_new_orders_rate_is_what_is_known_above_it():
    assert rate(a_delivering_order()).mean == pytest.approx(0.25)


def test_an_orders_own_actions_move_its_rate_and_a_little_that_of_the_others():
    order, other = a_delivering_order(), a_delivering_order()
    counted(order, impressions=20_000, views=10_000)
    learning.learn_rates(now=NOON)
    assert rate(order).mean == pytest.approx(0.5, abs=0.02)
    assert rate(order).impressions == pytest.approx(20_000, rel=0.02)
    assert 0.3 < rate(other).mean < 0.5
    assert rate(other).impressions == 0


def test_the_only_order_of_a_market_counts_once_against_the_prior():
    order = a_delivering_order()
    counted(order, impressions=1300, views=0)
    learning.learn_rates(now=NOON)
    assert rate(order).mean == pytest.approx(0.25 * 200 / 1500, rel=0.02)


def test_old_counts_weigh_half_after_a_week():
    order = a_delivering_order()
    counted(order, hour=NOON - timedelta(days=7), impressions=1000, views=100)
    learning.learn_rates(now=NOON)
    assert rate(order).impressions == pytest.approx(500, rel=0.01)


def test_rates_of_orders_that_are_over_are_forgotten_but_not_what_they_taught():
    order = a_delivering_order()
    counted(order)
    learning.learn_rates(now=NOON)
    assert rate(order).impressions > 900
    ended(order)
    learning.learn_rates(now=NOON + timedelta(seconds=30))
    assert rate(order).impressions == 0
    assert RateNode.objects.get(key="video_views/US").impressions > 900


def test_a_repeat_starts_from_what_was_learned_of_its_video_and_audience_while_it_is_still_in_review():
    young = {"age_bands": ["18-24"], "countries": ["US"]}
    first = a_delivering_order(audience=young)
    counted(first, impressions=20_000, views=10_000)
    ended(first)
    again = an_order(first.account, first.video, audience=young)
    learning.learn_rates(now=NOON)
    assert rate(again).mean == pytest.approx(0.5, abs=0.02)
    assert rate(again).impressions == pytest.approx(20_000, rel=0.02)
    assert rate(again, "shop").impressions == 0


def test_a_repeat_is_the_same_whichever_way_its_audience_says_the_whole_market():
    first = a_delivering_order(audience={"automatic": True})
    counted(first, impressions=20_000, views=10_000)
    again = a_delivering_order(account=first.account, target=first.video, audience={"countries": ["US"]})
    learning.learn_rates(now=NOON)
    assert rate(again) == rate(first)


def test_a_live_that_is_still_to_come_knows_its_rate_and_another_live_has_its_own():
    account = an_account(country="GB")
    later, other = (a_live(account, state="scheduled", starts_at=NOON + timedelta(hours=3)) for _ in range(2))
    first, again, another = an_order(account, later), an_order(account, later), an_order(account, other)
    counted(first, impressions=20_000, views=0)
    learning.learn_rates(now=NOON)
    assert again.status == "scheduled"
    assert rate(again).impressions == pytest.approx(20_000, rel=0.02)
    assert rate(another).impressions == 0


def test_what_is_amended_stands_alone_since_others_may_have_seen_it():
    first = a_delivering_order()
    Order.objects.filter(id=first.id).update(amendments=1)
    counted(first, impressions=20_000, views=10_000)
    again = a_delivering_order(account=first.account, target=first.video)
    learning.learn_rates(now=NOON)
    assert rate(first).impressions == pytest.approx(20_000, rel=0.02)
    assert rate(again).impressions == 0


def test_another_product_under_the_same_video_has_a_rate_of_its_own():
    account = an_account()
    video = a_video(account, anchor={})
    first = a_delivering_order(account=account, target=video)
    counted(first, impressions=20_000, views=0)
    Video.objects.filter(id=video.id).update(product=a_product())
    other = a_delivering_order(account=account, target=Video.objects.get(id=video.id))
    learning.learn_rates(now=NOON)
    assert rate(first).impressions == pytest.approx(20_000, rel=0.02)
    assert rate(other).impressions == 0


@pytest.mark.parametrize("other", ["video", "audience"])
def test_another_video_and_another_audience_have_rates_of_their_own(other):
    first = a_delivering_order(audience={"age_bands": ["18-24"]})
    counted(first, impressions=20_000, views=10_000)
    another = an_order(
        first.account,
        a_video(first.account) if other == "video" else first.video,
        audience={"age_bands": ["18-24" if other == "video" else "25-34"]},
    )
    learning.learn_rates(now=NOON)
    assert rate(first).impressions == pytest.approx(20_000, rel=0.02)
    assert rate(another).impressions == 0


def test_what_two_orders_of_the_same_video_and_audience_bring_is_one_rate():
    first = a_delivering_order()
    second = a_delivering_order(account=first.account, target=first.video)
    counted(first, impressions=10_000, views=6_000)
    counted(second, impressions=10_000, views=2_000)
    learning.learn_rates(now=NOON)
    assert rate(first) == rate(second)
    assert rate(first).mean == pytest.approx(0.4, abs=0.02)


def test_prices_are_known_from_charges_and_else_the_reserve():
    assert learning.prices(market=market(), objective="video_views") == learning.Prices(2000.0, 0)
    counted(a_delivering_order(), impressions=1000, micros=3_000_000)
    learning.learn_prices(now=NOON)
    seen = learning.prices(market=market(), objective="video_views")
    assert (seen.mean_micros, seen.known) == (3000.0, True)
    learning.learn_prices(now=NOON + timedelta(days=8))
    assert not learning.prices(market=market(), objective="video_views").known


def test_the_curve_moves_towards_the_hours_that_were_seen():
    before = learning.traffic_curve(market=market(), now=NOON)
    for day in range(1, 22):
        for hour in range(24):
            at = (NOON - timedelta(days=day)).replace(hour=hour)
            slots = 10_000 if hour == 3 else 100
            TrafficHour.objects.create(hour=at, country="US", age_band=1, gender=0, surface=0, slots=slots)
    after = learning.traffic_curve(market=market(), now=NOON)
    three = NOON.replace(hour=3).timestamp()
    assert after.mass(three, three + 3600) > 5 * before.mass(three, three + 3600)


def an_estimate(**asked):
    asked = {
        "objective": "video_views",
        "budget_coins": 1000,
        "duration_s": 86_400,
        "audience": {"automatic": True},
        **asked,
    }
    return forecast.estimate(market=market(), now=NOON, **asked)


def test_an_estimate_is_an_interval_that_grows_with_the_budget():
    small, large = an_estimate(), an_estimate(budget_coins=3000)
    assert small.unit == "view_2s"
    assert small.level == 0.8
    assert 0 < small.low < small.high
    assert small.low < large.low
    assert 2 * small.high < large.high < 4 * small.high
    assert an_estimate() == small


def test_an_estimate_is_bounded_by_the_traffic_that_is_known():
    for hour in range(1, 49):
        at = NOON - timedelta(hours=hour)
        for band in (0, 1):
            TrafficHour.objects.create(hour=at, country="US", age_band=band, gender=0, surface=0, slots=100)
    day, narrow = an_estimate(), an_estimate(audience={"countries": ["US"], "age_bands": ["18-24"]})
    assert day.high <= 24 * 200 * 1.2
    assert narrow.high < 0.7 * day.high


def test_charges_are_listed_with_what_was_not_billed_and_add_up_with_the_rounding():
    order = a_delivering_order()
    paced(order)
    looks(order, 2)
    for number in range(5):
        told(sold(order, price_micros=2000 + number), now=NOON + timedelta(seconds=number))
    told(sold(order), now=NOON + timedelta(seconds=9), visible_ms=10)
    drained(order)
    listed = list(charges.everything(order))
    assert [one.type for one in listed] == ["impression"] * 6
    assert (listed[-1].valid, listed[-1].reason) == (False, "too_brief")
    order = settled(order)
    listed = list(charges.everything(order))
    assert listed[-1].type == "rounding"
    assert sum(one.price_micros for one in listed if one.valid) == order.spent_coins * 1_000_000 == 0
    assert listed[-1].price_micros == -(5 * 2000 + 10)


def test_charges_come_in_pages_without_a_gap():
    order = a_delivering_order()
    paced(order)
    looks(order, 2)
    shown(order, 7)
    drained(order)
    cursor, seen = None, []
    while True:
        page = charges.listing(order, cursor=cursor, limit=3)
        seen += [one.id for one in page.charges]
        cursor = page.next
        if cursor is None:
            break
    assert len(seen) == len(set(seen)) == 7


def minutes(order, **counts):
    """What the edges counted of an order in this minute."""
    client, minute = hot.client(), int(NOON.timestamp() // 60)
    considered = counts.pop("considered", 0)
    client.hincrby(traffic.minute_key(minute), traffic.minute_field(("US", 0, 0, 0)), considered)
    for stage, times in counts.items():
        client.hincrby(hot.funnel_key(order.shard, minute), funnels.stage_fields(order.id.hex)[stage], times)


@pytest.mark.parametrize(
    ("counts", "advice"),
    [
        ({}, ["no_viewers"]),
        ({"considered": 1000, "targeted": 20}, ["narrow"]),
        ({"considered": 1000, "targeted": 900, "outbid": 700}, ["outbid"]),
        ({"considered": 1000, "targeted": 900, "capped": 700}, ["capped"]),
        ({"considered": 1000, "targeted": 900, "paced": 700}, ["paced"]),
        ({"considered": 10, "targeted": 9, "shown": 9}, ["few"]),
        ({"considered": 1000, "targeted": 900, "outbid": 400, "capped": 400}, ["several"]),
    ],
)
def test_a_slow_order_is_told_why(counts, advice):
    order = a_delivering_order(now=NOON - timedelta(hours=2))
    minutes(order, **counts)
    found = diagnosis.of(order, now=NOON)
    assert [code for code, _sentence in found.advice] == advice
    assert found.funnel["targeted"] == counts.get("targeted", 0)
    assert found.planned_micros > 0


def test_who_was_there_before_it_ran_is_no_chance_that_it_missed():
    order = a_delivering_order(now=NOON - timedelta(minutes=2))
    minutes(order, considered=100, targeted=90, shown=90)
    client, before = hot.client(), int(NOON.timestamp() // 60) - 30
    client.hincrby(traffic.minute_key(before), traffic.minute_field(("US", 0, 0, 0)), 10_000)
    found = diagnosis.of(order, now=NOON)
    assert found.funnel["considered"] == 100
    assert [code for code, _ in found.advice] == ["starting"]
    found = diagnosis.of(order, now=NOON + timedelta(minutes=10))
    assert [code for code, _ in found.advice] == ["few"], "it began long enough ago"


def test_time_that_stood_still_was_not_to_be_spent_in():
    order = a_delivering_order(now=NOON - timedelta(hours=2))
    before = diagnosis.of(order, now=NOON).planned_micros
    Order.objects.filter(id=order.id).update(ends_at=order.ends_at + timedelta(hours=2))
    order.refresh_from_db()
    assert diagnosis.of(order, now=NOON).planned_micros == 0 < before


def test_an_order_that_does_not_run_is_told_so():
    order = an_order()
    assert [code for code, _ in diagnosis.of(order, now=NOON).advice] == ["in_review"]


def test_results_add_up_by_hour_and_by_country():
    order = a_delivering_order()
    paced(order)
    shown(order, 4)
    drained(order)
    whole = results.of([order.id])[order.id]
    assert whole.valid_impressions == 4
    assert (
        sum(part.charged_micros for part in results.by_hour(order.id).values()) == whole.charged_micros == 4 * RESERVE
    )
    assert {key: part.impressions for key, part in results.by(order.id, "country").items()} == {"US": 4}


def test_traffic_is_kept_and_a_lost_counter_lowers_nothing():
    client, hour = hot.client(), NOON
    client.hincrby(traffic.key(hour), traffic.field(("US", 1, 0, 0)), 50)
    traffic.keep(client=client, now=NOON + timedelta(minutes=5))
    client.flushdb()
    client.hincrby(traffic.key(hour), traffic.field(("US", 1, 0, 0)), 7)
    traffic.keep(client=client, now=NOON + timedelta(minutes=6))
    assert TrafficHour.objects.get().slots == 50


def test_of_what_went_with_redis_only_what_waited_and_was_not_drained_is_called_lost():
    order = a_delivering_order()
    paced(order)
    shown(order, 3)
    paced(order, now=NOON + timedelta(seconds=1))
    drained(order)
    hot.client().flushdb()
    paced(order, now=NOON + timedelta(seconds=2))
    assert Shard.objects.get(id=order.shard).lost_entries == 0
    drained(order)
    shown(order, 2, now=NOON + timedelta(seconds=3))
    paced(order, now=NOON + timedelta(seconds=4))
    hot.client().flushdb()
    paced(order, now=NOON + timedelta(seconds=5))
    assert Shard.objects.get(id=order.shard).lost_entries == 2


def test_poison_can_be_put_back_once_and_is_then_stored():
    order = a_delivering_order()
    paced(order)
    tokens = shown(order, 1)
    [(id_, fields)] = hot.client().xrange(hot.stream_key(order.shard, 1))
    entry = PoisonEntry.objects.create(
        shard=order.shard, generation=1, stream_id=id_.decode(), fields=PoisonEntry.kept(fields), error="x", at=NOON
    )
    hot.client().delete(hot.stream_key(order.shard, 1))
    assert replay(entry_ids=[entry.id], now=NOON) == 1
    assert replay(entry_ids=[entry.id], now=NOON) == 0
    drained(order)
    assert events_of(order).get().token == tokens[0].id


def test_what_is_put_back_is_under_way_until_it_is_stored_and_then_no_more():
    order = a_delivering_order()
    paced(order)
    shown(order, 1)
    [(id_, fields)] = hot.client().xrange(hot.stream_key(order.shard, 1))
    facts = {"shard": order.shard, "generation": 1, "stream_id": id_.decode()}
    entry = PoisonEntry.objects.create(**facts, fields=PoisonEntry.kept(fields), error="x", at=NOON)
    drain.trim(shard=order.shard, upto=Position(1, id_.decode()))

    def under_way():
        client = hot.client()
        return hot.counters(client, shard=order.shard, generation=1, orders=[order.id])[order.id].under_way

    assert under_way() == 0
    replay(entry_ids=[entry.id], now=NOON)
    assert under_way() == RESERVE
    drained(order)
    assert (under_way(), left(order)) == (0, order.cost_micros - RESERVE)


def test_the_audit_names_an_event_that_nobody_paid_and_a_rollup_that_is_not_its_events():
    order = a_delivering_order()
    paced(order)
    shown(order, 3)
    drained(order)
    assert run_audit().ok
    MinuteRollup.objects.update(impressions=4)
    report = run_audit()
    assert str(order.id) in report.checks["rollups_are_events"].first_wrong
    MinuteRollup.objects.update(impressions=3)
    with connection.cursor() as cursor:
        cursor.execute("UPDATE delivery_event SET price_micros = price_micros + 1 WHERE order_id = %s", [order.id])
    assert str(order.id) in run_audit().checks["charges_are_transfers"].first_wrong


@pytest.mark.parametrize("reason", [EndReason.SUSPENDED, EndReason.USER])
def test_an_order_from_its_first_impression_to_its_refund_leaves_a_clean_audit(reason):
    account = an_account()
    order = a_delivering_order(account=account, target=a_video(account))
    paced(order)
    shown(order, 8)
    drained(order)
    order = settled(ended(order, reason=reason))
    assert (order.status, order.charged_micros) == ("settled", 8 * RESERVE)
    assert Order.objects.get(id=order.id).refunded_coins == order.pay_coins
    assert run_audit().ok
