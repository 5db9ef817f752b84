"""Charges that should never have been: back into the order's escrow while it is open, else to who paid.

Each return is one journal, once per `ref`. After the settlement it is the settlement's own arithmetic over again, of
what the charges come to without those that go back: the difference goes to the very lots that paid, what is owed
first, and to the coupon's campaign. Source: delivery.md 2, Settlement.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from django.db import transaction

from payments import debts, emptying, fiat, invoices, ledger, repayments, shares, uses
from payments.ledger import Movement
from payments.lots import Taken
from payments.models import Invoice, InvoiceKind
from payments.shares import Settled
from promote.money import MICROS

KIND = "charge_return"


class NotInvoicedYet(Exception):
    """The order's invoice is still to be issued, and a credit note would have nothing to correct: later it works."""


@dataclass(frozen=True, slots=True)
class GivenBack:
    """What left our spend: whole coins to the user's lots, micros to the coupon's campaign or to the escrow."""

    coins: int = 0
    coupon_micros: int = 0
    escrow_micros: int = 0


def to_escrow(*, escrow_id: int, micros: int, order_ref: str, ref: str, now: datetime) -> GivenBack:
    """Into an escrow that is open, whose order the caller has locked: the order can spend it, or gets it back."""
    back = [Movement(ledger.platform("spend"), escrow_id, micros)]
    ledger.post(kind=KIND, key=_key(ref), ref=order_ref, movements=back, now=now)
    return GivenBack(escrow_micros=micros)


def after_settlement(
    *, escrow_id: int, owner: UUID, order_ref: str, was_micros: int, is_micros: int, ref: str, now: datetime
) -> GivenBack:
    """The order's charges came to `was_micros` and come to `is_micros` without those that go back.

    Below a whole coin nothing moves: the next return counts it in. Raises NotInvoicedYet.
    """
    with transaction.atomic():
        funding = emptying.fundings([escrow_id])[escrow_id]
        was, is_now = (shares.divide(funding, left_micros=funding.micros - told) for told in (was_micros, is_micros))
        coins = is_now.refunded_coins - was.refunded_coins
        coupon_micros = was.coupon_spent_micros - is_now.coupon_spent_micros
        if not coins and not coupon_micros:
            return GivenBack()
        invoice = Invoice.objects.filter(kind=InvoiceKind.INVOICE, order_ref=order_ref).first()
        if coins and invoice is None:
            raise NotInvoicedYet(order_ref)
        parts = _to_lots(funding.taken, was, is_now)
        campaign = [funding.coupon.campaign_account_id] if funding.coupon and coupon_micros else []
        debt_id = debts.open_for(owner)
        # Before the campaign, whatever their ids: nobody who holds one waits for a debt (emptying.py).
        owed_micros = ledger.lock([debt_id])[debt_id].balance
        others = repayments.lots_of([owner]) if debts.was_repaid(owner) else []
        ledger.lock({*campaign, *others, *(part.ledger_account_id for part in parts)})
        spend = ledger.platform("spend")
        credited = [(part.ledger_account_id, part.micros) for part in parts]
        back = [Movement(spend, id_, coupon_micros) for id_ in campaign]
        back += [Movement(spend, id_, micros) for id_, micros in credited]
        back += debts.repay(debt_id=debt_id, owed_micros=owed_micros, credited=credited)
        ledger.post(kind=KIND, key=_key(ref), ref=order_ref, movements=back, now=now)
        if invoice is not None and coins:
            _correct_the_books(invoice, parts, ref=ref, now=now)
            repayments.tell(owner=owner, now=now)
        return GivenBack(coins=coins, coupon_micros=coupon_micros)


def _to_lots(taken: Sequence[Taken], was: Settled, is_now: Settled) -> list[Taken]:
    """What each lot gets more than the settlement, and returns since, gave it."""
    before, after = (
        {part.ledger_account_id: part.micros for part in shares.back_to_lots(taken, micros=one.refunded_coins * MICROS)}
        for one in (was, is_now)
    )
    more = {id_: micros - before.get(id_, 0) for id_, micros in after.items()}
    return [Taken(id_, micros) for id_, micros in more.items() if micros]


def _correct_the_books(invoice: Invoice, parts: list[Taken], *, ref: str, now: datetime) -> None:
    """Coins on a lot again are not used any more: their price is owed again, and a credit note says so."""
    told = uses.record(
        {part.ledger_account_id: -part.micros for part in parts}, ref=ref, back_of=invoice.order_ref, now=now
    )
    fiat.post(
        kind="order_revenue_back",
        key=f"{_key(ref)}:revenue",
        ref=invoice.order_ref,
        movements=fiat.earned(told),
        now=now,
    )
    # Given coins have no price to credit, nor have a store's: that is the store's to do.
    if sum(part.gross_minor for part in told if part.is_ours and part.lot.currency == invoice.currency) < 0:
        invoices.credit_order(invoice=invoice, parts=told, now=now)


def _key(ref: str) -> str:
    return f"charge_return:{ref}"
