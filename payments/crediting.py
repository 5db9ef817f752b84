"""A paid top-up becomes coins: a lot in the ledger of coins, and entries in the ledger of its currency.

One call to the database (sql/0053_crediting.sql): what is paid for comes in hundreds a second, and a query a row would
cost more than the rows.
"""

from datetime import datetime
from typing import Any

from django.db import connection

from payments import currencies, ledger, lots, repayments
from payments.models import TopUp
from promote import ids


def credit(top_up: TopUp, *, why: str, now: datetime) -> bool:
    """In the caller's transaction: the row is paid as the top-up says, its coins are credited, its owner and the rooms
    above are told. Whether that is new: once per top-up, under its lock.

    Coins: journal `top_up:{id}:credit`. Fiat: `top_up:{id}:fiat`, gross on the gateway's clearing account, against
    what we owe in coins (net) and in tax. Raises JournalKeyReused where the top-up was credited as something else.
    """
    with ledger.named_refusals(), connection.cursor() as cursor:
        cursor.execute(_PAY, _asked(top_up, why=why, now=now))
        is_new, has_repaid = cursor.fetchone()
    if is_new and has_repaid:
        repayments.tell(owner=top_up.account_id, now=now)
    return bool(is_new)


def _asked(top_up: TopUp, *, why: str, now: datetime) -> list[Any]:
    ref, price = top_up.public_id, [top_up.amount_minor, top_up.currency]
    bought = {"account": top_up.account_id, "origin": top_up.method, "coins": top_up.coins, "paid": price}
    sold = {"gateway": top_up.gateway, "paid": price, "tax": top_up.tax_minor}
    return [
        top_up.id, ref, top_up.provider_ref, top_up.payment_ref, *price, top_up.exponent, top_up.finish_at, why, now,
        ids.new(), lots.is_withdrawable(top_up.method), ledger.hash_of(kind="top_up", ref=ref, request=bought),
        currencies.ledger_of(top_up.currency), ledger.hash_of(kind="top_up_fiat", ref=ref, request=sold), ids.new(),
    ]  # fmt: skip


_PAY = """
    SELECT is_new, has_repaid FROM payments_pay_top_up(
        %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s::smallint, %s, %s)
"""
