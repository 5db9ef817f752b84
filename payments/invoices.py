"""Invoices for settled orders and receipts for top-ups: issued once, from the ledger, numbered, never changed.

The row holds all that stands on the document, as data; the PDF is made of it afterwards (payments/documents/), so that
the number is held for a moment only. Source: DESIGN.md 2, payments.md 5.
"""

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db import transaction

from payments import billing, fiat, languages, ledger, numbering, uses
from payments.ledger import Entry
from payments.models import Invoice, InvoiceKind, PaymentReturn, TopUp, TopUpStatus
from payments.uses import Part
from promote import ids, many, notifications, outbox
from promote.accounts.models import Account
from promote.markets.models import Market
from promote.markets.taxes import tax_of
from promote.money import MICROS, exponent
from promote.refusals import NotFound, WrongState

TITLE_CHARACTERS = 160
_RENDERED_AT_ONCE = 10
"""PDFs by one message: a fraction of a second, so that whatever else waits has its turn between."""
_TOLD_AS = {InvoiceKind.INVOICE: "invoice_issued", InvoiceKind.CREDIT_NOTE: "credit_note_issued"}
"""The notifications of those that are told of in the app; a receipt comes with the news of its top-up."""


@dataclass(frozen=True, slots=True)
class Amounts:
    """In minor units of one currency."""

    net_minor: int
    tax_minor: int

    @property
    def gross_minor(self) -> int:
        return self.net_minor + self.tax_minor


@dataclass(frozen=True, slots=True)
class SettledOrder:
    """`about` says what the order was: its title, objective, times."""

    ref: str
    account: Account
    market: Market
    about: Mapping[str, Any]


def issue_for_order(
    *, order_ref: str, account: Account, market: Market, about: Mapping[str, Any], now: datetime
) -> Invoice | None:
    """The invoice of a settled order; None where its owner spent less than a coin. Once per order."""
    issue_for_orders([SettledOrder(order_ref, account, market, about)], now=now)
    return Invoice.objects.filter(kind=InvoiceKind.INVOICE, order_ref=order_ref).first()


def issue_for_orders(orders: Sequence[SettledOrder], *, now: datetime) -> None:
    """The invoices of settled orders whose owners spent a coin or more; each once, all or none of a call.

    What each lot paid is read from the orders' journals and priced cumulatively per lot (uses.py); coins that we sold
    bring their tax and become revenue, a store's name the store, given ones stand at price 0. The transaction locks the
    lots, then the series.
    """
    with transaction.atomic():
        funders = uses.of_orders([order.ref for order in orders])
        spent = [order for order in orders if sum(funders[order.ref].by_lot.values()) >= MICROS]
        ledger.lock({account_id for order in spent for account_id in funders[order.ref].by_lot})
        refs = [order.ref for order in spent]
        before = Invoice.objects.filter(kind=InvoiceKind.INVOICE, order_ref__in=refs)
        issued = set(before.values_list("order_ref", flat=True))
        to_bill = {order.ref: order for order in spent if order.ref not in issued}
        taxes = {market.code: tax_of(market, at=now) for market in _markets(to_bill.values())}
        used = [
            uses.Used(ref, funders[ref].by_lot, tax.name, tax.percent)
            for ref, order in to_bill.items()
            for tax in [taxes[order.market.code]]
        ]
        parts = dict(zip(to_bill, uses.record_all(used, now=now), strict=True))
        earned = [
            Entry("order_revenue", f"order:{ref}:revenue", movements, ref)
            for ref, movements in zip(to_bill, fiat.earned_all(list(parts.values())), strict=True)
            if movements
        ]
        ledger.post_many(earned, now=now)
        drafts = [_draft(order, funders[ref].coupon_micros, parts[ref]) for ref, order in to_bill.items()]
        _issue(drafts, kind=InvoiceKind.INVOICE, now=now)


def issue_receipt(*, top_up: TopUp, now: datetime) -> Invoice:
    """The receipt of a paid top-up. Once per top-up. Raises WrongState where it is not paid."""
    if top_up.status != TopUpStatus.PAID:
        raise WrongState
    issue_receipts(top_up_ids=[top_up.id], now=now)
    return Invoice.objects.get(kind=InvoiceKind.RECEIPT, top_up=top_up)


def issue_receipts(*, top_up_ids: Collection[UUID], now: datetime) -> None:
    """The receipts of those of them that are paid; each once, all or none of a call. Locks the top-ups, then the
    series."""
    with transaction.atomic():
        rows = TopUp.objects.select_for_update(of=("self",)).select_related("account", "market")
        paid = list(rows.filter(id__in=top_up_ids, status=TopUpStatus.PAID).order_by("id"))
        before = Invoice.objects.filter(kind=InvoiceKind.RECEIPT, top_up__in=paid)
        issued = set(before.values_list("top_up_id", flat=True))
        drafts = [_receipt(top_up) for top_up in paid if top_up.id not in issued]
        _issue(drafts, kind=InvoiceKind.RECEIPT, now=now)


def _receipt(top_up: TopUp) -> "_Draft":
    line = {
        "what": "coins",
        "origin": top_up.method,
        "micros": top_up.coins * MICROS,
        "currency": top_up.currency,
        "net_minor": top_up.net_minor,
        "tax_minor": top_up.tax_minor,
        "tax_name": top_up.tax_name,
        "tax_percent": str(top_up.tax_percent),
    }
    paid_at = top_up.paid_at.isoformat() if top_up.paid_at else None
    about = {"top_up": top_up.public_id, "method": top_up.method, "paid_at": paid_at, "payment": top_up.payment_ref}
    return _Draft(top_up.account, top_up.market, about, [line], top_up=top_up)


def issue_credit_note(
    *,
    corrects: Invoice,
    returned: PaymentReturn,
    about: Mapping[str, Any],
    line: Mapping[str, Any],
    now: datetime,
) -> Invoice:
    """In the caller's transaction: a note of one line against a document, which stays as it is. Once per return."""
    draft = _Draft(
        corrects.account, corrects.market, about, [line], top_up=corrects.top_up, corrects=corrects, returned=returned
    )
    (note,) = _issue([draft], kind=InvoiceKind.CREDIT_NOTE, now=now)
    return Invoice.objects.get(id=note)


def credit_order(*, invoice: Invoice, parts: Sequence[Part], now: datetime) -> Invoice:
    """A note of the parts of an order (below zero) that came back, in the transaction that gives them back."""
    corrected = {"corrects": invoice.number, "corrects_at": invoice.issued_at.isoformat()}
    draft = _Draft(
        account=invoice.account,
        market=invoice.market,
        about={**invoice.content["about"], **corrected},
        lines=[_line_of_part(_opposite(part)) for part in parts],
        order_ref=invoice.order_ref,
        corrects=invoice,
    )
    (note,) = _issue([draft], kind=InvoiceKind.CREDIT_NOTE, now=now)
    return Invoice.objects.get(id=note)


def get(*, account: Account, public_id: str) -> Invoice:
    """The account's own document. Raises NotFound, also for another's."""
    found = Invoice.objects.filter(id=ids.parse("inv", public_id), account=account).first()
    if found is None:
        raise NotFound
    return found


def totals(lines: Sequence[Mapping[str, Any]]) -> dict[str, Amounts]:
    """By currency: a lot keeps the one it was bought in, so a document may have several."""
    nets: defaultdict[str, int] = defaultdict(int)
    taxes: defaultdict[str, int] = defaultdict(int)
    for line in lines:
        if "currency" in line:
            nets[line["currency"]] += line["net_minor"]
            taxes[line["currency"]] += line["tax_minor"]
    return {currency: Amounts(nets[currency], taxes[currency]) for currency in nets}


def _opposite(part: Part) -> Part:
    """A note tells what it credits as amounts above zero."""
    return replace(part, micros=-part.micros, gross_minor=-part.gross_minor, tax_minor=-part.tax_minor)


def _line_of_part(part: Part) -> dict[str, Any]:
    line = {
        "what": "coins",
        "origin": part.lot.origin,
        "bought_at": part.lot.opened_at.isoformat(),
        "micros": part.micros,
    }
    if not part.is_ours:
        return line
    return line | {
        "currency": part.lot.currency,
        "net_minor": part.net_minor,
        "tax_minor": part.tax_minor,
        "tax_name": part.tax_name,
        "tax_percent": str(part.tax_percent),
    }


@dataclass(frozen=True, slots=True)
class _Draft:
    """A document that has no number yet."""

    account: Account
    market: Market
    about: Mapping[str, Any]
    lines: Sequence[Mapping[str, Any]]
    order_ref: str = ""
    top_up: TopUp | None = None
    corrects: Invoice | None = None
    returned: PaymentReturn | None = None

    @property
    def currency(self) -> str:
        """A store may have sold in another currency than the market's own."""
        return (self.corrects or self.top_up or self.market).currency


def _draft(order: SettledOrder, coupon_micros: int, parts: Sequence[Part]) -> _Draft:
    lines = [_line_of_part(part) for part in parts]
    if coupon_micros:
        lines.append({"what": "coupon", "micros": coupon_micros})
    about = {**order.about, "order": order.ref, "title": str(order.about.get("title", ""))[:TITLE_CHARACTERS]}
    return _Draft(order.account, order.market, about, lines, order_ref=order.ref)


def _issue(drafts: Sequence[_Draft], *, kind: InvoiceKind, now: datetime) -> list[UUID]:
    """Numbers and writes the documents, tells of them, and asks for their PDFs and their mails."""
    if not drafts:
        return []
    buyers = billing.buyers([draft.account for draft in drafts])
    sellers = {market.code: billing.seller(market) for market in _markets(drafts)}
    numbers = numbering.take_many([draft.market for draft in drafts], kind=kind, now=now)
    rows = [
        {
            "id": ids.new(),
            "series_id": number.series,
            "sequence": number.sequence,
            "number": number.text,
            **_row(draft, sellers[draft.market.code].as_dict(), buyers[draft.account.id].as_dict()),
        }
        for draft, number in zip(drafts, numbers, strict=True)
    ]
    many.insert(Invoice, rows, kind=kind, issued_at=now)
    if told_as := _TOLD_AS.get(kind):
        notifications.notify_all(kind=told_as, told=[_told(row) for row in rows], now=now)
    mailed = [{"invoice": str(row["id"])} for row in rows if row["content"]["buyer"]["email"]]
    outbox.record_all("document_issued", mailed, wakes=False)
    made = [row["id"] for row in rows]
    _render_when_committed(made)
    return made


def _told(row: Mapping[str, Any]) -> tuple[UUID, dict[str, Any]]:
    payload = {"invoice": ids.public("inv", row["id"]), "number": row["number"]}
    return row["account_id"], payload | ({"order": row["order_ref"]} if row["order_ref"] else {})


def _markets(of: Iterable[SettledOrder | _Draft]) -> Iterable[Market]:
    """Each once."""
    return {one.market.code: one.market for one in of}.values()


def _row(draft: _Draft, seller: Mapping[str, str], buyer: Mapping[str, str]) -> dict[str, Any]:
    account, market, currency = draft.account, draft.market, draft.currency
    by_currency = totals(draft.lines)
    own = by_currency.get(currency, Amounts(0, 0))
    return {
        "account_id": account.id,
        "market_id": market.code,
        "order_ref": draft.order_ref,
        "top_up_id": draft.top_up and draft.top_up.id,
        "corrects_id": draft.corrects and draft.corrects.id,
        "returned_id": draft.returned and draft.returned.id,
        "currency": currency,
        "net_minor": own.net_minor,
        "tax_minor": own.tax_minor,
        "gross_minor": own.gross_minor,
        "language": languages.first_spoken(account.language, market.language),
        "content": {
            "seller": seller,
            "buyer": {**buyer, "username": account.username, "country": account.country},
            "about": draft.about,
            "lines": draft.lines,
            "time_zone": market.time_zone,
            "e_invoice": market.e_invoice,
            "exponents": {code: exponent(code) for code in {currency, market.currency, *by_currency}},
        },
    }


def _render_when_committed(invoice_ids: Sequence[UUID]) -> None:
    from payments.tasks import render_documents

    texts = [str(invoice_id) for invoice_id in invoice_ids]

    def call() -> None:
        for first in range(0, len(texts), _RENDERED_AT_ONCE):
            render_documents.apply_async((texts[first : first + _RENDERED_AT_ONCE],), retry=False)

    transaction.on_commit(call, robust=True)
