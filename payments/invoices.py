"""Invoices for settled orders and receipts for top-ups: issued once, from the ledger, numbered, never changed.

The row holds all that stands on the document, as data; the PDF is made of it afterwards (payments/documents/), so that
the number is held for a moment only. Source: DESIGN.md 2, payments.md 5.
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db import transaction

from payments import billing, fiat, languages, ledger, numbering, uses
from payments.models import Invoice, InvoiceKind, PaymentReturn, TopUp, TopUpStatus
from payments.uses import Part
from promote import ids, notifications, outbox
from promote.accounts.models import Account
from promote.markets.models import Market
from promote.markets.taxes import tax_of
from promote.money import MICROS
from promote.refusals import NotFound, WrongState

TITLE_CHARACTERS = 160


@dataclass(frozen=True, slots=True)
class Amounts:
    """In minor units of one currency."""

    net_minor: int
    tax_minor: int

    @property
    def gross_minor(self) -> int:
        return self.net_minor + self.tax_minor


def issue_for_order(
    *, order_ref: str, account: Account, market: Market, about: Mapping[str, Any], now: datetime
) -> Invoice | None:
    """The invoice of a settled order; None where its owner spent less than a coin. Once per order.

    What each lot paid is read from the order's journals and priced cumulatively per lot (uses.py); coins that we sold
    bring their tax and become revenue, a store's name the store, given ones stand at price 0. `about` says what the
    order was (title, objective, times). The transaction locks the lots, then the series.
    """
    with transaction.atomic():
        funders = uses.of_order(order_ref)
        if sum(funders.by_lot.values()) < MICROS:
            return None
        ledger.lock(funders.by_lot)
        if issued := Invoice.objects.filter(kind=InvoiceKind.INVOICE, order_ref=order_ref).first():
            return issued
        sold = tax_of(market, at=now)
        parts = uses.record(funders.by_lot, ref=order_ref, tax_name=sold.name, tax_percent=sold.percent, now=now)
        key = f"order:{order_ref}:revenue"
        fiat.post(kind="order_revenue", key=key, ref=order_ref, movements=fiat.earned(parts), now=now)
        lines = [_line_of_part(part) for part in parts]
        if funders.coupon_micros:
            lines.append({"what": "coupon", "micros": funders.coupon_micros})
        about = {**about, "order": order_ref, "title": str(about.get("title", ""))[:TITLE_CHARACTERS]}
        return _issue(
            kind=InvoiceKind.INVOICE,
            account=account,
            market=market,
            order_ref=order_ref,
            about=about,
            lines=lines,
            now=now,
        )


def issue_receipt(*, top_up: TopUp, now: datetime) -> Invoice:
    """The receipt of a paid top-up. Once per top-up. Raises WrongState where it is not paid."""
    if top_up.status != TopUpStatus.PAID:
        raise WrongState
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
    with transaction.atomic():
        TopUp.objects.select_for_update(of=("self",)).get(id=top_up.id)
        if issued := Invoice.objects.filter(kind=InvoiceKind.RECEIPT, top_up=top_up).first():
            return issued
        return _issue(
            kind=InvoiceKind.RECEIPT,
            account=top_up.account,
            market=top_up.market,
            top_up=top_up,
            about=about,
            lines=[line],
            now=now,
        )


def issue_credit_note(
    *,
    corrects: Invoice,
    returned: PaymentReturn,
    about: Mapping[str, Any],
    line: Mapping[str, Any],
    now: datetime,
) -> Invoice:
    """In the caller's transaction: a note of one line against a document, which stays as it is. Once per return."""
    return _issue(
        kind=InvoiceKind.CREDIT_NOTE,
        account=corrects.account,
        market=corrects.market,
        top_up=corrects.top_up,
        corrects=corrects,
        returned=returned,
        about=about,
        lines=[line],
        now=now,
    )


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


def _issue(
    *,
    kind: InvoiceKind,
    account: Account,
    market: Market,
    about: Mapping[str, Any],
    lines: Sequence[Mapping[str, Any]],
    now: datetime,
    order_ref: str = "",
    top_up: TopUp | None = None,
    corrects: Invoice | None = None,
    returned: PaymentReturn | None = None,
) -> Invoice:
    by_currency = totals(lines)
    # A store may have sold in another currency than the market's own.
    currency = corrects.currency if corrects else top_up.currency if top_up else market.currency
    own = by_currency.get(currency, Amounts(0, 0))
    content: dict[str, Any] = {
        "seller": billing.seller(market).as_dict(),
        "buyer": billing.buyer(account).as_dict() | {"username": account.username, "country": account.country},
        "about": about,
        "lines": lines,
        "time_zone": market.time_zone,
        "e_invoice": market.e_invoice,
        "exponents": {code: _exponent(code, market) for code in {currency, market.currency, *by_currency}},
    }
    number = numbering.take(kind=kind, market=market, now=now)
    invoice = Invoice.objects.create(
        kind=kind,
        series_id=number.series,
        sequence=number.sequence,
        number=number.text,
        account=account,
        market=market,
        order_ref=order_ref,
        top_up=top_up,
        corrects=corrects,
        returned=returned,
        currency=currency,
        net_minor=own.net_minor,
        tax_minor=own.tax_minor,
        gross_minor=own.gross_minor,
        language=languages.first_spoken(account.language, market.language),
        content=content,
        issued_at=now,
    )
    payload = {"invoice": invoice.public_id, "number": invoice.number}
    if kind == InvoiceKind.INVOICE:
        notifications.notify(account=account, kind="invoice_issued", payload=payload | {"order": order_ref}, now=now)
    elif kind == InvoiceKind.CREDIT_NOTE:
        notifications.notify(account=account, kind="credit_note_issued", payload=payload, now=now)
    if content["buyer"]["email"]:
        outbox.record("document_issued", {"invoice": str(invoice.id)})
    _render_when_committed(invoice)
    return invoice


def _exponent(currency: str, market: Market) -> int:
    if currency == market.currency:
        return market.exponent
    other = Market.objects.filter(currency=currency).first()
    return other.exponent if other else 2


def _render_when_committed(invoice: Invoice) -> None:
    from payments.tasks import render_document

    transaction.on_commit(lambda: render_document.apply_async((str(invoice.id),), retry=False), robust=True)
