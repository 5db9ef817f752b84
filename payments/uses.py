"""What an order used of each lot, and the price of that part. Source: DESIGN.md 2 (invoices) and 6.4."""

from collections import Counter, defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from django.db import connection
from django.db.models import Q

from payments import ledger, lots, pricing
from payments.models import AccountKind, Lot, LotUse, Origin, TopUp
from payments.models.lots import IN_APP
from payments.pricing import Price, Told
from promote import many
from promote.money import MICROS

NO_TAX = Decimal(0)


@dataclass(frozen=True, slots=True)
class Funders:
    """What an order cost in the end, by who paid: micros of each lot's ledger account, and of coupon campaigns."""

    by_lot: Mapping[int, int]
    coupon_micros: int


@dataclass(frozen=True, slots=True)
class Used:
    """Micros of lots, by their ledger account, that are used for good under a ref; and the tax of lots without one."""

    ref: str
    by_lot: Mapping[int, int]
    tax_name: str = ""
    tax_percent: Decimal = NO_TAX
    back_of: str = ""
    """The ref that they were used under, where an order gets them back at the price that it was told."""


@dataclass(frozen=True, slots=True)
class Part:
    """A part of a lot, used for good; below zero where it came back. `gross_minor` is 0 for coins that we gave.

    Of a store's coins it is what the store sold them for, without tax: that is the store's to pay.
    """

    lot: Lot
    micros: int
    gross_minor: int
    tax_minor: int
    tax_name: str
    tax_percent: Decimal

    @property
    def net_minor(self) -> int:
        return self.gross_minor - self.tax_minor

    @property
    def is_ours(self) -> bool:
        """Sold by us, so ours to invoice and to tax."""
        return self.lot.origin != Origin.GRANT and self.lot.origin not in IN_APP


def of_orders(order_refs: Collection[str]) -> dict[str, Funders]:
    """From each order's own journals: what it was paid with, less what its settlement gave back."""
    ref_of = {f"order:{ref}:{end}": ref for ref in order_refs for end in ("pay", "settle")}
    by_lot: defaultdict[str, Counter[int]] = defaultdict(Counter)
    coupons: Counter[str] = Counter()
    with connection.cursor() as cursor:
        cursor.execute(_FUNDERS, {"keys": list(ref_of), "escrow": AccountKind.ESCROW, "funders": _FUNDER_KINDS})
        for key, account_id, kind, micros in cursor:
            if kind == AccountKind.LOT:
                by_lot[ref_of[key]][account_id] += int(micros)
            else:
                coupons[ref_of[key]] += int(micros)
    return {
        ref: Funders({id_: micros for id_, micros in by_lot[ref].items() if micros}, coupons[ref]) for ref in order_refs
    }


def record(by_lot: Mapping[int, int], *, ref: str, now: datetime, back_of: str = "") -> list[Part]:
    """Writes down what was used of each lot (micros by ledger account) and prices it, in spending order. Once a ref.

    In the caller's transaction. Locks the lots' ledger accounts, so that parts of one lot are priced one after
    another. The tax of a lot is the one of its purchase. `back_of` is the order that gets them back, at its own price.
    """
    return record_all([Used(ref, by_lot, back_of=back_of)], now=now)[0]


def record_all(used: Sequence[Used], *, now: datetime) -> list[list[Part]]:
    """As `record`, of many refs in a handful of statements: the parts of each, in their order. A tax of the caller's is
    for lots whose purchase we don't have.
    """
    account_ids = {account_id for one in used for account_id in one.by_lot}
    ledger.lock(account_ids)
    found = {lot.ledger_account_id: lot for lot in Lot.objects.filter(ledger_account_id__in=account_ids)}
    bought = {top_up.id: top_up for top_up in TopUp.objects.filter(id__in={lot.top_up for lot in found.values()})}
    last = LotUse.objects.filter(lot__in=found.values()).order_by("lot", "-seq").distinct("lot")
    latest = {use.lot_id: use for use in last}
    told: dict[UUID, tuple[Told, int]] = {}
    answers: list[list[Part]] = []
    rows: list[dict[str, Any]] = []
    for one in used:
        parts = []
        for lot in lots.spending_order(found[account_id] for account_id in one.by_lot):
            top_up = bought.get(lot.top_up) if lot.top_up else None
            name, percent = (top_up.tax_name, top_up.tax_percent) if top_up else (one.tax_name, one.tax_percent)
            price = _price(lot, percent)
            before, seq = told.get(lot.id) or _told(latest.get(lot.id), price)
            micros = one.by_lot[lot.ledger_account_id]
            if one.back_of:
                left = _left(lot, one.back_of)
                after = pricing.give_back(before, micros=-micros, price=price, left=left)
            else:
                after = pricing.go_on(before, micros=micros, price=price)
            told[lot.id] = after, seq + 1
            ahead, part = after - price.of(after.micros), _part(lot, after - before, name, percent)
            parts.append(part)
            rows.append(
                {
                    "lot_id": lot.id,
                    "seq": seq + 1,
                    "ref": one.ref,
                    "micros": part.micros,
                    "used_micros": after.micros,
                    "gross_minor": part.gross_minor,
                    "tax_minor": part.tax_minor,
                    "back_of": one.back_of,
                    "ahead_minor": ahead.gross_minor,
                    "ahead_tax_minor": ahead.tax_minor,
                }
            )
        answers.append(parts)
    many.insert(LotUse, rows, at=now)
    return answers


def price_of(lot: Lot, *, micros: int) -> int:
    """What the next `micros` of a lot would be told to cost, in minor units; nothing is told."""
    last = LotUse.objects.filter(lot=lot).order_by("-seq").first()
    price = _price(lot, NO_TAX)
    before, _seq = _told(last, price)
    return (pricing.go_on(before, micros=micros, price=price) - before).gross_minor


def take_back(*, ref: str, as_ref: str, now: datetime) -> list[Part]:
    """Coins that were told as used under `ref` are on their lots again: the opposite parts, told under `as_ref`."""
    told = LotUse.objects.filter(ref=ref).select_related("lot")
    return record({use.lot.ledger_account_id: -use.micros for use in told}, ref=as_ref, now=now)


def _price(lot: Lot, tax_percent: Decimal) -> Price:
    """A store's coins are taxed by the store."""
    return Price(lot.paid_minor, lot.coins * MICROS, NO_TAX if lot.origin in IN_APP else tax_percent)


def _told(last: LotUse | None, price: Price) -> tuple[Told, int]:
    """What is told of a lot so far, and by how many uses."""
    if last is None:
        return Told(0, 0, 0), 0
    micros, gross, taxed = price.of(last.used_micros)
    return Told(micros, gross + last.ahead_minor, taxed + last.ahead_tax_minor), last.seq


def _left(lot: Lot, ref: str) -> Told:
    """What of an order's part of a lot has not come back yet."""
    rows = LotUse.objects.filter(Q(ref=ref) | Q(back_of=ref), lot=lot)
    parts = list(rows.values_list("micros", "gross_minor", "tax_minor"))
    return Told(*(sum(column) for column in zip(*parts, strict=True))) if parts else Told(0, 0, 0)


def _part(lot: Lot, told: Told, tax_name: str, tax_percent: Decimal) -> Part:
    if lot.origin in IN_APP:
        tax_name, tax_percent = "", NO_TAX
    return Part(lot, told.micros, told.gross_minor, told.tax_minor, tax_name, tax_percent)


_FUNDER_KINDS = [AccountKind.LOT, AccountKind.CAMPAIGN]
_FUNDERS = """
    SELECT j.key, funder.id, funder.kind, sum(CASE WHEN t.debit_id = funder.id THEN t.amount ELSE -t.amount END)
      FROM payments_journal j
      JOIN payments_transfer t ON t.journal_id = j.id
      JOIN payments_ledgeraccount debit ON debit.id = t.debit_id
      JOIN payments_ledgeraccount credit ON credit.id = t.credit_id
      JOIN payments_ledgeraccount funder
           ON funder.id = CASE WHEN debit.kind = %(escrow)s THEN credit.id ELSE debit.id END
     WHERE j.key = ANY(%(keys)s) AND %(escrow)s IN (debit.kind, credit.kind) AND funder.kind = ANY(%(funders)s)
     GROUP BY j.key, funder.id, funder.kind
"""
