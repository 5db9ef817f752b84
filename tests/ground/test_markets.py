"""The launch facts stand in rows, as the business states them."""

import pytest
from django.core.exceptions import ValidationError
from django.db import IntegrityError

from promote.accounts.models import Account
from promote.catalogue.models import LiveRoom
from promote.entrances import to_central, to_live
from promote.markets.models import CoinPack, Market, PaymentMethod, Term

pytestmark = pytest.mark.django_db


def methods(code):
    return list(PaymentMethod.objects.filter(market=code).values_list("code", flat=True))


def test_twenty_markets_have_videos_and_three_have_anchors():
    launched = {
        function: {m.code for m in Market.objects.all() if function in m.functions} for function in ("video", "anchor")
    }
    assert len(launched["video"]) == 20
    assert launched["anchor"] == {"ID", "GB", "US"}


def test_every_purchase_in_great_britain_is_in_app():
    assert methods("GB") == ["apple", "google"]
    assert all(PaymentMethod.objects.filter(market="GB").values_list("in_app", flat=True))


def test_other_markets_have_the_stores_until_ops_adds_a_method():
    assert methods("JP") == methods("DE") == ["apple", "google"]
    assert methods("AU") == ["apple", "card", "paypal", "paypal_reference"]


def test_ios_buys_in_app_only():
    assert not [m for m in PaymentMethod.objects.filter(in_app=False) if "ios" in m.surfaces]


def test_a_hundred_coins_cost_99_cents_and_packs_are_their_share_of_it():
    packs = dict(CoinPack.objects.filter(market="US", surface="web").values_list("coins", "price_minor"))
    assert packs[100] == 99
    assert packs[20000] == 19800


def test_the_smallest_impression_price_is_above_zero_everywhere():
    for market in Market.objects.all():
        assert min(market.reserve_micros.values()) > 0


def test_each_policy_code_says_what_would_mend_it():
    assert not Term.objects.filter(kind="policy", remedy="").exists()


def test_each_type_of_account_finds_its_own_door():
    assert [e.surface for e in to_central(Account(type="business"))] == ["business_suite", "your_offers"]
    assert to_central(Account(type="creator"))[0].path[-2:] == ("promote", "central")
    assert [e.surface for e in to_live(LiveRoom(state="scheduled"))] == ["go_live_panel"]
    assert [e.surface for e in to_live(LiveRoom(state="on_air"))] == ["more_page"]
    assert to_live(LiveRoom(state="ended")) == []


@pytest.mark.parametrize(
    ("name", "value", "told"),
    [
        ("time_zone", "Mars/Olympus", "no time zone"),
        ("currency", "XYZ", "no currency"),
        ("exponent", 3, "2 decimals by ISO 4217"),
        ("withdrawal_surfaces", "web", "Write a list"),
        ("withdrawal_surfaces", ["web", "fridge"], "Write a list"),
    ],
)
def test_a_market_refuses_what_it_could_not_go_on_with(name, value, told):
    market = Market.objects.get(code="ID")
    setattr(market, name, value)
    with pytest.raises(ValidationError, match=told):
        market.full_clean()


@pytest.mark.parametrize(
    ("name", "value", "told"),
    [
        ("surfaces", 5, "Write a list"),
        ("surfaces", "web", "Write a list"),
        ("surfaces", ["web", "web"], "Write a list"),
        ("surfaces", [["web"]], "Write a list"),
        ("surfaces", ["web"], "ios or android alone"),
        ("gateway", "strpie", "No payment provider"),
        ("refund_url", "javascript:alert(1)", "valid URL"),
        ("max_minor", 5, "least_within_most"),
    ],
)
def test_a_method_of_a_market_refuses_what_nobody_could_pay_by(name, value, told):
    method = PaymentMethod.objects.get(market="ID", code="apple")
    method.min_minor = 10
    setattr(method, name, value)
    with pytest.raises(ValidationError, match=told):
        method.full_clean()


def test_the_database_keeps_the_least_of_a_method_within_the_most():
    with pytest.raises(IntegrityError, match="payment_method_least_within_most"):
        PaymentMethod.objects.filter(market="ID", code="card").update(min_minor=10, max_minor=9)


def test_what_the_launch_facts_brought_is_taken_as_it_stands():
    for row in [*Market.objects.all(), *PaymentMethod.objects.all()]:
        row.full_clean()
