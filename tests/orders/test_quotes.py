from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from coupons.redemption import OfferNotApplicable
from orders import quotes, wishes
from orders.quotes import QuoteInvalid
from promote.accounts.models import Account
from promote.catalogue.models import Video
from promote.catalogue.targets import TargetNotFound
from promote.eligibility import Caller, NotEligible
from promote.markets.models import Market
from promote.refusals import Invalid
from tests.builders import NOON, a_live, a_quote, a_video, an_account, an_offer, an_order

pytestmark = pytest.mark.django_db


def errors(**wish):
    """The wrong fields of a wish, with their codes."""
    video = wish.pop("target", None) or a_video(wish.pop("account", None) or an_account())
    with pytest.raises(Invalid) as refused:
        a_quote(video.account, video, **wish)
    assert all(str(error.detail) for error in refused.value.errors)
    return {error.field: error.code for error in refused.value.errors}


def test_a_quote_holds_everything_that_was_priced():
    account = an_account()
    video = a_video(account)
    quote = a_quote(
        account,
        video,
        objective="website_visits",
        budget_coins=700,
        duration_s=6 * 3600,
        audience={"countries": ["ID", "US"], "age_bands": ["25-34", "18-24", "18-24"]},
        website_url="https://Shop.example/batik",
        call_to_action="shop_now",
    )
    plan = quotes.read(quote.sealed, account=account)
    assert plan == quote.plan
    assert plan.audience == {"countries": ["ID", "US"], "age_bands": ["18-24", "25-34"]}
    assert plan.website_url == "https://shop.example/batik"
    assert (plan.cost_coins, plan.coupon_coins, plan.pay_coins) == (700, 0, 700)
    assert plan.expires_at == NOON + timedelta(seconds=600)


def test_a_quote_can_be_neither_read_nor_changed_nor_used_by_another():
    account = an_account()
    sealed = a_quote(account, a_video(account)).sealed
    assert "1000" not in sealed
    changed = sealed[:40] + ("A" if sealed[40] != "A" else "B") + sealed[41:]
    for text in (changed, sealed[:-4], "", "x", "k1.", "é"):
        with pytest.raises(QuoteInvalid):
            quotes.read(text, account=account)
    with pytest.raises(QuoteInvalid):
        quotes.read(sealed, account=an_account())


def test_a_coupon_is_taken_off_the_price():
    account = an_account()
    offer = an_offer(account, coins=300)
    plan = a_quote(account, a_video(account), offer_id=offer.id).plan
    assert (plan.cost_coins, plan.coupon_coins, plan.pay_coins) == (1000, 300, 700)
    with pytest.raises(OfferNotApplicable):
        a_quote(account, a_video(account), offer_id=an_offer(an_account()).id)


@pytest.mark.parametrize(
    ("coins", "hours", "code"),
    [
        (299, 6, "too_small"),
        (300, 6, None),
        (300, 24, None),
        (300, 25, "too_small"),
        (313, 25, None),
        (8_999, 720, "too_small"),
        (9_000, 720, None),
        (100_000, 6, None),
        (100_001, 6, "too_large"),
        (100_001, 25, None),
        (200_000, 720, None),
        (200_001, 720, "too_large"),
        (10**18, 24, "too_large"),
        (0, 24, "too_small"),
        (-5, 24, "too_small"),
    ],
)
def test_a_budget_keeps_the_markets_limits_a_day(coins, hours, code):
    if code is None:
        account = an_account()
        assert a_quote(account, a_video(account), budget_coins=coins, duration_s=hours * 3600).plan.cost_coins == coins
    else:
        assert errors(budget_coins=coins, duration_s=hours * 3600) == {"budget_coins": code}


def test_finance_can_raise_the_most_that_one_order_may_cost():
    account = an_account(order_max_coins=500_000)
    assert a_quote(account, a_video(account), budget_coins=500_000, duration_s=720 * 3600).plan.cost_coins == 500_000


@given(least=st.integers(1, 1000), span=st.integers(0, 10**6), seconds=st.integers(1, 60 * 86_400), coins=st.integers())
def test_the_limits_are_exactly_the_rule(least, span, seconds, coins):
    market = Market(budget_min_per_day_coins=least, budget_max_per_day_coins=least + span, order_max_coins=10**12)
    low, high = wishes.limits_coins(duration_s=seconds, account=Account(), market=market)
    by_rule = least * max(86_400, seconds) <= coins * 86_400 <= (least + span) * max(86_400, seconds)
    assert (low <= coins <= high) == by_rule


def test_a_length_keeps_the_markets_limits_which_are_data():
    assert errors(duration_s=6 * 3600 - 36) == {"duration_hours": "too_short"}
    assert errors(duration_s=720 * 3600 + 36, budget_coins=20_000) == {"duration_hours": "too_long"}
    Market.objects.filter(code="US").update(duration_min_s=180)
    account = an_account()
    assert a_quote(account, a_video(account), duration_s=180).plan.duration_s == 180


def test_an_objective_fits_what_is_promoted():
    account = an_account()
    assert errors(objective="live_viewers") == {"objective": "not_possible"}
    assert errors(objective="product_clicks") == {"objective": "not_possible"}
    anchor = a_video(account, anchor={})
    assert a_quote(account, anchor, objective="product_clicks").plan.function == "anchor"
    assert errors(target=anchor, objective="website_visits") == {"objective": "not_possible"}
    live = a_live(an_account(country="GB"))
    assert a_quote(live.account, live).plan.objective == "live_viewers"


def test_a_website_visit_needs_a_page_and_a_call_to_action():
    assert errors(objective="website_visits") == {"website_url": "required", "call_to_action": "required"}
    assert errors(objective="website_visits", website_url="http://a.example", call_to_action="dance") == {
        "website_url": "not_https",
        "call_to_action": "unknown",
    }
    assert errors(website_url="https://shop.example", call_to_action="shop_now") == {
        "website_url": "not_for_objective",
        "call_to_action": "not_for_objective",
    }


@pytest.mark.parametrize(
    ("audience", "wrong"),
    [
        (None, {"audience": "required"}),
        ("everyone", {"audience": "required"}),
        ([], {"audience": "required"}),
        ({}, {"audience": "required"}),
        ({"automatic": False}, {"audience": "required"}),
        ({"automatic": None, "countries": None}, {"audience": "required"}),
        ({"automatic": "yes"}, {"audience.automatic": "invalid"}),
        ({"automatic": 1}, {"audience.automatic": "invalid"}),
        ({"automatic": True, "genders": ["male"]}, {"audience.automatic": "both"}),
        ({"countries": []}, {"audience.countries": "empty"}),
        ({"countries": "US"}, {"audience.countries": "invalid"}),
        ({"countries": [None]}, {"audience.countries": "invalid"}),
        ({"countries": ["US", "ZZ"]}, {"audience.countries": "not_launched"}),
        ({"countries": ["us"]}, {"audience.countries": "not_launched"}),
        ({"age_bands": ["13-17"]}, {"audience.age_bands": "unknown"}),
        ({"genders": ["x"]}, {"audience.genders": "unknown"}),
        ({"interests": ["politics"]}, {"audience.interests": "unknown"}),
        ({"interests": ["food"] * 101}, {"audience.interests": "too_many"}),
        ({"postcodes": ["1"]}, {"audience.postcodes": "unknown"}),
    ],
)
def test_an_audience_is_automatic_or_made_of_known_parts(audience, wrong):
    assert errors(audience=audience) == wrong


def test_parts_without_a_country_mean_the_orders_market():
    account = an_account(country="ID")
    plan = a_quote(account, a_video(account), audience={"interests": ["food"], "genders": None}).plan
    assert plan.audience == {"countries": ["ID"], "interests": ["food"]}


def test_every_wrong_field_is_named_at_once():
    assert errors(objective="fame", budget_coins=1, duration_s=1, audience={}) == {
        "objective": "not_possible",
        "budget_coins": "too_small",
        "duration_hours": "too_short",
        "audience": "required",
    }


def test_what_may_not_be_promoted_gets_no_price_and_every_reason():
    account = an_account(restricted=True)
    video = a_video(account, visibility="private", music_licence="general")
    with pytest.raises(NotEligible) as refused:
        a_quote(account, video, caller=Caller("ios", "20.3"))
    failed = {check["code"] for check in refused.value.extra["checks"] if not check["passed"]}
    assert failed == {"account_standing", "app_version", "visibility", "music"}


def test_anothers_video_does_not_exist_but_one_that_moved_away_says_so():
    account = an_account()
    with pytest.raises(TargetNotFound):
        a_quote(account, a_video(an_account()))
    order = an_order(account)
    Video.objects.filter(id=order.video_id).update(account=an_account(), former_account_ids=[account.id])
    with pytest.raises(NotEligible) as refused:
        a_quote(account, Video.objects.get(id=order.video_id))
    assert [check.code for check in refused.value.eligibility.failed] == ["ownership"]
