"""The PDF of an invoice: made once of the row, kept with its SHA-256, and given out from then on."""

import hashlib
from datetime import datetime
from uuid import UUID

from django.utils import translation

from payments.documents import e_invoice, pdf
from payments.documents.sheet import sheet
from payments.models import Invoice, InvoiceDocument


def of(*, invoice_id: UUID, now: datetime) -> InvoiceDocument:
    """The invoice's PDF; made now where nobody has made it yet. Of two who make it at once, one's is kept."""
    made = InvoiceDocument.objects.filter(invoice_id=invoice_id).first()
    if made is not None:
        return made
    invoice = Invoice.objects.get(id=invoice_id)
    with translation.override(invoice.language):
        content = e_invoice.embedded(invoice, pdf.render(sheet(invoice), issued_at=invoice.issued_at))
    InvoiceDocument.objects.bulk_create(
        [InvoiceDocument(invoice=invoice, pdf=content, sha256=hashlib.sha256(content).hexdigest(), rendered_at=now)],
        ignore_conflicts=True,
    )
    return InvoiceDocument.objects.get(invoice_id=invoice_id)
