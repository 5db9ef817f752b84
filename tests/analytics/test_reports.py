"""What an order came to, whole and in parts."""

from datetime import datetime, timedelta

import pytest

from analytics import reports
from delivery.models import HourRollup
from promote.markets.models import Market
from tests.api.callers import an_app, wrong_fields
from tests.builders import NOON, a_delivering_order, an_account

pytestmark = pytest.mark.django_db


def counted(order, hour: datetime, *, impressions, charged_micros=0, view_2s=0, **values):
    """An hour's figures, as delivery's drain keeps them; `values` by dimension, all of the hour under the one named."""
    counts = {"impressions": impressions, "valid_impressions": impressions, "charged_micros": charged_micros}
    for dimension, value in {
        "all": "",
        "country": "US",
        "age": "18-24",
        "gender": "",
        "surface": "feed",
        **values,
    }.items():
        HourRollup.objects.create(order=order, hour=hour, dimension=dimension, value=value, view_2s=view_2s, **counts)


def test_an_order_that_nobody_saw_has_zeros_and_no_cost():
    order = a_delivering_order()
    assert reports.results(order) == reports.Result("view_2s", 0, None)
    assert all(reports.by(order, breakdown) == [] for breakdown in reports.BY)


def test_the_cost_of_a_result_is_what_was_charged_for_each_rounded_up():
    order = a_delivering_order()
    counted(order, NOON, impressions=10, charged_micros=20_000, view_2s=3)
    assert reports.results(order) == reports.Result("view_2s", 3, 6_667)


def test_orders_of_a_list_are_told_apart():
    one, other = a_delivering_order(), a_delivering_order()
    counted(one, NOON, impressions=5, view_2s=2)
    counted(other, NOON, impressions=7, view_2s=4)
    found = reports.results_of([one, other])
    assert (found[one.id].count, found[other.id].count) == (2, 4)


@pytest.mark.parametrize("breakdown", list(reports.BY))
def test_every_breakdown_adds_up_to_the_whole(breakdown):
    order = a_delivering_order()
    counted(order, NOON, impressions=5, charged_micros=100, view_2s=2, country="US", age="18-24")
    counted(order, NOON + timedelta(hours=30), impressions=7, charged_micros=50, view_2s=1, country="CA", age="55+")
    parts, whole = reports.by(order, breakdown), reports.figures(order)
    assert sum(part.figures.impressions for part in parts) == whole.impressions == 12
    assert sum(part.figures.charged_micros for part in parts) == whole.charged_micros == 150
    assert sum(part.figures.actions["view_2s"] for part in parts) == whole.actions["view_2s"] == 3


def test_an_hour_in_which_nothing_happened_is_there_too():
    order = a_delivering_order()
    counted(order, NOON, impressions=5)
    counted(order, NOON + timedelta(hours=3), impressions=1)
    found = [(part.key, part.figures.impressions) for part in reports.by(order, "hour")]
    assert found == [
        ("2026-11-24T12:00:00Z", 5),
        ("2026-11-24T13:00:00Z", 0),
        ("2026-11-24T14:00:00Z", 0),
        ("2026-11-24T15:00:00Z", 1),
    ]


def test_days_are_those_of_the_market():
    order = a_delivering_order(account=an_account(country="ID"))
    assert Market.objects.get(code="ID").time_zone == "Asia/Jakarta"
    counted(order, NOON + timedelta(hours=4), impressions=1)  # 23:00 in Jakarta
    counted(order, NOON + timedelta(hours=5), impressions=2)  # midnight
    found = [(part.key, part.figures.impressions) for part in reports.by(order, "day")]
    assert found == [("2026-11-24", 1), ("2026-11-25", 2)]


def test_values_come_with_the_most_seen_first():
    order = a_delivering_order()
    counted(order, NOON, impressions=1, age="18-24")
    counted(order, NOON + timedelta(hours=1), impressions=9, age="55+")
    assert [part.key for part in reports.by(order, "age")] == ["55+", "18-24"]


def test_a_report_has_figures_and_a_breakdown():
    order = a_delivering_order()
    counted(order, NOON, impressions=4, charged_micros=9_000, view_2s=3)
    found = an_app(order.account).get(f"/orders/{order.public_id}/report?by=surface").json()
    assert found["results"] == {"unit": "view_2s", "count": 3, "cost_per": 3_000}
    assert found["figures"]["impressions"] == 4
    assert [(part["key"], part["charged_micros"]) for part in found["breakdown"]] == [("feed", 9_000)]
    assert an_app(order.account).get(f"/orders/{order.public_id}/report").json()["by"] == "hour"


@pytest.mark.parametrize("by", ["week", "all", "hour&by=week"])
def test_another_breakdown_is_named_as_wrong(by):
    order = a_delivering_order()
    assert wrong_fields(an_app(order.account).get(f"/orders/{order.public_id}/report?by={by}")) == {
        "by": "invalid_choice"
    }
