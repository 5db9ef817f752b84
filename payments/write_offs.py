"""What forgiving a debt costs, in the books of its currency.

Coins are owed since money of their payment went back, and stand as missing on `taken_back` (fiat.py). Forgiven, nobody
brings them any more: their price leaves `taken_back` for `write_off`, a loss. It is what the coins were sold for, tax
included, since that is what went back; what of the tax can be had again is finance's to book.

The coins forgiven are the first that became owed, at the price of the lot whose payment went back, cumulative for each
lot as the price of every part is (docs/adr/0008). So it does not depend on what was repaid when.
Source: payments.md 1.3.
"""

from collections import Counter
from typing import NamedTuple
from uuid import UUID

from django.db import connection

from payments import currencies, fiat, ledger, tax
from payments.ledger import Movement
from payments.models import Lot
from promote import ids
from promote.money import MICROS


class _Owed(NamedTuple):
    """What became owed when coins of a lot were taken back."""

    lot_id: UUID
    micros: int


def cost(*, debt_id: int, micros: int, without: str = "") -> list[Movement]:
    """In the caller's transaction, the debt locked: what forgiving `micros` more of it moves in the books; below zero,
    fewer. For the journal that moves the coins. `without` is the key of a clawback which that journal undoes.
    """
    forgiven, booked = _so_far(debt_id)
    wanted = _prices(_owed(debt_id, without=without), forgiven + micros)
    return [
        move
        for currency in sorted(wanted | booked)
        for move in fiat.moved(
            currency, debit="write_off", credit="taken_back", amount_minor=wanted[currency] - booked[currency]
        )
    ]


def _prices(owed: list[_Owed], micros: int) -> Counter[str]:
    """Of the first so many of them, in minor units by currency. What we gave has no price."""
    by_lot: Counter[UUID] = Counter()
    for one in owed:
        part = min(one.micros, micros)
        by_lot[one.lot_id] += part
        micros -= part
    prices: Counter[str] = Counter()
    for lot in Lot.objects.filter(id__in=by_lot).exclude(currency=""):
        prices[lot.currency] += tax.price_so_far(
            paid_minor=lot.paid_minor, lot_micros=lot.coins * MICROS, used_micros=by_lot[lot.id]
        )
    return prices


def _owed(debt_id: int, *, without: str) -> list[_Owed]:
    """The oldest first; not what was taken back wrongly, and given back since."""
    with connection.cursor() as cursor:
        cursor.execute(_OWED, {"debt": debt_id, "without": without})
        return [_Owed(ids.parse("lot", ref), micros) for ref, micros in cursor]


def _so_far(debt_id: int) -> tuple[int, Counter[str]]:
    """Micros of a debt that are forgiven, and what was booked for them by currency."""
    booked: Counter[str] = Counter()
    micros = 0
    with connection.cursor() as cursor:
        cursor.execute(_SO_FAR, {"debt": debt_id, "write_off": ledger.platform("write_off")})
        for number, amount in cursor:
            if number == ledger.COINS:
                micros = int(amount)
            else:
                booked[currencies.code_of(number)] = int(amount)
    return micros, booked


_OWED = """
    SELECT j.ref, t.amount
      FROM payments_transfer t JOIN payments_journal j ON j.id = t.journal_id
     WHERE t.debit_id = %(debt)s AND j.kind = 'clawback' AND j.key <> %(without)s
       AND NOT EXISTS (SELECT FROM payments_journal undone WHERE undone.key = j.key || ':undone')
     ORDER BY t.id
"""
# A write-off is one journal: coins onto the debt from `write_off`, and money from its namesake of each currency.
_SO_FAR = """
    SELECT t.ledger, sum(CASE WHEN debit.code = 'write_off' THEN t.amount ELSE -t.amount END)
      FROM (SELECT journal_id FROM payments_transfer WHERE debit_id = %(write_off)s AND credit_id = %(debt)s
             UNION
            SELECT journal_id FROM payments_transfer WHERE debit_id = %(debt)s AND credit_id = %(write_off)s) found
      JOIN payments_transfer t ON t.journal_id = found.journal_id
      JOIN payments_ledgeraccount debit ON debit.id = t.debit_id
      JOIN payments_ledgeraccount credit ON credit.id = t.credit_id
     WHERE 'write_off' IN (debit.code, credit.code)
     GROUP BY t.ledger
"""
