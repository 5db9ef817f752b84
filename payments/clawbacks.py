"""Taking coins back after their payment was refunded, voided or disputed. Source: DESIGN.md 6.10, payments.md 1.3."""

from collections import Counter
from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from django.db import connection, transaction
from django.db.models import Sum

from payments import debts, fiat, ledger, lots, repayments, uses, write_offs
from payments.ledger import Movement
from payments.models import (
    AccountKind,
    Adjustment,
    AdjustmentKind,
    AdjustmentState,
    Guard,
    Lot,
    PaymentReturn,
    ReturnState,
    Transfer,
)
from promote import notifications, outbox
from promote.money import MICROS, coins_to_micros


@dataclass(frozen=True, slots=True)
class ClawedBack:
    taken_coins: int
    owed_coins: int
    """What of it was spent already, and is owed since."""


def claw_back(*, lot: Lot, coins: int, key: str, now: datetime, disputed: bool = False) -> ClawedBack:
    """Takes `coins` of a lot back, once per key: from what is free of it, then of the account's other lots in spending
    order; what is not there is owed, so that an account which owes has no free coins.

    Where coins are owed, the orders that hold coins of the lot are to be stopped (`coins_owed` in the outbox): what
    they give back repays. A disputed payment's coins wait in an escrow of their own (code `dispute:{key}`) until it is
    decided; others are gone. Raises JournalKeyReused.
    """
    kind, ref, request = "clawback", lot.public_id, {"lot": lot.id, "coins": coins}
    with transaction.atomic():
        debt_id = debts.open_for(lot.account_id)
        # Before looking for free coins: whoever brings some, by a purchase or a refund, holds this lock as well.
        ledger.lock([debt_id])
        free = lots.lock_free(account=lot.account, now=now)
        journal_id = ledger.find(kind=kind, key=key, ref=ref, request=request)
        if journal_id is not None:
            return _as_posted(journal_id, debt_id, coins)
        free.sort(key=lambda one: one.lot != lot)
        there = sum(one.micros for one in free)
        taken = lots.split(free, micros=min(there, coins_to_micros(coins)))
        to = _dispute_of(lot, key) if disputed else ledger.platform("returned")
        movements = [Movement(part.ledger_account_id, to, part.micros) for part in taken]
        if there < coins_to_micros(coins):
            movements.append(Movement(debt_id, to, coins_to_micros(coins) - there))
        posted = ledger.post(kind=kind, key=key, ref=ref, request=request, movements=movements, now=now)
        told = f"clawback:{posted.journal_id}"
        parts = uses.record({part.ledger_account_id: part.micros for part in taken}, ref=told, now=now)
        covered = fiat.no_longer_owed(parts, to="taken_back")
        fiat.post(kind="clawback_fiat", key=f"{told}:fiat", ref=ref, movements=covered, now=now)
        clawed_back = _as_posted(posted.journal_id, debt_id, coins)
        _tell(lot, clawed_back, now=now)
        return clawed_back


def left(of: Collection[Lot]) -> dict[UUID, int]:
    """Coins of each lot that went back with no part of its payment, and that finance has not charged back: so many can
    be taken yet. Whoever takes has locked the payment; a trigger refuses more (sql/0056_taken_once.sql).
    """
    taken: Counter[UUID] = Counter()
    by_finance = Adjustment.objects.filter(kind=AdjustmentKind.CHARGEBACK, state=AdjustmentState.APPROVED, lot__in=of)
    taken.update(dict(by_finance.values_list("lot").annotate(Sum("coins"))))
    lot_of = {lot.top_up: lot.id for lot in of if lot.top_up}
    returned = PaymentReturn.objects.filter(top_up__in=lot_of).exclude(state=ReturnState.UNDONE)
    taken.update({lot_of[id_]: coins for id_, coins in returned.values_list("top_up").annotate(Sum("coins"))})
    return {lot.id: max(0, lot.coins - taken[lot.id]) for lot in of}


def taken_of(lot: Lot) -> int:
    """Micros that clawbacks of this very lot took off it and have not given back."""
    with connection.cursor() as cursor:
        cursor.execute(_TAKEN_OF, {"lot": lot.ledger_account_id, "ref": lot.public_id})
        (micros,) = cursor.fetchone()
    return int(micros)


def conclude(*, lot: Lot, key: str, now: datetime) -> None:
    """A disputed payment is lost: the coins that were taken under `key` are gone. Once per key."""
    with transaction.atomic():
        escrow_id = ledger.account_id(code=_dispute_code(key))
        if escrow_id is None:
            return
        left = ledger.lock([escrow_id])[escrow_id].balance
        if left:
            gone = [Movement(escrow_id, ledger.platform("returned"), left)]
            ledger.post(kind="dispute_lost", key=f"{key}:lost", ref=lot.public_id, movements=gone, now=now)
            ledger.close([escrow_id])


def give_back(*, lot: Lot, key: str, now: datetime) -> None:
    """What was taken under `key` was taken wrongly (a dispute won, a store's refund reversed): a new journal puts it
    back, once per key.

    Coins return to the very lots they were taken from; what is still owed of them is forgiven; what was repaid since
    returns to the lots that repaid, the last to repay first. Other debts are repaid first, as by every credit.
    """
    kind, undo_key, ref = "clawback_undone", f"{key}:undone", lot.public_id
    with transaction.atomic():
        debt_id = debts.open_for(lot.account_id)
        owed = ledger.lock([debt_id])[debt_id].balance
        taken = list(Transfer.objects.filter(journal__kind="clawback", journal__key=key).order_by("seq"))
        if not taken or ledger.find(kind=kind, key=undo_key, ref=ref, request={}) is not None:
            return
        told = f"clawback:{taken[0].journal_id}"
        repaid = repayments.by_lot(debt_id)
        locked = ledger.lock({debt_id, *repaid, *(side for move in taken for side in (move.debit_id, move.credit_id))})
        escrow_id = ledger.account_id(code=_dispute_code(key))
        # A dispute that was lost can be won yet, by an appeal: its coins are gone from their escrow then.
        waits = escrow_id is not None and not locked[escrow_id].closed
        source = escrow_id if escrow_id is not None and waits else ledger.platform("returned")
        movements = _back(taken, source=source, debt_id=debt_id, owed=owed, repaid=repaid)
        unforgiven = sum(move.amount for move in movements if move.credit_id == ledger.platform("write_off"))
        movements += write_offs.cost(debt_id=debt_id, micros=-unforgiven, without=key)
        ledger.post(kind=kind, key=undo_key, ref=ref, request={}, movements=movements, now=now)
        if escrow_id is not None and waits:
            ledger.close([escrow_id])
        parts = uses.take_back(ref=told, as_ref=f"{told}:undone", now=now)
        again_owed = fiat.no_longer_owed(parts, to="taken_back")
        fiat.post(kind="clawback_fiat", key=f"{told}:undone:fiat", ref=ref, movements=again_owed, now=now)
        repayments.tell(owner=lot.account_id, now=now)
        coins = sum(move.amount for move in taken) // MICROS
        notifications.notify(account=lot.account, kind="coins_given_back", payload={"coins": coins}, now=now)


def _back(taken: list[Transfer], *, source: int, debt_id: int, owed: int, repaid: dict[int, int]) -> list[Movement]:
    movements = [Movement(source, move.debit_id, move.amount) for move in reversed(taken)]
    forgiven = sum(move.amount for move in taken if move.debit_id == debt_id)
    too_much_repaid = max(0, forgiven - owed)
    for lot_id, micros in repaid.items():
        part = min(micros, too_much_repaid)
        if part:
            movements.append(Movement(debt_id, lot_id, part))
            too_much_repaid -= part
    if too_much_repaid:  # by finance, who wrote it off
        movements.append(Movement(debt_id, ledger.platform("write_off"), too_much_repaid))
    credited = [(move.debit_id, move.amount) for move in reversed(taken) if move.debit_id != debt_id]
    return movements + debts.repay(debt_id=debt_id, owed_micros=max(0, owed - forgiven), credited=credited)


def _as_posted(journal_id: int, debt_id: int, coins: int) -> ClawedBack:
    owed = sum(Transfer.objects.filter(journal=journal_id, debit=debt_id).values_list("amount", flat=True)) // MICROS
    return ClawedBack(taken_coins=coins - owed, owed_coins=owed)


def _tell(lot: Lot, taken: ClawedBack, *, now: datetime) -> None:
    coins, owed = taken.taken_coins + taken.owed_coins, taken.owed_coins
    kind = "coins_taken_back_owed" if owed else "coins_taken_back"
    notifications.notify(account=lot.account, kind=kind, payload={"coins": coins, "owed": owed}, now=now)
    if owed and (holding := _orders_holding(lot)):
        outbox.record("coins_owed", {"account": str(lot.account_id), "orders": holding})


def _orders_holding(lot: Lot) -> list[str]:
    """References of the orders whose open escrow took coins of the lot."""
    with connection.cursor() as cursor:
        cursor.execute(
            """SELECT DISTINCT escrow.code FROM payments_transfer t
                 JOIN payments_ledgeraccount escrow ON escrow.id = t.credit_id
                WHERE t.debit_id = %s AND escrow.kind = %s AND NOT escrow.closed ORDER BY escrow.code""",
            [lot.ledger_account_id, AccountKind.ESCROW],
        )
        return [code.removeprefix("order:") for (code,) in cursor]


def _dispute_of(lot: Lot, key: str) -> int:
    return ledger.open_account(
        kind=AccountKind.DISPUTE, guard=Guard.CREDIT, owner=lot.account_id, code=_dispute_code(key)
    )


def _dispute_code(key: str) -> str:
    return f"dispute:{key}"


_TAKEN_OF = """
    SELECT coalesce(sum(CASE WHEN t.debit_id = %(lot)s THEN t.amount ELSE -t.amount END), 0)
      FROM payments_transfer t JOIN payments_journal j ON j.id = t.journal_id
     WHERE (t.debit_id = %(lot)s AND j.kind = 'clawback' OR t.credit_id = %(lot)s AND j.kind = 'clawback_undone')
       AND j.ref = %(ref)s
"""
