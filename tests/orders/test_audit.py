import pytest

from coupons.models import Offer
from orders import audit
from orders.models import Order
from payments.audit import guards, run_check
from tests.builders import (
    a_delivering_order,
    a_video,
    an_account,
    an_offer,
    an_order,
    charged,
    coins_for,
    ended,
    settled,
)

pytestmark = pytest.mark.django_db
CHECKS = (audit.orders, audit.guards, audit.order_histories, audit.escrows, audit.offers)


def a_busy_house():
    account = an_account()
    an_order(account, offer=an_offer(account))
    settled(charged(a_delivering_order(account=account, offer=an_offer(account)), 250_500_001))
    settled(charged(a_delivering_order(account=account, offer=an_offer(account)), 7))
    settled(a_delivering_order(account=account, offer=an_offer(account)))
    ended(an_order(account))
    charged(a_delivering_order(), 123)
    coins_for(account, 1)
    a_video(account)


def found(check):
    return run_check(check).first_wrong


def test_the_audit_finds_nothing_wrong_where_nothing_is():
    a_busy_house()
    findings = [run_check(check) for check in CHECKS]
    assert [finding.first_wrong for finding in findings] == [None] * len(CHECKS)
    assert findings[0].seen == 6


def test_the_audit_walks_in_chunks(monkeypatch):
    monkeypatch.setattr(audit, "CHUNK", 2)
    a_busy_house()
    assert run_check(audit.orders).seen == 6


@pytest.mark.parametrize(
    ("facts", "wrong"),
    [
        ({"spent_coins": 0, "refunded_coins": 1000}, "did not return what it says"),
        ({"charged_micros": 1}, "was not charged what it says"),
    ],
)
def test_an_order_whose_numbers_are_not_the_ledgers_is_named(facts, wrong):
    order = settled(charged(a_delivering_order(), 5_000_000))
    Order.objects.filter(id=order.id).update(**facts)
    assert found(audit.orders) == f"order {order.id} {wrong}"


def test_an_order_whose_history_disagrees_is_named():
    order = a_delivering_order()
    Order.objects.filter(id=order.id).update(status="paused", stopped_at=order.starts_at)
    assert found(audit.order_histories) == f"order {order.id} is paused, its history says delivering"


def test_an_offer_that_is_free_while_an_order_holds_it_is_named():
    account = an_account()
    offer = an_offer(account)
    an_order(account, offer=offer)
    Offer.objects.filter(id=offer.id).update(status="available")
    assert found(audit.offers) == f"offer {offer.id} and its orders disagree"


def test_an_escrow_without_an_order_is_named():
    from payments import escrow
    from tests.builders import NOON

    account = an_account()
    coins_for(account, 5)
    lost = escrow.fund(account=account, pay_micros=1_000_000, coupon=None, ref="lost", now=NOON)
    assert found(audit.escrows) == f"escrow {lost} belongs to no order"


def test_a_trigger_that_stands_in_a_file_and_not_in_the_database_is_named(monkeypatch, tmp_path):
    (tmp_path / "0001_more.sql").write_text("CREATE TRIGGER order_never BEFORE UPDATE ON orders_order FOR EACH ROW")
    monkeypatch.setattr(guards, "_folder", lambda _room: tmp_path)
    assert found(audit.guards) == "order_never of orders_order is missing or switched off"
