"""The launch facts stand in rows, as the business states them."""

import pytest

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
