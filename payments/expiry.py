"""Granted coins that were not used in time. Source: DESIGN.md 6.4 (grants by expiry)."""

from datetime import datetime

from django.db import transaction
from django.db.models import F

from payments import ledger
from payments.ledger import Entry, Movement
from payments.models import Lot


def expire_due(*, now: datetime, limit: int = 500) -> int:
    """Takes what is left of expired lots off their accounts' balances; how many. Until then nothing spends from them.

    A refund can bring coins back to a lot that has expired: the key counts what ever came in, so that goes too.
    """
    with transaction.atomic():
        due = Lot.objects.filter(expires_at__lte=now, ledger_account__credits__gt=F("ledger_account__debits"))
        lots = {lot.ledger_account_id: lot for lot in due.order_by("expires_at")[:limit]}
        expired = ledger.platform("expired")
        entries = [
            Entry(
                kind="expiry",
                key=f"lot:{lots[id_].id.hex}:expire:{account.credits}",
                movements=[Movement(id_, expired, account.balance)],
                ref=lots[id_].public_id,
            )
            for id_, account in ledger.lock(lots).items()
            if account.balance
        ]
        return len(ledger.post_many(entries, now=now))
