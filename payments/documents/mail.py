"""A document in its buyer's mailbox: a short letter in their language, with the PDF."""

from datetime import datetime
from uuid import UUID

from django.conf import settings
from django.core.mail import EmailMessage
from django.utils import translation
from django.utils.translation import gettext as _

from payments import documents
from payments.models import Invoice, InvoiceKind


def send(*, invoice_id: UUID, now: datetime) -> bool:
    """Mails the document to the address that stands on it; False where none does, or no mail is sent from here.

    Raises what the mail server answers (OSError, SMTPException): the outbox tries again, and shows what stays undone.
    """
    invoice = Invoice.objects.get(id=invoice_id)
    address = invoice.content["buyer"]["email"]
    if not address or not settings.EMAIL_BACKEND:
        return False
    document = documents.of(invoice_id=invoice.id, now=now)
    with translation.override(invoice.language):
        letter = EmailMessage(
            subject=_subject(invoice),
            body=_body(invoice),
            to=[address],
            headers={
                "Message-ID": f"<{invoice.public_id}@{settings.EMAIL_DOMAIN}>",
                "Auto-Submitted": "auto-generated",
            },
        )
    letter.attach(f"{invoice.number}.pdf", bytes(document.pdf), "application/pdf")
    return letter.send() == 1


def _subject(invoice: Invoice) -> str:
    names = {
        InvoiceKind.INVOICE: _("Invoice %s"),
        InvoiceKind.RECEIPT: _("Receipt %s"),
        InvoiceKind.CREDIT_NOTE: _("Credit note %s"),
    }
    return f"{invoice.content['seller']['name']}: {names[InvoiceKind(invoice.kind)] % invoice.number}"


def _body(invoice: Invoice) -> str:
    about = {
        InvoiceKind.INVOICE: _("attached is the invoice for your promotion. It is paid with coins; nothing is due."),
        InvoiceKind.RECEIPT: _("attached is the receipt for the coins that you bought. They are in your balance."),
        InvoiceKind.CREDIT_NOTE: _("attached is the credit note for money of a payment that went back."),
    }
    name = invoice.content["buyer"]["name"]
    where = _("All of them: %s") % f"{settings.PUBLIC_URL}/invoices/"
    hello = _("Hello %s,") % name
    return f"{hello}\n\n{about[InvoiceKind(invoice.kind)]}\n\n{where}\n\n{invoice.content['seller']['name']}\n"
