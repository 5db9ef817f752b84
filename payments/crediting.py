"""A paid top-up becomes coins: a lot in the ledger of coins, and entries in the ledger of its currency."""

from datetime import datetime

from payments import fiat, lots, repayments
from payments.models import Lot, TopUp
from promote import notifications, outbox


def credit(top_up: TopUp, *, now: datetime) -> Lot:
    """In the caller's transaction, under the top-up's lock: opens its lot and posts what was paid. Once per top-up.

    Coins: journal `top_up:{id}:credit`. Fiat: `top_up:{id}:fiat`, gross on the gateway's clearing account, against
    what we owe in coins (net) and in tax. Raises JournalKeyReused where the top-up was credited as something else.
    """
    lot = lots.open_lot(
        account=top_up.account,
        origin=top_up.method,
        coins=top_up.coins,
        key=f"top_up:{top_up.public_id}:credit",
        paid_minor=top_up.amount_minor,
        currency=top_up.currency,
        top_up=top_up.id,
        now=now,
    )
    _post_fiat(top_up, now=now)
    repayments.tell(owner=top_up.account_id, now=now)
    payload = {"top_up": top_up.public_id, "coins": top_up.coins}
    notifications.notify(account=top_up.account, kind="top_up_paid", payload=payload, now=now)
    paid = {"top_up": str(top_up.id), "account": str(top_up.account_id), "coins": top_up.coins}
    outbox.record("top_up_paid", paid, wakes=False)
    return lot


def _post_fiat(top_up: TopUp, *, now: datetime) -> None:
    movements = [
        move
        for code, amount in (("coin_liability", top_up.net_minor), ("tax_payable", top_up.tax_minor))
        for move in fiat.moved(top_up.currency, debit=f"clearing:{top_up.gateway}", credit=code, amount_minor=amount)
    ]
    key = f"top_up:{top_up.public_id}:fiat"
    fiat.post(kind="top_up_fiat", key=key, ref=top_up.public_id, movements=movements, now=now)
