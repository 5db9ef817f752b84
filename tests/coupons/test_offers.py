from datetime import timedelta

import pytest
from django.db import IntegrityError, transaction

from coupons import campaigns, offers
from coupons.models import Campaign, Offer
from coupons.redemption import OfferNotApplicable
from promote.notifications.models import Notification
from promote.refusals import WrongState
from tests.builders import NOON, a_campaign, a_user, an_account, an_offer, an_order

pytestmark = pytest.mark.django_db


def refusal(**asked):
    with pytest.raises(OfferNotApplicable) as refused:
        offers.redeem_code(now=NOON, **asked)
    return refused.value.reason


def test_a_code_is_read_in_any_case_and_with_spaces_around_it():
    a_campaign(code="Spring26")
    assert offers.redeem_code(account=an_account(), code=" sPRING26 ", now=NOON).coins == 200


def test_a_code_gives_one_offer_to_each_account():
    a_campaign(code="SPRING")
    first, second = an_account(), an_account()
    offers.redeem_code(account=first, code="SPRING", now=NOON)
    offers.redeem_code(account=second, code="SPRING", now=NOON)
    assert refusal(account=first, code="spring") == "already_redeemed"


@pytest.mark.parametrize("code", ["", "   ", "NOPE", "SPRING' --", "x" * 500])
def test_an_unknown_code_is_unknown(code):
    a_campaign(code="SPRING")
    a_campaign(code="")
    assert refusal(account=an_account(), code=code) == "unknown"


def test_a_code_says_precisely_why_it_gives_nothing():
    account = an_account()
    a_campaign(code="LATER", starts_at=NOON + timedelta(days=1))
    a_campaign(code="OVER", ends_at=NOON)
    a_campaign(code="ELSEWHERE", market_id="ID")
    a_campaign(code="FEW", max_offers=1)
    a_campaign(code="POOR", funded_coins=199)
    offers.redeem_code(account=an_account(), code="FEW", now=NOON)
    assert refusal(account=account, code="LATER") == "not_started"
    assert refusal(account=account, code="OVER") == "expired"
    assert refusal(account=account, code="ELSEWHERE") == "other_market"
    assert refusal(account=account, code="FEW") == "campaign_exhausted"
    assert refusal(account=account, code="POOR") == "campaign_exhausted"


def test_a_campaign_promises_no_more_coins_than_it_has():
    campaign = a_campaign(funded_coins=400)
    an_offer(an_account(), campaign=campaign)
    an_offer(an_account(), campaign=campaign)
    with pytest.raises(OfferNotApplicable):
        an_offer(an_account(), campaign=campaign)


def test_coins_of_an_offer_in_use_are_not_counted_twice():
    account = an_account()
    campaign = a_campaign(funded_coins=400)
    an_order(account, offer=an_offer(account, campaign=campaign))
    assert offers.free_coins(campaign, NOON) == 200
    an_offer(an_account(), campaign=campaign)


def test_coins_of_an_expired_offer_can_be_promised_again():
    campaign = a_campaign(funded_coins=200)
    an_offer(an_account(), campaign=campaign, expires_at=NOON + timedelta(days=1))
    later = NOON + timedelta(days=1)
    an_offer(an_account(), campaign=campaign, now=later)


def test_an_offer_lasts_the_campaigns_days_and_never_past_its_end():
    account = an_account()
    short = a_campaign(offer_days=7)
    ending = a_campaign(offer_days=7, ends_at=NOON + timedelta(days=2))
    assert an_offer(account, campaign=short).expires_at == NOON + timedelta(days=7)
    assert an_offer(account, campaign=ending).expires_at == NOON + timedelta(days=2)


def test_an_offer_keeps_its_terms_when_the_campaign_changes():
    campaign = a_campaign()
    offer = an_offer(an_account(), campaign=campaign)
    Campaign.objects.update(coins=50)
    offer.refresh_from_db()
    assert offer.coins == 200


def test_who_gets_an_offer_is_told_in_their_language():
    account = an_account(language="en")
    an_offer(account)
    told = Notification.objects.get(account=account)
    assert (told.kind, told.payload["offer"]) == ("offer_granted", "200 coins off")


def test_an_unused_offer_can_be_taken_back_and_one_in_use_can_not():
    account, staff = an_account(), a_user()
    used = an_offer(account)
    an_order(account, offer=used)
    unused = an_offer(account)
    offers.revoke(offer_id=unused.id, by=staff, now=NOON)
    assert Offer.objects.get(id=unused.id).status == "revoked"
    with pytest.raises(WrongState):
        offers.revoke(offer_id=used.id, by=staff, now=NOON)


def test_offers_past_their_time_are_marked_and_those_in_use_are_left():
    account = an_account()
    tomorrow = NOON + timedelta(days=1)
    overdue, in_use, open_ended = (an_offer(account, expires_at=at) for at in (tomorrow, tomorrow, None))
    an_order(account, offer=in_use)
    assert offers.expire_due(now=tomorrow) == 1
    assert Offer.objects.get(id=overdue.id).status == "expired"
    assert Offer.objects.get(id=in_use.id).status == "in_use"
    assert Offer.objects.get(id=open_ended.id).status == "available"


def test_funding_a_campaign_twice_under_one_key_moves_the_coins_once():
    campaign = a_campaign(funded_coins=0)
    for _ in range(2):
        campaigns.fund(campaign_id=campaign.id, coins=500, key="k", by=None, now=NOON)
    assert campaigns.balance_micros(campaign) == 500_000_000


@pytest.mark.parametrize(
    "facts",
    [
        {"kind": "voucher", "coins": None},
        {"kind": "voucher", "coins": 10, "percent": 5},
        {"kind": "discount", "percent": 101, "cap_coins": 5},
        {"kind": "discount", "percent": 10, "cap_coins": None},
    ],
)
def test_the_database_refuses_a_coupon_that_is_neither_voucher_nor_discount(facts):
    campaign = a_campaign(funded_coins=0)
    empty = {"coins": None, "percent": None, "cap_coins": None}
    with pytest.raises(IntegrityError), transaction.atomic():
        Campaign.objects.filter(id=campaign.id).update(**{**empty, **facts})


def test_two_campaigns_can_not_share_a_code_in_another_case():
    a_campaign(code="SPRING")
    with pytest.raises(IntegrityError), transaction.atomic():
        a_campaign(code="spring")
