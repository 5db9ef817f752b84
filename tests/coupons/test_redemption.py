from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from coupons import campaigns, redemption
from coupons.models import Offer, OfferKind
from coupons.redemption import OfferNotApplicable
from tests.builders import NOON, a_campaign, a_delivering_order, an_account, an_offer, an_order, charged, ended, settled

pytestmark = pytest.mark.django_db
NEW_YEAR = NOON.replace(month=12, day=31)


def reason_of(refused: pytest.ExceptionInfo[OfferNotApplicable]) -> str:
    assert refused.value.extra["reason"] == refused.value.reason
    assert refused.value.detail
    return refused.value.reason


def test_a_voucher_takes_its_coins_off():
    offer = an_offer(an_account(), coins=200)
    assert redemption.price(offer=offer, cost_coins=201, now=NOON) == 200


@pytest.mark.parametrize("cost_coins", [1, 199, 200])
def test_an_order_must_cost_strictly_more_than_the_coupon(cost_coins):
    offer = an_offer(an_account(), coins=200)
    with pytest.raises(OfferNotApplicable) as refused:
        redemption.price(offer=offer, cost_coins=cost_coins, now=NOON)
    assert reason_of(refused) == "order_too_small"
    assert "201 coins" in refused.value.detail


def test_a_discount_takes_its_share_off_up_to_its_cap():
    offer = an_offer(an_account(), kind="discount", percent=30, cap_coins=250)
    assert redemption.price(offer=offer, cost_coins=333, now=NOON) == 99
    assert redemption.price(offer=offer, cost_coins=10_000, now=NOON) == 250


def test_a_whole_discount_still_leaves_something_to_pay():
    offer = an_offer(an_account(), kind="discount", percent=100, cap_coins=500)
    with pytest.raises(OfferNotApplicable) as refused:
        redemption.price(offer=offer, cost_coins=500, now=NOON)
    assert reason_of(refused) == "order_too_small"
    assert redemption.price(offer=offer, cost_coins=501, now=NOON) == 500


def test_an_offer_may_ask_for_a_larger_order():
    offer = an_offer(an_account(), coins=200, min_cost_coins=1_000)
    with pytest.raises(OfferNotApplicable) as refused:
        redemption.price(offer=offer, cost_coins=999, now=NOON)
    assert "1,000 coins" in refused.value.detail
    assert redemption.price(offer=offer, cost_coins=1_000, now=NOON) == 200


def test_an_expired_offer_says_so_before_anything_swept_it():
    offer = an_offer(an_account(), expires_at=NEW_YEAR)
    assert redemption.price(offer=offer, cost_coins=500, now=NEW_YEAR - timedelta(seconds=1)) == 200
    with pytest.raises(OfferNotApplicable) as refused:
        redemption.price(offer=offer, cost_coins=500, now=NEW_YEAR)
    assert reason_of(refused) == "expired"


def test_anothers_offer_is_not_yours():
    with pytest.raises(OfferNotApplicable) as refused:
        redemption.own(offer_id=an_offer(an_account()).id, account=an_account())
    assert reason_of(refused) == "not_yours"


def test_an_offer_serves_one_order_at_a_time():
    account = an_account()
    offer = an_offer(account)
    an_order(account, offer=offer)
    with pytest.raises(OfferNotApplicable) as refused:
        an_order(account, offer=offer)
    assert reason_of(refused) == "in_use"


def test_a_spent_coupon_is_used_up_and_its_rest_returns_to_its_campaign():
    account = an_account()
    campaign = a_campaign(funded_coins=1_000)
    order = a_delivering_order(account=account, offer=an_offer(account, campaign=campaign))
    assert campaigns.balance_micros(campaign) == 800_000_000

    settled(charged(order, 1))

    assert Offer.objects.get().status == "used"
    assert campaigns.balance_micros(campaign) == 1_000_000_000 - 1
    with pytest.raises(OfferNotApplicable) as refused:
        an_order(account, offer=Offer.objects.get())
    assert reason_of(refused) == "used"


def test_an_order_that_spent_nothing_gives_the_coupon_back_with_its_old_expiry():
    account = an_account()
    order = a_delivering_order(account=account, offer=an_offer(account, expires_at=NEW_YEAR))

    settled(ended(order))

    offer = Offer.objects.get()
    assert (offer.status, offer.expires_at, offer.order_ref) == ("available", NEW_YEAR, "")
    again = an_order(account, offer=offer)
    assert again.coupon_coins == 200


def test_a_coupon_that_expired_meanwhile_comes_back_expired():
    account = an_account()
    offer = an_offer(account, expires_at=NOON + timedelta(minutes=30))
    settled(ended(a_delivering_order(account=account, offer=offer)))
    assert Offer.objects.get().status == "expired"


def test_every_change_of_an_offer_has_its_line_of_history():
    account = an_account()
    settled(charged(a_delivering_order(account=account, offer=an_offer(account)), 1))
    assert [(row.from_status, row.to_status, row.why) for row in Offer.objects.get().history.all()] == [
        ("", "available", "granted"),
        ("available", "in_use", "redeemed"),
        ("in_use", "used", "spent"),
    ]


@given(percent=st.integers(1, 100), cap_coins=st.integers(1, 10_000), least=st.none() | st.integers(1, 20_000))
def test_the_least_order_that_an_offer_names_is_really_the_least(percent, cap_coins, least):
    offer = Offer(kind=OfferKind.DISCOUNT, percent=percent, cap_coins=cap_coins, min_cost_coins=least)
    smallest = redemption.least_cost_coins(offer)
    assert 1 <= redemption.price(offer=offer, cost_coins=smallest, now=NOON) < smallest
    if smallest > 1:
        with pytest.raises(OfferNotApplicable):
            redemption.price(offer=offer, cost_coins=smallest - 1, now=NOON)
