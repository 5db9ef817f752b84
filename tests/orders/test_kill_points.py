"""A worker killed (SIGKILL) before each of the statements of placing and settling leaves nothing half done.

The long form, with an audit after every death and a database that is killed under load: `script/drill kill-points`.
"""

import time
from datetime import timedelta

import pytest

from bench import killing
from orders import lifecycle, placement, settlement
from orders.models import Order
from payments import wallet
from payments.audit import running
from promote.eligibility import BROWSER
from promote.notifications.models import Notification
from promote.outbox.models import Message
from tests.builders import NOON, a_delivering_order, a_quote, a_video, an_account, an_offer, charged, coins_for, ended

pytestmark = pytest.mark.django_db(transaction=True)
LATER = NOON + timedelta(hours=1)
PATIENCE_S = 60


def audit_is_clean():
    report = running.run()
    assert report.ok, {name: finding for name, finding in report.checks.items() if not finding.ok}
    return True


def test_a_placement_killed_at_any_point_takes_nothing_and_the_same_key_places_it_once():
    account = an_account()
    offer = an_offer(account)
    coins_for(account, 1000)
    quote = a_quote(account, a_video(account), offer_id=offer.id).sealed

    def place():
        return placement.place(account=account, quote=quote, key="k", caller=BROWSER, now=NOON)

    deaths = 0
    for deaths in killing.points(place):  # noqa: B007  (the last one is how many there were)
        assert not Order.objects.exists()
        assert wallet.balance(account=account).free_coins == 1000
        offer.refresh_from_db()
        assert offer.status == "available"
    assert deaths > 5
    order = Order.objects.get()
    assert (place().id, wallet.balance(account=account).free_coins) == (order.id, 200)
    assert audit_is_clean()


def test_a_settlement_killed_at_any_point_leaves_its_orders_due_and_the_next_worker_refunds_each_once():
    orders = []
    for spent in (0, 250_999_999):
        account = an_account()
        order = a_delivering_order(account=account, offer=an_offer(account))
        order = ended(charged(order, spent) if spent else order, now=LATER)
        lifecycle.mark_drained(order_id=order.id, now=LATER)
        orders.append(order)

    def settle():
        """A dead worker's session, and so its locks, may outlive it by a moment."""
        until = time.monotonic() + PATIENCE_S
        while not settlement.settle_due(limit=10, now=LATER):
            assert time.monotonic() < until

    deaths = 0
    for deaths in killing.points(settle):  # noqa: B007  (the last one is how many there were)
        assert Order.objects.filter(status="ending", refunded_at=None).count() == len(orders)
        assert not Notification.objects.filter(kind="order_settled").exists()
    assert deaths > 10
    assert [Order.objects.get(id=order.id).refunded_coins for order in orders] == [800, 750]
    assert [wallet.balance(account=order.account).free_coins for order in orders] == [800, 750]
    assert Order.objects.filter(refunded_at__lte=LATER + timedelta(minutes=15)).count() == len(orders)
    assert Message.objects.filter(topic="order_settled").count() == len(orders)
    assert audit_is_clean()
