"""The books of each currency: what the coins were sold for, beside the ledger of coins. Source: payments.md 1.3.

Accounts, one of each a currency (debit to credit is the way a movement goes):

    clearing:{gateway}   what a provider took and has not paid out yet; not zero: the reconciliation's work list
    coin_liability       net price of coins that were sold and not used yet
    tax_payable          tax within what was paid
    revenue              net price of coins that were used
    taken_back           what went back to payers, less the price of coins that were taken back for it: what is missing
                         on it was spent before, and is owed (debts.py)
    withdrawals_payable  price of coins that are being withdrawn
    gateway_fees, bank   what a provider kept, and what it paid out
    correction           price of coins that finance took away
    write_off            price of coins that were owed and are forgiven (write_offs.py)

A part of a lot has its cumulative price (uses.py), so a used-up lot leaves nothing on coin_liability.
"""

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import NamedTuple

from payments import currencies, ledger
from payments.ledger import Movement
from payments.uses import Part


def moved(currency: str, *, debit: str, credit: str, amount_minor: int) -> list[Movement]:
    """One movement between two named accounts, turned round where the amount is below zero; none where it is 0."""
    if not amount_minor:
        return []
    return _between(_Pair.of(currency, debit, credit), amount_minor)


def earned(parts: Iterable[Part]) -> list[Movement]:
    """Coins that were used: their net price is ours now; their tax was owed since they were sold."""
    return earned_all([list(parts)])[0]


def earned_all(many: Sequence[Sequence[Part]]) -> list[list[Movement]]:
    """As `earned`, of many at once: the accounts of each currency are looked up once."""
    currencies_met = {part.lot.currency for parts in many for part in parts if part.net_minor}
    pairs = {currency: _Pair.of(currency, "coin_liability", "revenue") for currency in sorted(currencies_met)}
    return [
        [move for part in parts if part.net_minor for move in _between(pairs[part.lot.currency], part.net_minor)]
        for parts in many
    ]


def no_longer_owed(parts: Iterable[Part], *, to: str) -> list[Movement]:
    """Coins that will not be used: their price, with its tax, goes on to `to`."""
    return [
        move
        for part in parts
        for debit, amount in (("coin_liability", part.net_minor), ("tax_payable", part.tax_minor))
        for move in moved(part.lot.currency, debit=debit, credit=to, amount_minor=amount)
    ]


class _Pair(NamedTuple):
    """Two accounts of a currency's book."""

    book: int
    debit_id: int
    credit_id: int

    @classmethod
    def of(cls, currency: str, debit: str, credit: str) -> "_Pair":
        book = currencies.ledger_of(currency)
        return cls(book, ledger.platform(debit, ledger=book), ledger.platform(credit, ledger=book))


def _between(pair: _Pair, amount_minor: int) -> list[Movement]:
    debit_id, credit_id = pair.debit_id, pair.credit_id
    if amount_minor < 0:
        debit_id, credit_id = credit_id, debit_id
    return [Movement(debit_id, credit_id, abs(amount_minor), ledger=pair.book)]


def post(*, kind: str, key: str, ref: str, movements: Sequence[Movement], now: datetime) -> None:
    """Posts them in the caller's transaction, once per key; nothing where there are none. Raises JournalKeyReused."""
    if movements:
        ledger.post(kind=kind, key=key, ref=ref, movements=movements, now=now)
