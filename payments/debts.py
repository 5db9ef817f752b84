"""What an account owes: coins taken back after they were spent. Every credit repays it first (DESIGN.md 6.10).

The debt account is opened before the account's first lot, and stays: to lock it is to lock the wallet against other
credits, and its id is below those of the lots, as the lock order wants.
"""

from collections.abc import Iterable
from uuid import UUID

from django.db import connection

from payments import ledger
from payments.ledger import Movement
from payments.models import AccountKind, Guard, LedgerAccount


def open_for(owner: UUID) -> int:
    """The debt account of an account, opened where there is none. Its balance, debits less credits, is what is owed."""
    return ledger.open_account(kind=AccountKind.DEBT, guard=Guard.DEBIT, owner=owner, code=f"debt:{owner.hex}")


def owed_micros(owner: UUID) -> int:
    """What an account owes, without a lock."""
    found = LedgerAccount.objects.filter(owner=owner, kind=AccountKind.DEBT).first()
    return found.balance if found else 0


def was_repaid(owner: UUID) -> bool:
    """Whether an account ever repaid anything: of most that have bought coins, nothing was ever owed."""
    with connection.cursor() as cursor:
        cursor.execute(_WAS_REPAID, [f"debt:{owner.hex}"])
        return cursor.fetchone() is not None


def repay(*, debt_id: int, owed_micros: int, credited: Iterable[tuple[int, int]]) -> list[Movement]:
    """What goes on to the debt of what was just credited: `credited` are (lot's ledger account, micros)."""
    movements = []
    for lot_id, micros in credited:
        part = min(owed_micros, micros)
        if part:
            movements.append(Movement(debit_id=lot_id, credit_id=debt_id, amount=part))
            owed_micros -= part
    return movements


_WAS_REPAID = "SELECT 1 FROM payments_ledgeraccount WHERE ledger = 0 AND code = %s AND credits > 0"
