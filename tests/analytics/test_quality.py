"""What we say will happen is held against what happens, and told as wide as that demands."""

import random
from datetime import timedelta

import pytest
from django.test import Client

from analytics import calibration, foreseeing
from analytics.models import Foreseen, Prediction, Stretch
from delivery import forecast
from delivery.models import RateNode
from orders.models import EndReason, Order
from payments import ledger
from payments.models import AccountKind, Guard
from promote import ids
from promote.markets.models import Market
from tests.analytics.test_reports import counted
from tests.builders import NOON, a_delivering_order, a_user, an_account, ended, settled

pytestmark = pytest.mark.django_db
HOUR = timedelta(hours=1)


def noted(order, rate, hour=NOON):
    Prediction.objects.create(order=order, hour=hour, surface="feed", rate=rate)


def test_a_rate_is_noted_once_an_hour_before_anything_is_learned_from_it():
    order = a_delivering_order()
    assert calibration.note(now=NOON) == 1
    RateNode.objects.create(key="video_views", alpha=90, beta=10, impressions=100, at=NOON)
    assert calibration.note(now=NOON + timedelta(minutes=5)) == 0
    assert Prediction.objects.get(order=order).rate == pytest.approx(0.25)
    assert calibration.note(now=NOON + HOUR) == 1
    assert Prediction.objects.get(hour=NOON + HOUR).rate == pytest.approx(0.9)


def test_predicted_and_happened_stand_side_by_side_in_tenths_of_the_impressions():
    order = a_delivering_order()
    for hour in range(20):
        at = NOON + hour * HOUR
        noted(order, 0.01 * (hour + 1), at)
        counted(order, at, impressions=1000, view_2s=10 * (hour + 1))
    bins = calibration.report(now=NOON + 30 * HOUR)
    assert [one.decile for one in bins] == list(range(1, 11))
    assert [one.impressions for one in bins] == [2000] * 10
    assert [one.happened for one in bins] == [30 + 40 * tenth for tenth in range(10)]
    assert all(one.ratio == pytest.approx(1) and not one.is_off for one in bins)


def test_a_tenth_that_is_off_is_said_to_be_where_enough_happened():
    order = a_delivering_order()
    for hour, (rate, happened) in enumerate([(0.2, 410), (0.3, 100)]):
        noted(order, rate, NOON + hour * HOUR)
        counted(order, NOON + hour * HOUR, impressions=1000, view_2s=happened)
    assert [one.is_off for one in calibration.report(now=NOON + 5 * HOUR)] == [True, False]


def test_what_is_off_is_told_by_market_and_where_nothing_happened_at_all_too(caplog):
    for country, happened in (("US", 500), ("CA", 0)):
        order = a_delivering_order(account=an_account(country=country))
        noted(order, 0.5)
        counted(order, NOON, impressions=1000, view_2s=happened)
    assert calibration.alert_of_off(now=NOON + 5 * HOUR) == 1
    assert "in CA, tenth" in caplog.text
    assert "500 actions were predicted, 0 happened" in caplog.text
    assert [one.market for one in calibration.report(now=NOON + 5 * HOUR)] == ["CA", "US"]


def test_an_hour_that_is_not_over_is_not_held_against_anything():
    order = a_delivering_order()
    noted(order, 0.5)
    counted(order, NOON, impressions=10, view_2s=5)
    assert calibration.report(now=NOON + timedelta(minutes=30)) == []


def test_an_order_s_estimate_is_noted_when_it_is_placed_and_compared_when_it_is_over():
    order = a_delivering_order()
    assert foreseeing.note(now=NOON + timedelta(minutes=1)) == 1
    assert foreseeing.note(now=NOON + timedelta(minutes=2)) == 0
    a_delivering_order(now=NOON - HOUR)
    assert foreseeing.note(now=NOON + timedelta(minutes=3)) == 0, "too late to be honest"
    counted(order, NOON, impressions=1000, view_2s=300)
    assert foreseeing.compare(now=NOON + HOUR) == 0
    settled(order)
    assert foreseeing.compare(now=NOON + 2 * HOUR) == 1
    row = Foreseen.objects.get()
    assert (row.came, row.counts) == (300, False), "its owner ended it, so that it says nothing of the estimate"


@pytest.mark.parametrize("amendments", [0, 1])
def test_an_order_that_ran_to_its_end_counts_unless_it_became_another_after_its_estimate(amendments):
    order = a_delivering_order()
    foreseeing.note(now=NOON + timedelta(minutes=1))
    Order.objects.filter(id=order.id).update(amendments=amendments)
    settled(ended(order, now=order.ends_at, reason=EndReason.TIME), now=order.ends_at)
    foreseeing.compare(now=order.ends_at + HOUR)
    assert Foreseen.objects.get().counts is (amendments == 0)


def test_what_intervals_are_learned_from_is_the_same_before_and_after_enough_have_finished(monkeypatch):
    """Else those of before, which were wider, would say that those of after may be narrower."""
    noted = []
    for enough in (1, 0):
        monkeypatch.setattr(forecast, "ENOUGH_ORDERS", enough)
        order = a_delivering_order()
        foreseeing.note(now=NOON + timedelta(minutes=1))
        noted.append(Foreseen.objects.get(order=order))
    early, late = noted
    assert (early.raw_low, early.raw_high) == (late.raw_low, late.raw_high)
    assert early.low < early.raw_low < early.raw_high < early.high
    assert (late.low, late.high) == (late.raw_low, late.raw_high)


def finished(orders, account, came):
    """As if so many orders had run to their end: told 100 to 200, and this came."""
    template = a_delivering_order(account=account)
    rows = []
    for number in range(orders):
        order = template if not number else a_copy(template)
        rows.append(
            Foreseen(order=order, unit="view_2s", raw_low=100, raw_high=200, low=100, high=200, level=0.8, at=NOON,
                     came=came(number), counts=True)
        )  # fmt: skip
    Foreseen.objects.bulk_create(rows)
    return rows


def a_copy(order):
    """Another of the same owner, with an escrow of its own that holds nothing."""
    copy = Order.objects.get(id=order.id)
    copy.id, copy.quote_id, copy.key = ids.new(), ids.new(), ids.new().hex
    copy.escrow_id = ledger.open_account(
        kind=AccountKind.ESCROW, guard=Guard.CREDIT, owner=order.account_id, code=f"order:{copy.public_id}"
    )
    copy.status, copy.starts_at, copy.ends_at, copy.revision_seen = "in_review", None, None, None
    Order.objects.bulk_create([copy])
    return copy


def test_intervals_are_stretched_until_four_of_five_more_orders_end_within():
    rng = random.Random(8)
    finished(60, an_account(), lambda _number: int(140 * rng.lognormvariate(0, 0.8)))
    [before] = foreseeing.coverage(now=NOON + HOUR)
    assert before.share < 0.6
    assert foreseeing.learn(now=NOON + HOUR) == 1
    stretch = Stretch.objects.get()
    low, high = 100 * 2.718281828**-stretch.amount, 200 * 2.718281828**stretch.amount
    fresh = [140 * rng.lognormvariate(0, 0.8) for _ in range(4000)]
    assert 0.7 < sum(low <= came <= high for came in fresh) / 4000 < 0.9
    market = Market.objects.get(code="US")
    asked = {"market": market, "objective": "video_views", "budget_coins": 1000, "duration_s": 86_400, "audience": {}}
    raw, told = forecast.estimate(**asked, stretch=0.0, now=NOON), foreseeing.estimate(**asked, now=NOON)
    assert told.low < raw.low < raw.high < told.high


def test_too_few_finished_orders_leave_the_interval_as_it_is():
    finished(29, an_account(), lambda _number: 5)
    assert foreseeing.learn(now=NOON + HOUR) == 0


def test_ops_sees_both_in_the_admin(static_files):
    order = a_delivering_order()
    noted(order, 0.3)
    counted(order, NOON, impressions=1000, view_2s=301)
    finished(3, an_account(), lambda number: 90 + 10 * number)
    client = Client()
    client.force_login(a_user(is_staff=True, is_superuser=True))
    page = client.get("/admin/analytics/prediction/").content.decode()
    rates, coverage = page.split('<section class="desk-card">')[1:]
    assert rates.count('<th scope="row">') == 1
    assert "2 (0.67)" in coverage, "of three, two ended within what they were told"
    for name in ("foreseen", "stretch"):
        assert client.get(f"/admin/analytics/{name}/").status_code == 200
