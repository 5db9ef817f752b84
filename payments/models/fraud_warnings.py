"""Payments whose card network warns that the payer may not have been the card's owner."""

from django.db import models
from django.utils.translation import gettext_lazy as _

from payments.models.top_ups import TopUp


class FraudWarning(models.Model):
    """An early warning of fraud, as the provider had it when we last asked."""

    gateway = models.CharField(max_length=32)
    ref = models.CharField(max_length=255, help_text=_("Its id at the provider."))
    top_up = models.ForeignKey(TopUp, null=True, on_delete=models.PROTECT, related_name="fraud_warnings")
    payment_ref = models.CharField(max_length=255)
    amount_minor = models.PositiveBigIntegerField()
    currency = models.CharField(max_length=3)
    reason = models.CharField(max_length=64)
    status = models.CharField(max_length=64)
    opened_at = models.DateTimeField()
    asked_at = models.DateTimeField(help_text=_("When we last asked the provider about it."))

    class Meta:
        verbose_name = _("early warning of fraud")
        verbose_name_plural = _("early warnings of fraud")
        constraints = [models.UniqueConstraint(fields=["gateway", "ref"], name="fraud_warning_once")]
        indexes = [models.Index(fields=["payment_ref"], name="fraud_warning_of_payment")]

    def __str__(self) -> str:
        return f"{self.gateway} {self.ref}"
