from datetime import timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bench import backlog
from orders import lifecycle, settlement
from orders.models import EndReason, Order, Status
from payments import escrow, ledger, wallet
from payments.models import LedgerAccount, Lot
from promote.notifications.models import Notification
from promote.outbox.models import Message
from promote.refusals import WrongState
from tests.builders import (
    NOON,
    a_campaign,
    a_delivering_order,
    a_user,
    an_account,
    an_offer,
    charged,
    coins_for,
    ended,
    settled,
)

pytestmark = pytest.mark.django_db
LATER = NOON + timedelta(hours=1)


def drained(order, *, now=LATER):
    order = ended(order, now=now)
    lifecycle.mark_drained(order_id=order.id, now=now)
    return order


def spoil(order):
    """Makes an order that no settlement can fit: its coupon is not the one that funded it."""
    offer = an_offer(order.account)
    Order.objects.filter(id=order.id).update(offer=offer)
    return order


def unspoil(order):
    Order.objects.filter(id=order.id).update(offer=None)


def test_what_was_not_spent_comes_back_and_the_page_can_say_when_and_how_much():
    account = an_account()
    order = settled(charged(a_delivering_order(account=account), 250_000_000), now=LATER)
    assert (order.status, order.spent_coins, order.refunded_coins) == ("settled", 250, 750)
    assert (order.ended_at, order.refunded_at, order.refund_due_at) == (LATER, LATER, LATER + timedelta(minutes=15))
    balance = wallet.balance(account=account)
    assert (balance.free_coins, balance.held_coins) == (750, 0)
    assert escrow.left(escrow_ids=[order.escrow_id])[order.escrow_id] == 0


def test_a_part_of_a_coin_is_ours_to_give_back():
    order = settled(charged(a_delivering_order(), 250_999_999))
    assert (order.charged_micros, order.spent_coins, order.refunded_coins) == (250_999_999, 250, 750)


def test_the_coupon_is_spent_first():
    account = an_account()
    campaign = a_campaign(funded_coins=200)
    order = a_delivering_order(account=account, offer=an_offer(account, campaign=campaign))
    order = settled(charged(order, 150_000_000))
    assert (order.coupon_spent_micros, order.spent_coins, order.refunded_coins) == (150_000_000, 0, 800)
    assert ledger.balances([campaign.ledger_account_id])[campaign.ledger_account_id] == 50_000_000


def test_a_spent_budget_gives_nothing_back():
    order = settled(charged(a_delivering_order(), 1_000_000_000))
    assert (order.spent_coins, order.refunded_coins) == (1000, 0)


def test_coins_return_to_the_lots_that_paid_the_last_taken_first():
    account = an_account()
    for coins in (300, 300, 400):
        coins_for(account, coins)
    lots = list(Lot.objects.order_by("opened_at", "id"))
    order = a_delivering_order(account=account, budget_coins=1000)  # its builder grants 1,000 more, unused
    settled(charged(order, 350_000_000))
    left = {lot.id: LedgerAccount.objects.get(id=lot.ledger_account_id).balance // 1_000_000 for lot in lots}
    assert [left[lot.id] for lot in lots] == [0, 250, 400]


@settings(
    max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)
@given(
    spends=st.lists(st.integers(1, 150_000_000), max_size=6),
    lots=st.lists(st.integers(1, 400), min_size=1, max_size=4),
    coupon=st.none() | st.integers(1, 900),
)
def test_nothing_is_lost_whatever_was_spent(spends, lots, coupon):
    account = an_account()
    for coins in lots:
        coins_for(account, coins)
    campaign = a_campaign(funded_coins=1_000, coins=coupon) if coupon else None
    offer = an_offer(account, campaign=campaign) if campaign else None
    order = a_delivering_order(account=account, offer=offer)
    before = wallet.balance(account=account).free_coins
    for spend in spends:
        charged(order, min(spend, escrow.left(escrow_ids=[order.escrow_id])[order.escrow_id] or 1))
    spent = 1_000_000_000 - escrow.left(escrow_ids=[order.escrow_id])[order.escrow_id]

    order = settled(order)

    assert order.charged_micros == spent
    assert order.spent_coins + order.refunded_coins == order.pay_coins
    assert order.spent_coins == max(0, spent - order.coupon_micros) // 1_000_000
    assert wallet.balance(account=account).free_coins == before + order.refunded_coins
    assert escrow.left(escrow_ids=[order.escrow_id])[order.escrow_id] == 0
    if campaign:
        rest = ledger.balances([campaign.ledger_account_id])[campaign.ledger_account_id]
        assert rest == 1_000_000_000 - order.coupon_spent_micros


def test_an_order_is_settled_only_once_its_last_event_is_known():
    order = ended(a_delivering_order(), now=LATER)
    assert settlement.settle_due(limit=10, now=LATER) == 0
    lifecycle.mark_drained(order_id=order.id, now=LATER)
    assert settlement.settle_due(limit=10, now=LATER) == 1
    assert settlement.settle_due(limit=10, now=LATER) == 0


def test_the_oldest_promise_is_kept_first():
    second = drained(a_delivering_order(), now=LATER + timedelta(minutes=1))
    first = drained(a_delivering_order(), now=LATER)
    assert settlement.settle_due(limit=1, now=LATER) == 1
    assert Order.objects.get(id=first.id).status == "settled"
    assert Order.objects.get(id=second.id).status == "ending"


def test_one_order_that_can_not_be_settled_is_set_aside_and_the_others_get_their_refunds(caplog):
    good = [drained(a_delivering_order()) for _ in range(6)]
    bad = spoil(drained(a_delivering_order()))
    assert settlement.settle_due(limit=10, now=LATER) == 6
    assert set(Order.objects.filter(status="settled")) == set(good)
    bad.refresh_from_db()
    assert (bad.status, bad.set_aside_at) == ("ending", LATER)
    assert "FundingDiffers" in bad.set_aside_reason
    assert bad.history.last().why == "settlement_failed"
    assert str(bad.id) in caplog.text


def test_a_batch_is_a_dozen_statements_whatever_its_size(django_assert_max_num_queries):
    for _ in range(8):
        account = an_account()
        drained(charged(a_delivering_order(account=account, offer=an_offer(account)), 250_999_999))
    with django_assert_max_num_queries(24):
        assert settlement.settle_due(limit=10, now=LATER) == 8


def test_a_batch_settles_each_order_by_its_own_figures():
    coins = [0, 1, 199, 200, 201, 999, 1000]
    campaign = a_campaign(funded_coins=100_000)
    orders = []
    for spent in coins:
        account = an_account()
        order = a_delivering_order(account=account, offer=an_offer(account, campaign=campaign))
        orders.append(drained(charged(order, spent * 1_000_000) if spent else order))
    assert settlement.settle_due(limit=10, now=LATER) == len(coins)
    found = {order.id: order for order in Order.objects.select_related("offer")}
    for spent, order in zip(coins, (found[order.id] for order in orders), strict=True):
        assert (order.status, order.spent_coins) == ("settled", max(0, spent - 200))
        assert order.coupon_spent_micros == min(200, spent) * 1_000_000
        assert wallet.balance(account=order.account).free_coins == 800 - order.spent_coins
        assert order.offer.status == ("used" if spent else "available")
        assert order.history.last().to_status == "settled"
    assert Notification.objects.filter(kind="order_settled").count() == len(coins)
    assert Message.objects.filter(topic="order_settled").count() == len(coins)


def test_an_order_set_aside_is_settled_once_it_is_mended_and_retried():
    order = spoil(drained(a_delivering_order()))
    settlement.settle_due(limit=10, now=LATER)
    unspoil(order)
    assert settlement.settle_due(limit=10, now=LATER) == 0
    settlement.retry(order_id=order.id, by=a_user(), now=LATER)
    assert settlement.settle_due(limit=10, now=LATER) == 1
    order.refresh_from_db()
    assert (order.status, order.refunded_coins) == ("settled", 1000)
    with pytest.raises(WrongState):
        settlement.retry(order_id=order.id, by=a_user(), now=LATER)


def test_its_owner_is_told_and_so_are_the_rooms_above():
    order = settled(charged(a_delivering_order(), 5_000_000))
    told = Notification.objects.get(kind="order_settled").payload
    assert (told["order"], told["spent"], told["coins"]) == (order.public_id, 5, 995)
    payload = Message.objects.get(topic="order_settled").payload
    assert (payload["order"], payload["account"]) == (str(order.id), str(order.account_id))
    assert (payload["spent_coins"], payload["refunded_coins"], payload["market"]) == (5, 995, "US")


def test_a_called_off_order_that_had_spent_is_refused_by_the_database():
    from django.db import IntegrityError, transaction

    order = charged(a_delivering_order(), 1)
    order = lifecycle.locked(order.id)
    with pytest.raises(IntegrityError), transaction.atomic():
        settlement.call_off(order, to=Status.CANCELLED, reason=EndReason.USER, by=None, now=LATER)


def test_the_backlog_of_the_bench_is_settled_to_the_micro():
    backlog.open_campaigns(LATER)
    backlog.seed(0, 240, ended_at=LATER, say=lambda _text: None)
    assert settlement.settle_due(limit=300, now=LATER) == 240
    assert set(backlog.wrong().values()) == {0}
