"""Invoices and receipts: numbered without a gap, never changed, with the PDF that was made of each."""

from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _

from payments.models.returns import PaymentReturn
from payments.models.top_ups import TopUp
from promote import ids
from promote.accounts.models import Account
from promote.markets.models import Market


class InvoiceKind(models.TextChoices):
    INVOICE = "invoice", _("Invoice")
    RECEIPT = "receipt", _("Receipt")
    CREDIT_NOTE = "credit_note", _("Credit note")


class InvoiceSeries(models.Model):
    """The next number of a kind, market and year. Counted up in the transaction that writes the document."""

    key = models.CharField(primary_key=True, max_length=64)
    next = models.PositiveBigIntegerField()

    class Meta:
        verbose_name_plural = _("invoice series")

    def __str__(self) -> str:
        return self.key


class Invoice(models.Model):
    """A document with all that stands on it, as data. A trigger refuses any change."""

    id = models.UUIDField(primary_key=True, default=ids.new, editable=False)
    kind = models.CharField(max_length=16, choices=InvoiceKind)
    series = models.ForeignKey(InvoiceSeries, on_delete=models.PROTECT, related_name="invoices")
    sequence = models.PositiveBigIntegerField()
    number = models.CharField(max_length=32, unique=True)
    account = models.ForeignKey(Account, on_delete=models.PROTECT, related_name="invoices")
    market = models.ForeignKey(Market, on_delete=models.PROTECT, related_name="+")
    order_ref = models.CharField(max_length=64, blank=True)
    top_up = models.ForeignKey(TopUp, null=True, on_delete=models.PROTECT, related_name="invoices")
    corrects = models.ForeignKey("self", null=True, on_delete=models.PROTECT, related_name="corrections")
    returned = models.ForeignKey(
        PaymentReturn,
        null=True,
        on_delete=models.PROTECT,
        related_name="credit_notes",
        help_text=_("What went back, of which a credit note tells."),
    )
    currency = models.CharField(max_length=3)
    net_minor = models.BigIntegerField()
    tax_minor = models.BigIntegerField()
    gross_minor = models.BigIntegerField()
    language = models.CharField(max_length=16)
    content = models.JSONField(help_text=_("Seller, buyer, lines and totals, as they stood."))
    issued_at = models.DateTimeField()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["series", "sequence"], name="invoice_once_per_number"),
            models.UniqueConstraint(
                fields=["order_ref"], condition=Q(kind=InvoiceKind.INVOICE), name="invoice_one_per_order"
            ),
            models.UniqueConstraint(
                fields=["top_up"], condition=Q(kind=InvoiceKind.RECEIPT), name="receipt_one_per_top_up"
            ),
            models.CheckConstraint(condition=Q(gross_minor=F("net_minor") + F("tax_minor")), name="invoice_adds_up"),
            models.CheckConstraint(
                condition=(Q(kind=InvoiceKind.INVOICE, top_up=None, corrects=None) & ~Q(order_ref=""))
                | Q(kind=InvoiceKind.RECEIPT, top_up__isnull=False, corrects=None, order_ref="")
                | Q(kind=InvoiceKind.CREDIT_NOTE, corrects__isnull=False),
                name="invoice_of_one_thing",
            ),
            models.UniqueConstraint(
                fields=["corrects", "returned"], condition=~Q(returned=None), name="credit_note_once_per_return"
            ),
            models.CheckConstraint(
                condition=Q(returned=None) | Q(kind=InvoiceKind.CREDIT_NOTE), name="invoice_returned_by_credit_note"
            ),
            models.CheckConstraint(condition=Q(sequence__gt=0), name="invoice_counts_from_one"),
        ]
        indexes = [models.Index(fields=["account", "-issued_at", "-id"], name="invoice_of_account")]

    def __str__(self) -> str:
        return self.number

    @property
    def public_id(self) -> str:
        return ids.public("inv", self.id)


class InvoiceDocument(models.Model):
    """The PDF of an invoice: made once, kept with its SHA-256, never made again."""

    invoice = models.OneToOneField(Invoice, primary_key=True, on_delete=models.PROTECT, related_name="document")
    pdf = models.BinaryField()
    sha256 = models.CharField(max_length=64)
    rendered_at = models.DateTimeField()

    def __str__(self) -> str:
        return self.sha256
