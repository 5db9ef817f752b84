"""Coins that repaid a debt, told in the books of their currency.

A credit repays in its own journal (debts.py), also in a settlement's batch, which prices nothing. So what is told is
the difference between what the ledger says a lot repaid and what was told of it so far: whoever comes first tells it,
and a second time there is nothing left to tell.
"""

from collections.abc import Collection
from datetime import datetime
from uuid import UUID

from django.db import connection

from payments import debts, fiat, ledger, uses
from payments.models import AccountKind, LedgerAccount

PREFIX = "repaid:"


def tell(*, owner: UUID, now: datetime) -> None:
    """In the caller's transaction: prices what the owner's lots repaid, or got back, since it was told last."""
    if not debts.was_repaid(owner):
        return
    debt_id = debts.open_for(owner)
    ledger.lock([debt_id])  # no lot repays without it
    untold, last = _untold(debt_id)
    if not untold:
        return
    parts = uses.record(untold, ref=f"{PREFIX}{last}", now=now)
    movements = fiat.no_longer_owed(parts, to="taken_back")
    fiat.post(
        kind="debt_repaid", key=f"debt:{debt_id}:{last}:fiat", ref=f"{PREFIX}{last}", movements=movements, now=now
    )


def tell_all(*, owners: Collection[UUID], now: datetime) -> None:
    """As `tell`, of those who ever repaid anything. Their debts are locked by id first, as a batch of settlements does:
    who holds a lot waits for no debt. Then the lots of all owners, by id too, since the caller goes on to those.
    """
    repaid = LedgerAccount.objects.filter(kind=AccountKind.DEBT, owner__in=owners, credits__gt=0)
    locked = ledger.lock(list(repaid.values_list("id", flat=True)))
    debtors = [debt.owner for debt in locked.values() if debt.owner is not None]  # a debt is somebody's
    if debtors:
        ledger.lock(lots_of(owners))
    for owner in debtors:
        tell(owner=owner, now=now)


def lots_of(owners: Collection[UUID]) -> list[int]:
    """The ledger accounts of all their lots: who tells what was repaid may come to any of them, and locks them by id
    before it holds one.
    """
    lots = LedgerAccount.objects.filter(kind=AccountKind.LOT, owner__in=owners, closed=False)
    return list(lots.values_list("id", flat=True))


def by_lot(debt_id: int) -> dict[int, int]:
    """Micros that each lot's ledger account repaid, less what it got back; the last to repay first."""
    with connection.cursor() as cursor:
        cursor.execute(_REPAID, {"debt": debt_id})
        return {lot_id: int(micros) for lot_id, micros, _last in cursor if micros}


def _untold(debt_id: int) -> tuple[dict[int, int], int]:
    with connection.cursor() as cursor:
        cursor.execute(_UNTOLD, {"debt": debt_id, "refs": f"{PREFIX}%"})
        rows = cursor.fetchall()
    return {lot_id: int(micros) for lot_id, micros, _last in rows}, max((last for *_, last in rows), default=0)


_REPAID = """
    SELECT lot.id, sum(CASE WHEN t.credit_id = %(debt)s THEN t.amount ELSE -t.amount END), max(t.id) AS last
      FROM payments_transfer t
      JOIN payments_ledgeraccount lot
           ON lot.id = CASE WHEN t.credit_id = %(debt)s THEN t.debit_id ELSE t.credit_id END AND lot.kind = 'lot'
     WHERE t.debit_id = %(debt)s OR t.credit_id = %(debt)s
     GROUP BY lot.id ORDER BY last DESC
"""
_UNTOLD = f"""
    SELECT repaid.id, repaid.sum - told.micros, repaid.last
      FROM ({_REPAID}) repaid
      JOIN payments_lot ON payments_lot.ledger_account_id = repaid.id
      CROSS JOIN LATERAL (
            SELECT coalesce(sum(u.micros), 0) AS micros FROM payments_lotuse u
             WHERE u.lot_id = payments_lot.id AND u.ref LIKE %(refs)s) told
     WHERE repaid.sum <> told.micros
"""  # noqa: S608  (constants of this file)
