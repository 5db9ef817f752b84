from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orders import amendments, wishes
from orders.amendments import NotInReview
from orders.models import Order
from promote.accounts.models import Account
from promote.markets.models import Market
from promote.refusals import Invalid
from tests.builders import NOON, a_delivering_order, a_live, an_account, an_order, approved

pytestmark = pytest.mark.django_db
SOON = NOON + timedelta(minutes=1)


def amend(order, **changes):
    return amendments.amend(order_id=order.id, by=None, changes=changes, now=SOON)


def test_in_review_its_owner_changes_audience_link_and_length():
    order = an_order(objective="website_visits", website_url="https://a.example/", call_to_action="shop_now")
    amend(
        order,
        audience={"genders": ["female"]},
        website_url="https://b.example/",
        call_to_action="learn_more",
        duration_s=48 * 3600,
    )
    order.refresh_from_db()
    assert order.audience == {"countries": ["US"], "genders": ["female"]}
    assert (order.website_url, order.call_to_action) == ("https://b.example/", "learn_more")
    assert approved(order, now=SOON).ends_at == SOON + timedelta(hours=48)


def test_what_is_left_out_stays():
    order = an_order(duration_s=7 * 3600)
    amend(order, audience={"interests": ["food"]})
    order.refresh_from_db()
    assert (order.duration_s, order.cost_coins) == (7 * 3600, 1000)


def test_an_amendment_is_history_and_an_empty_one_is_none():
    order = an_order()
    amend(order, audience={"automatic": True})
    assert order.history.count() == 1
    amend(order, duration_s=7 * 3600)
    assert order.history.last().detail == {"changed": ["duration_s"]}


def test_a_longer_order_needs_the_budget_for_it():
    order = an_order(budget_coins=300)
    with pytest.raises(Invalid) as refused:
        amend(order, duration_s=48 * 3600)
    assert [error.field for error in refused.value.errors] == ["budget_coins"]


def test_the_limits_are_those_of_a_new_order():
    order = an_order()
    with pytest.raises(Invalid) as refused:
        amend(order, duration_s=60, audience={"countries": ["ZZ"]}, website_url="https://a.example")
    assert {error.field for error in refused.value.errors} == {"duration_hours", "audience.countries", "website_url"}
    assert Order.objects.get().duration_s == 86_400


def test_once_approved_nothing_can_be_changed():
    with pytest.raises(NotInReview):
        amend(a_delivering_order(), duration_s=7 * 3600)


def test_a_live_on_air_is_not_changed_and_one_not_yet_on_air_is():
    account = an_account(country="GB")
    with pytest.raises(NotInReview):
        amend(an_order(account, a_live(account)), duration_s=7 * 3600)
    scheduled = an_order(account, a_live(account, state="scheduled", starts_at=SOON))
    assert amend(scheduled, duration_s=7 * 3600).duration_s == 7 * 3600


def test_a_live_approved_before_it_is_on_air_is_not_changed_any_more():
    account = an_account(country="GB")
    order = approved(an_order(account, a_live(account, state="scheduled", starts_at=SOON)))
    assert order.status == "scheduled"
    with pytest.raises(NotInReview):
        amend(order, duration_s=7 * 3600)


@given(
    budget_coins=st.integers(300, 300_000), duration_s=st.integers(21_600, 2_592_000), most=st.integers(300, 100_000)
)
def test_the_lengths_of_a_budget_are_those_that_its_limits_allow(budget_coins, duration_s, most):
    market = Market(
        duration_min_s=21_600, duration_max_s=2_592_000, budget_min_per_day_coins=300,
        budget_max_per_day_coins=most, order_max_coins=300_000,
    )  # fmt: skip
    shortest, longest = wishes.lengths_s(budget_coins=budget_coins, market=market)
    least, at_most = wishes.limits_coins(duration_s=duration_s, account=Account(), market=market)
    assert (shortest <= duration_s <= longest) == (least <= budget_coins <= at_most)
