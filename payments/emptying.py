"""Emptying escrows at the end of their orders, a batch at a time. Source: DESIGN.md 2 and 6.5, delivery.md 2.

A batch is five statements however many orders it has: `weigh` reads what funded them and what their owners owe, and
locks escrows and debts; `empty` posts once and closes. Between the two the caller writes its own rows, so that the
accounts which many orders share (a campaign, a lot) are locked by the posting alone, for the shortest time. That keeps
the order of locks: an escrow belongs to the order whose row its caller has locked, and nobody who holds a lot or a
campaign waits for another's escrow or debt. The arithmetic is in shares.py.
"""

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple

from django.db import connection, transaction

from payments import debts, ledger, shares
from payments.ledger import Entry, Movement
from payments.lots import Taken
from payments.models import AccountKind, LedgerAccount
from payments.shares import CouponShare, Funding, Settled
from promote.money import MICROS


class FundingDiffers(Exception):
    """The caller's coupon is not the one that funded the escrow, or its ref is not the escrow's: nothing was posted."""


@dataclass(frozen=True, slots=True)
class EscrowToSettle:
    escrow_id: int
    coupon: CouponShare | None
    ref: str


class _Locked(NamedTuple):
    """A ledger account's row; a batch has thousands, too many for objects of the model."""

    id: int
    code: str | None
    debits: int
    credits: int
    closed: bool

    @property
    def owed(self) -> int:
        """Of a debt account."""
        return self.debits - self.credits


@dataclass(frozen=True, slots=True)
class Weighed:
    """What each order costs in the end, by escrow id, and what is to be posted for it."""

    settled: dict[int, Settled]
    entries: Sequence[Entry]
    to_close: Collection[int]


def settle(*, settlements: Sequence[EscrowToSettle], now: datetime) -> dict[int, Settled]:
    """Empties escrows and closes them, `weigh` and `empty` in one: what each order cost, by escrow id."""
    with transaction.atomic():
        weighed = weigh(settlements)
        empty(weighed, now=now)
        return weighed.settled


def weigh(settlements: Sequence[EscrowToSettle]) -> Weighed:
    """What emptying these escrows comes to. In the caller's transaction: they stay locked until it ends.

    Per escrow one journal (`order:{ref}:settle`): the fraction of a coin comes back from `spend`, the coupon's rest
    goes to its campaign, the user's to the lots that paid, last taken first, and on to what the account owes.
    Once per ref: again, there is nothing to post, and the answer is what it then was. Raises FundingDiffers.
    """
    asked = {one.escrow_id: one for one in settlements}
    funded, debt_of = fundings(asked), _debt_accounts(asked)
    accounts = _locked({*asked, *debt_of.values()})
    owed = {debt_id: accounts[debt_id].owed for debt_id in debt_of.values()}
    answers: dict[int, Settled] = {}
    entries: list[Entry] = []
    before: list[EscrowToSettle] = []
    for one in asked.values():
        funding, escrow = funded[one.escrow_id], accounts[one.escrow_id]
        if one.coupon != funding.coupon or escrow.code != f"order:{one.ref}":
            raise FundingDiffers(f"{one} was funded by {funding} as {escrow.code}")
        if escrow.closed:
            before.append(one)
            continue
        settled = shares.divide(funding, left_micros=escrow.credits - escrow.debits)
        movements = _movements(one.escrow_id, funding, settled)
        if debt_id := debt_of.get(one.escrow_id):
            movements += _repayments(movements, debt_id=debt_id, owed=owed, lot_ids=funding.lot_ids)
        entries.append(Entry("order_settle", _key(one.ref), movements, one.ref, request={"escrow": one.escrow_id}))
        answers[one.escrow_id] = settled
    return Weighed(answers | _settled_before(before, funded), entries, list(answers))


def empty(weighed: Weighed, *, now: datetime) -> None:
    """Posts what was weighed and closes the escrows, in the transaction that locked them: all of the batch or none."""
    ledger.post_many(weighed.entries, now=now)
    ledger.close(weighed.to_close)


def fundings(escrow_ids: Collection[int]) -> dict[int, Funding]:
    """What went into each escrow, from the transfers."""
    # OFFSET 0: each funder is looked up by its id. As a join the planner reads the whole table up to some hundred
    # thousand accounts, so that a batch would take the longer the more orders there ever were.
    coupons: dict[int, CouponShare] = {}
    taken: defaultdict[int, list[Taken]] = defaultdict(list)
    with connection.cursor() as cursor:
        cursor.execute(
            """SELECT t.credit_id, t.debit_id, t.amount, funder.kind
                 FROM payments_transfer t
                 JOIN LATERAL (
                    SELECT a.kind FROM payments_ledgeraccount a WHERE a.id = t.debit_id OFFSET 0
                 ) funder ON true
                WHERE t.credit_id = ANY(%s) AND funder.kind IN (%s, %s) ORDER BY t.id""",
            [list(escrow_ids), AccountKind.LOT, AccountKind.CAMPAIGN],
        )
        for escrow_id, funder_id, micros, kind in cursor:
            if kind == AccountKind.LOT:
                taken[escrow_id].append(Taken(funder_id, micros))
            else:
                coupons[escrow_id] = CouponShare(funder_id, micros)
    return {escrow_id: Funding(coupons.get(escrow_id), tuple(taken[escrow_id])) for escrow_id in escrow_ids}


def _movements(escrow_id: int, funding: Funding, settled: Settled) -> list[Movement]:
    movements: list[Movement] = []
    if settled.rounding_micros:
        movements.append(Movement(ledger.platform("spend"), escrow_id, settled.rounding_micros))
    if funding.coupon and settled.coupon_returned_micros:
        movements.append(Movement(escrow_id, funding.coupon.campaign_account_id, settled.coupon_returned_micros))
    returned = shares.back_to_lots(funding.taken, micros=settled.refunded_coins * MICROS)
    return movements + [Movement(escrow_id, part.ledger_account_id, part.micros) for part in returned]


def _repayments(
    movements: Sequence[Movement], *, debt_id: int, owed: dict[int, int], lot_ids: Collection[int]
) -> list[Movement]:
    """What a refund pays of its owner's debt; `owed` goes down with it, for the owner's next order in the batch."""
    credited = [(move.credit_id, move.amount) for move in movements if move.credit_id in lot_ids]
    repaid = debts.repay(debt_id=debt_id, owed_micros=owed[debt_id], credited=credited)
    owed[debt_id] -= sum(move.amount for move in repaid)
    return repaid


def _locked(account_ids: Collection[int]) -> dict[int, "_Locked"]:
    """In id order, as they then are."""
    locked = LedgerAccount.objects.select_for_update(no_key=True).filter(id__in=account_ids).order_by("id")
    return {row[0]: _Locked(*row) for row in locked.values_list("id", "code", "debits", "credits", "closed")}


def _debt_accounts(escrow_ids: Collection[int]) -> dict[int, int]:
    """The debt account of each escrow's owner."""
    with connection.cursor() as cursor:
        cursor.execute(
            """SELECT escrow.id, debt.id FROM payments_ledgeraccount escrow
                 JOIN payments_ledgeraccount debt ON debt.owner = escrow.owner AND debt.kind = %s AND NOT debt.closed
                WHERE escrow.id = ANY(%s)""",
            [AccountKind.DEBT, list(escrow_ids)],
        )
        return dict(cursor.fetchall())


def _settled_before(settlements: Sequence[EscrowToSettle], fundings: Mapping[int, Funding]) -> dict[int, Settled]:
    """What earlier calls answered, from what they posted."""
    if not settlements:
        return {}
    left = {one.escrow_id: 0 for one in settlements}
    with connection.cursor() as cursor:
        cursor.execute(
            """SELECT t.debit_id, t.credit_id, t.amount
                 FROM payments_journal j JOIN payments_transfer t ON t.journal_id = j.id WHERE j.key = ANY(%s)""",
            [[_key(one.ref) for one in settlements]],
        )
        for debit_id, credit_id, micros in cursor:
            if debit_id in left:
                left[debit_id] += micros
            elif credit_id in left:
                left[credit_id] -= micros
    return {id_: shares.divide(fundings[id_], left_micros=micros) for id_, micros in left.items()}


def _key(ref: str) -> str:
    return f"order:{ref}:settle"
