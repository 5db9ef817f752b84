"""Orders from their price to their last refund, through the use cases themselves, woven into payments that come and go,
withdrawals and disputes, with workers that die between any two statements: the money is where plain Python says.

The steps are `order_steps.py`, the model is `plain_orders.py`; what payments do by themselves is
`tests/payments/test_money_model.py`.
"""

import os
from typing import Any

import pytest
from django.db import connection, transaction
from hypothesis import HealthCheck, settings
from hypothesis.stateful import invariant, run_state_machine_as_test

from coupons.models import Offer
from orders.models import Order
from payments import wallet
from payments.audit.running import run
from payments.models import Invoice, LedgerAccount, TopUp
from tests.orders.order_steps import OrderSteps
from tests.orders.plain_orders import MICRO
from tests.payments.test_money_model import CHECKS

ORDER_CHECKS = ["order_numbers", "order_histories", "order_escrows", "order_offers"]
EXAMPLES = int(os.environ.get("MODEL_EXAMPLES", "16"))
STEPS = 30


class Orders(OrderSteps):
    """What must hold after every step."""

    @invariant()
    def every_order_says_what_the_model_says(self) -> None:
        rows = {row.id: row for row in Order.objects.all()}
        billed = set(Invoice.objects.filter(kind="invoice").values_list("order_ref", flat=True))
        assert len(rows) == len(self.model.orders)
        for order in self.model.orders:
            row = rows[order.real.id]
            assert (row.status, row.drained_at is not None) == (order.status, order.is_drained)
            assert (row.pay_coins, row.coupon_coins) == (order.paid, order.coupon)
            assert (order.real.public_id in billed) == order.is_billed
            told = row.charged_micros, row.coupon_spent_micros, row.spent_coins, row.refunded_coins
            if not order.is_over:
                assert told == (None, None, None, None)
                continue
            spent = order.of_owner(order.charged)
            assert told == (order.charged, order.of_coupon(order.charged), spent, order.paid - spent)
            assert order.due_at is None or row.refund_due_at == order.due_at

    @invariant()
    def every_coupon_is_where_the_model_says(self) -> None:
        rows = {row.id: row for row in Offer.objects.all()}
        assert len(rows) == len(self.model.offers)
        for offer in self.model.offers:
            row = rows[offer.real.id]
            assert (row.status, row.expires_at) == (offer.status, offer.expires_at)
            holds = [o.real.public_id for o in self.model.orders if o.quote.offer is offer]
            assert (row.order_ref in holds) == (offer.status in ("in_use", "used"))

    @invariant()
    def everything_is_where_the_model_says(self) -> None:
        model = self.model
        expected = {lot.real.ledger_account_id: lot.coins * MICRO for lot in model.lots}
        expected |= {order.asked.escrow_id: order.micros for order in model.orders}
        expected[self.campaign] = model.campaign_micros
        found = LedgerAccount.objects.filter(id__in=expected).values_list("id", "credits", "debits")
        assert {id_: credited - debited for id_, credited, debited in found} == expected
        for owner, account in enumerate(self.accounts):
            balance = wallet.balance(account=account)
            assert balance.debt_coins == model.owed[owner]
            assert balance.free_coins == sum(lot.coins for lot in model.lots if lot.owner == owner)
            assert balance.withdrawing_coins == sum(leg.coins for leg in self.legs_under_way(owner))
            under_way = [one for one in model.orders if one.owner == owner and not one.is_over]
            assert balance.in_orders_coins == sum(one.paid - one.of_owner(one.net) for one in under_way)

    def legs_under_way(self, *owners: int) -> list[Any]:
        ended = ("succeeded", "failed")
        return [leg for leg in self.legs if leg.payment.lot.owner in owners and leg.state not in ended]

    @invariant()
    def money_is_where_the_model_says(self) -> None:
        left = {row.id: row.returnable_minor for row in TopUp.objects.all()}
        assert left == {payment.real.id: payment.left for payment in self.payments}
        payable = sum(leg.amount for leg in self.legs_under_way(0, 1))
        booked = {f"clearing:{gateway}": stands for gateway, stands in self.cleared.items()}
        booked["withdrawals_payable"] = payable
        with connection.cursor() as cursor:
            cursor.execute(
                """SELECT a.code, sum(CASE t.credit_id WHEN a.id THEN t.amount ELSE -t.amount END)
                     FROM payments_ledgeraccount a JOIN payments_transfer t ON a.id IN (t.debit_id, t.credit_id)
                    WHERE a.code = ANY(%s) GROUP BY a.code""",
                [list(booked)],
            )
            assert {code: amount for code, amount in booked.items() if amount} == {
                code: amount for code, amount in cursor.fetchall() if amount
            }

    @invariant()
    def nothing_is_lost(self) -> None:
        """Of each currency, counted from its transfers and from the balances that they left."""
        with connection.cursor() as cursor:
            cursor.execute(
                """SELECT a.ledger, sum(CASE WHEN a.hot THEN moved.micros ELSE a.credits - a.debits END),
                          bool_and(a.hot OR moved.micros = a.credits - a.debits)
                     FROM payments_ledgeraccount a
                     LEFT JOIN LATERAL (
                          SELECT coalesce(sum(CASE t.credit_id WHEN a.id THEN t.amount ELSE -t.amount END), 0) AS micros
                            FROM payments_transfer t WHERE a.id IN (t.debit_id, t.credit_id)) moved ON true
                    GROUP BY a.ledger"""
            )
            assert [row for row in cursor.fetchall() if row[1] or not row[2]] == []

    @invariant()
    def every_currency_adds_up(self) -> None:
        """With the coins above; here what is held of those that are disputed."""
        disputes = LedgerAccount.objects.filter(kind="dispute", closed=False).values_list("credits", "debits")
        held = sum(credited - debited for credited, debited in disputes)
        assert held == sum(one.coins for one in self.gone if one.under_way) * MICRO

    def teardown(self) -> None:
        try:
            found = run(names=[*CHECKS, *ORDER_CHECKS])
            assert found.ok, found.as_dict()
        finally:
            transaction.set_rollback(True)
            self.atomic.__exit__(None, None, None)


@pytest.mark.django_db
def test_any_interleaving_with_orders_ends_as_plain_python_says():
    quick = settings(
        max_examples=EXAMPLES, stateful_step_count=STEPS, deadline=None, suppress_health_check=list(HealthCheck)
    )
    run_state_machine_as_test(Orders, settings=quick)
