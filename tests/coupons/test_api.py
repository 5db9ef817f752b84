import pytest

from coupons import offers
from tests.api.callers import an_app, problem, wrong_fields
from tests.builders import NOON, a_campaign, an_account, an_offer, an_order

pytestmark = pytest.mark.django_db


def redeem(account, body, key="k"):
    return an_app(account).post("/offers/redeem", body, **{"Idempotency-Key": key})


def test_a_code_becomes_an_offer_that_is_listed():
    account = an_account()
    a_campaign(code="SPRING", coins=300)
    answer = redeem(account, {"code": "spring"})
    assert answer.status_code == 201
    offer = answer.json()
    assert offer == {
        "id": offers.Offer.objects.get().public_id,
        "kind": "voucher",
        "coins": 300,
        "percent": None,
        "cap_coins": None,
        "min_cost_coins": 301,
        "text": "300 coins off",
        "status": "available",
        "expires_at": None,
    }
    assert an_app(account).get("/offers").json() == {"results": [offer], "next": None}


def test_the_same_request_again_gives_the_same_offer_and_another_says_it_was_redeemed():
    account = an_account()
    a_campaign(code="SPRING")
    first, again = (redeem(account, {"code": "SPRING"}) for _ in range(2))
    assert first.json() == again.json()
    refused = problem(redeem(account, {"code": "SPRING"}, key="other"))
    assert (refused["status"], refused["code"], refused["reason"]) == (409, "offer_not_applicable", "already_redeemed")


def test_a_code_that_is_unknown_is_refused_with_its_reason():
    refused = problem(redeem(an_account(), {"code": "NOPE"}))
    assert (refused["code"], refused["reason"]) == ("offer_not_applicable", "unknown")


@pytest.mark.parametrize("body", [{}, {"code": None}, {"code": 5}, {"code": ""}, {"code": "x" * 101}])
def test_a_code_is_a_short_text(body):
    assert set(wrong_fields(redeem(an_account(), body))) == {"code"}


def test_a_discount_and_an_offer_in_use_are_told_as_they_are():
    account = an_account()
    an_offer(account, kind="discount", percent=10, cap_coins=50, min_cost_coins=400)
    an_order(account, offer=an_offer(account, now=NOON.replace(hour=13)), now=NOON.replace(hour=13))
    used, discount = an_app(account).get("/offers").json()["results"]
    assert (used["status"], used["coins"]) == ("in_use", 200)
    assert (discount["percent"], discount["cap_coins"], discount["min_cost_coins"]) == (10, 50, 400)
    assert discount["text"] == "10% off, up to 50 coins"


def test_offers_come_in_pages_and_only_ones_own():
    account = an_account()
    for minute in range(3):
        an_offer(account, now=NOON.replace(minute=minute))
    an_offer(an_account())
    first = an_app(account).get("/offers?limit=2").json()
    rest = an_app(account).get(f"/offers?limit=2&cursor={first['next']}").json()
    assert (len(first["results"]), len(rest["results"]), rest["next"]) == (2, 1, None)
