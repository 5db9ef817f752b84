"""Credit notes: what of a payment went back to its payer, told against the receipt that said it was paid.

Found by looking, not by being told: whatever made the money go back (a withdrawal, a refund, a lost dispute), its note
follows once it is done; where it comes back to us, a note of the opposite amounts takes the first one back.
What a store sold, the store credits.
Source: DESIGN.md 2 (invoices), 6.10.
"""

import logging
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db import transaction
from django.db.models import Exists, OuterRef, Q

from payments import invoices, tax
from payments.models import Invoice, InvoiceKind, PaymentReturn, ReturnState, TopUp
from payments.models.lots import IN_APP
from promote import ids
from promote.money import MICROS

log = logging.getLogger(__name__)


def issue_due(*, now: datetime, limit: int = 200) -> int:
    """Writes the notes that are missing, each in a transaction of its own; how many."""
    return sum(_issue(returned_id, now=now) for returned_id in _due(limit))


def _due(limit: int) -> list[UUID]:
    receipts = Invoice.objects.filter(kind=InvoiceKind.RECEIPT, top_up=OuterRef("top_up"))
    notes = Invoice.objects.filter(returned=OuterRef("pk"))
    taken_back = notes.filter(corrects__kind=InvoiceKind.CREDIT_NOTE)
    ours = PaymentReturn.objects.exclude(top_up__method__in=IN_APP)
    rows = ours.filter(Exists(receipts)).filter(
        (Q(state=ReturnState.DONE) & ~Exists(notes))
        | (Q(state=ReturnState.UNDONE) & Exists(notes) & ~Exists(taken_back))
    )
    return list(rows.order_by("noticed_at").values_list("id", flat=True)[:limit])


def _issue(returned_id: UUID, *, now: datetime) -> bool:
    with transaction.atomic():
        top_up_id = PaymentReturn.objects.values_list("top_up_id", flat=True).get(id=returned_id)
        TopUp.objects.select_for_update(of=("self",)).get(id=top_up_id)
        returned = PaymentReturn.objects.get(id=returned_id)
        receipt = Invoice.objects.select_related("account", "market", "top_up").get(
            kind=InvoiceKind.RECEIPT, top_up=top_up_id
        )
        note = Invoice.objects.filter(returned=returned, corrects=receipt).first()
        if returned.state == ReturnState.DONE and note is None:
            _write(receipt, returned, corrects=receipt, line=_line(receipt, returned), now=now)
        elif returned.state == ReturnState.UNDONE and note is not None and not note.corrections.exists():
            (line,) = note.content["lines"]
            signed = {name: -line[name] for name in ("micros", "net_minor", "tax_minor")}
            _write(receipt, returned, corrects=note, line={**line, **signed}, now=now)
        else:
            return False
        return True


def _line(receipt: Invoice, returned: PaymentReturn) -> dict[str, Any]:
    """Its tax is the difference of what is told so far: what goes back whole adds up to the receipt's own."""
    (sold,) = receipt.content["lines"]
    before = sum(_credited(receipt))
    taxes = [
        tax.share_of(receipt.tax_minor, part=gross, whole=receipt.gross_minor)
        for gross in (before, before + returned.amount_minor)
    ]
    taxed = taxes[1] - taxes[0]
    amounts = {"net_minor": returned.amount_minor - taxed, "tax_minor": taxed}
    return {**sold, "what": "returned", "way": returned.kind, "micros": returned.coins * MICROS, **amounts}


def _credited(receipt: Invoice) -> list[int]:
    """What earlier notes gave back, those that took one back below zero."""
    notes = Invoice.objects.filter(Q(corrects=receipt) | Q(corrects__corrects=receipt))
    return list(notes.values_list("gross_minor", flat=True))


def _write(
    receipt: Invoice, returned: PaymentReturn, *, corrects: Invoice, line: dict[str, Any], now: datetime
) -> None:
    about = {
        **receipt.content["about"],
        "corrects": corrects.number,
        "corrects_at": corrects.issued_at.isoformat(),
        "returned": ids.public("ret", returned.id),
    }
    note = invoices.issue_credit_note(corrects=corrects, returned=returned, about=about, line=line, now=now)
    log.info("credit note %s corrects %s", note, corrects)
