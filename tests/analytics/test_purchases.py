"""Purchases that the platform tells of: each once, put down to the promotion that led to it, with their refunds."""

import hashlib
from datetime import timedelta

import pytest
import time_machine
from django.db import IntegrityError, transaction

from analytics.models import Purchase
from delivery import ownership
from delivery.engine.tokens import pseudonym
from promote.keys import keyring
from tests.api.callers import a_platform, an_app, problem, wrong_fields
from tests.builders import NOON, a_delivering_order, a_video, an_account
from tests.delivery.world import drained, paced, sold, told

pytestmark = pytest.mark.django_db

BUYER = "viewer-77"


def clicked(*, viewer: str = BUYER, at=NOON, product: str = "teapot", **facts):
    """An order for a product, to which a viewer came by a click."""
    account = an_account()
    order = a_delivering_order(
        account=account,
        target=a_video(account, anchor={"external_id": product}),
        objective="product_clicks",
        now=at - timedelta(hours=1),
        duration_s=10 * 86_400,
        budget_coins=3000,
    )
    paced(order, now=at)
    secret = keyring.from_settings().all(ownership.PURPOSE)[0].secret
    token = sold(order, now=at, viewer=pseudonym(secret, viewer))
    told(token, now=at)
    told(token, "product_click", now=at + timedelta(seconds=5), **facts)
    drained(order, now=at + timedelta(seconds=6))
    return order


def body(**facts):
    return {
        "order_reference": "shop-1", "viewer": BUYER, "product_id": "teapot", "quantity": 2, "amount_minor": 5_000,
        "currency": "USD", "at": (NOON + timedelta(hours=3)).isoformat(), **facts,
    }  # fmt: skip


def tell(**facts):
    key = hashlib.sha256(repr(facts).encode()).hexdigest()
    return a_platform("purchases").post("/platform/purchases", body(**facts), Idempotency_Key=key)


@pytest.fixture(autouse=True)
def that_evening():
    with time_machine.travel(NOON + timedelta(hours=4), tick=False):
        yield


def bought_through(order):
    return an_app(order.account).get(f"/orders/{order.public_id}/report").json()["purchases"]


def test_a_purchase_counts_for_the_order_whose_product_the_buyer_clicked():
    order = clicked()
    answer = tell()
    assert answer.status_code == 201
    assert answer.json()["order"] == order.public_id
    assert bought_through(order) == {
        "count": 1,
        "quantity": 2,
        "amounts": [{"amount_minor": 5_000, "currency": "USD"}],
    }


@pytest.mark.parametrize(
    "otherwise",
    [
        {"viewer": "somebody-else"},
        {"product_id": "kettle"},
        {"at": (NOON - timedelta(minutes=1)).isoformat()},
        {"at": (NOON + timedelta(days=7, minutes=1)).isoformat()},
    ],
)
def test_a_purchase_by_another_of_another_product_before_or_long_after_the_click_counts_for_none(otherwise):
    order = clicked()
    answer = tell(**otherwise)
    assert answer.status_code == 201
    assert answer.json()["order"] is None
    assert bought_through(order)["count"] == 0


def test_a_click_that_is_not_valid_leads_to_nothing():
    clicked(agent="Googlebot/2.1 (+http://www.google.com/bot.html)")
    assert tell().json()["order"] is None


def test_a_reference_counts_once_a_product_whatever_its_key():
    order = clicked()
    first, again = tell(), a_platform("purchases").post("/platform/purchases", body(), Idempotency_Key="another")
    assert again.json() == first.json()
    assert tell(amount_minor=4_000).status_code == 422
    assert problem(tell(quantity=1))["code"] == "idempotency_key_reused"
    tell(product_id="kettle")
    assert bought_through(order)["quantity"] == 2
    assert Purchase.objects.count() == 2


def test_a_refund_is_taken_off_and_never_more_than_was_bought():
    order = clicked()
    tell()
    back = tell(order_reference="shop-1-r1", refund_of="shop-1", quantity=1, amount_minor=2_500)
    assert (back.json()["refund_of"], back.json()["order"]) == ("shop-1", order.public_id)
    assert bought_through(order)["amounts"] == [{"amount_minor": 2_500, "currency": "USD"}]
    too_much = tell(order_reference="shop-1-r2", refund_of="shop-1", quantity=2, amount_minor=2_501)
    assert wrong_fields(too_much) == {"quantity": "too_large", "amount_minor": "too_large"}
    tell(order_reference="shop-1-r3", refund_of="shop-1", quantity=1, amount_minor=2_500)
    assert bought_through(order) == {"count": 0, "quantity": 0, "amounts": [{"amount_minor": 0, "currency": "USD"}]}


def test_the_database_refuses_a_refund_above_the_purchase():
    tell()
    with pytest.raises(IntegrityError, match="purchase_refunded_within"), transaction.atomic():
        Purchase.objects.update(refunded_minor=5_001)


def test_a_refund_needs_its_purchase_in_its_currency():
    assert wrong_fields(tell(refund_of="shop-0")) == {"refund_of": "not_found"}
    tell()
    wrong = tell(order_reference="shop-1-r", refund_of="shop-1", currency="EUR")
    assert wrong_fields(wrong) == {"currency": "differs"}


@pytest.mark.parametrize(
    ("field", "value"),
    [("quantity", 0), ("quantity", True), ("amount_minor", -1), ("amount_minor", 1.5), ("currency", "usd"),
     ("at", "now"), ("viewer", ""), ("order_reference", "a b"), ("product_id", None)],
)  # fmt: skip
def test_a_wrong_field_is_named_and_nothing_is_kept(field, value):
    assert field in wrong_fields(tell(**{field: value}))
    assert not Purchase.objects.exists()


def test_a_purchase_needs_the_scope_and_a_key():
    assert a_platform("delivery").post("/platform/purchases", body(), Idempotency_Key="k").status_code == 403
    assert problem(a_platform("purchases").post("/platform/purchases", body()))["code"] == "idempotency_key_missing"
