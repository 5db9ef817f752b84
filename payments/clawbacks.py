"""Taking coins back after their payment was refunded, voided or disputed. Source: DESIGN.md 6.10, payments.md 1.3."""

from dataclasses import dataclass
from datetime import datetime

from django.db import transaction

from payments import debts, ledger, lots
from payments.ledger import Movement
from payments.models import Lot, Transfer
from promote.money import MICROS, coins_to_micros


@dataclass(frozen=True, slots=True)
class ClawedBack:
    taken_coins: int
    owed_coins: int
    """What of it was spent already, and is owed since."""


def claw_back(*, lot: Lot, coins: int, key: str, now: datetime) -> ClawedBack:
    """Takes `coins` of a lot back, once per key: from what is free of it, then of the account's other lots in spending
    order; what is not there is owed, so that an account which owes has no free coins. Raises JournalKeyReused.
    """
    kind, ref, request = "clawback", lot.public_id, {"lot": lot.id, "coins": coins}
    with transaction.atomic():
        debt_id = debts.open_for(lot.account_id)
        # Before looking for free coins: whoever brings some, by a purchase or a refund, holds this lock as well.
        ledger.lock([debt_id])
        free, _others = lots.lock_free(account=lot.account, now=now)
        journal_id = ledger.find(kind=kind, key=key, ref=ref, request=request)
        if journal_id is None:
            free.sort(key=lambda one: one.lot != lot)
            there = sum(one.micros for one in free)
            taken = lots.split(free, micros=min(there, coins_to_micros(coins)))
            issuance = ledger.platform("issuance")
            movements = [Movement(part.ledger_account_id, issuance, part.micros) for part in taken]
            if there < coins_to_micros(coins):
                movements.append(Movement(debt_id, issuance, coins_to_micros(coins) - there))
            posted = ledger.post(kind=kind, key=key, ref=ref, request=request, movements=movements, now=now)
            journal_id = posted.journal_id
        owed = (
            sum(Transfer.objects.filter(journal=journal_id, debit=debt_id).values_list("amount", flat=True)) // MICROS
        )
        return ClawedBack(taken_coins=coins - owed, owed_coins=owed)
