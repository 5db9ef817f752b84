import json
from io import StringIO

import pytest
from django.core.management import CommandError, call_command

from coupons.models import Campaign, Offer
from orders.models import Order
from tests.builders import a_reviewer, a_user, an_account, an_order

pytestmark = pytest.mark.django_db


@pytest.fixture
def now_is_noon():
    import time_machine

    from tests.builders import NOON

    with time_machine.travel(NOON, tick=False):
        yield


def run(*words):
    out = StringIO()
    call_command(*words, "--json", stdout=out)
    return json.loads(out.getvalue().splitlines()[-1])


def test_an_order_is_approved_from_the_terminal(now_is_noon):
    order, reviewer = an_order(), a_reviewer(username="rita")
    answer = run("review_order", order.public_id, "approve", "--by", "rita")
    assert answer == {"order": order.public_id, "status": "delivering", "refunded_coins": None}
    assert order.reviews.get().decided_by == reviewer


def test_an_order_is_rejected_from_the_terminal_with_place_and_words(now_is_noon):
    order = an_order()
    a_reviewer(username="rita")
    answer = run(
        "review_order", order.public_id, "reject", "--policy", "misleading", "--reason", "Another phone case.",
        "--remedy", "Show your own.", "--place-start-s", "11", "--place-end-s", "16", "--by", "rita",
    )  # fmt: skip
    assert (answer["status"], answer["refunded_coins"]) == ("rejected", 1000)
    verdict = order.reviews.get()
    assert (verdict.reason, verdict.remedy, verdict.place_start_s) == ("Another phone case.", "Show your own.", 11)


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["ord_nope", "approve", "--by", "rita"], "nothing here"),
        (["ORDER", "approve", "--by", "nobody"], "no user nobody"),
        (["ORDER", "approve", "--by", "sam"], "Only reviewers"),
        (["ORDER", "reject", "--by", "rita"], "policy: Choose one of: misleading"),
        (["ORDER", "reject", "--policy", "ugly", "--by", "rita"], "policy: Choose one of"),
    ],
)
def test_a_verdict_that_can_not_be_given_says_why_and_fails(words, says, now_is_noon):
    order = an_order()
    a_reviewer(username="rita")
    a_user(username="sam")
    with pytest.raises(CommandError, match=says):
        run("review_order", *[order.public_id if word == "ORDER" else word for word in words])
    assert Order.objects.get().status == "in_review"


def test_an_offer_is_granted_from_the_terminal_and_pays():
    account = an_account()
    answer = run("grant_offer", account.external_id, "--coins", "300", "--days", "30")
    offer = Offer.objects.get()
    assert (answer["offer"], answer["coins"], offer.coins, offer.account) == (offer.public_id, 300, 300, account)
    assert (offer.expires_at - offer.granted_at).days == 30
    assert an_order(account, offer=offer, now=offer.granted_at).coupon_coins == 300


def test_vouchers_of_one_size_share_a_campaign():
    account = an_account()
    for coins in ("300", "300", "500"):
        run("grant_offer", account.external_id, "--coins", coins)
    assert Campaign.objects.count() == 2
    assert Offer.objects.filter(expires_at=None).count() == 3


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["nobody", "--coins", "5"], "no account nobody"),
        (["ACCOUNT", "--coins", "0"], "whole number"),
        (["ACCOUNT", "--coins", "5", "--days", "0"], "whole number"),
    ],
)
def test_an_offer_that_makes_no_sense_is_refused(words, says):
    account = an_account()
    with pytest.raises(CommandError, match=says):
        run("grant_offer", *[account.external_id if word == "ACCOUNT" else word for word in words])
    assert not Offer.objects.exists()


def test_in_production_offers_are_not_granted_from_the_terminal(settings):
    settings.PROMOTE_ENV = "production"
    with pytest.raises(CommandError, match="development only"):
        run("grant_offer", an_account().external_id, "--coins", "5")
