"""Money of a payment that went back to its payer: refunds, disputes and withdrawals."""

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from payments.models.top_ups import TopUp
from promote import ids


class ReturnKind(models.TextChoices):
    REFUND = "refund", _("Refund")
    DISPUTE = "dispute", _("Dispute")
    WITHDRAWAL = "withdrawal", _("Withdrawal")


class ReturnState(models.TextChoices):
    UNDER_WAY = "under_way", _("Under way")
    DONE = "done", _("Done")
    UNDONE = "undone", _("Undone")


class PaymentReturn(models.Model):
    """So much of a payment went back, or is on its way. A trigger sums those that stand on the top-up, whose CHECK
    refuses more than was paid (DESIGN.md 6.10). Undone is final: money that comes a second time is another return.
    """

    id = models.UUIDField(primary_key=True, default=ids.new, editable=False)
    top_up = models.ForeignKey(TopUp, on_delete=models.PROTECT, related_name="returns")
    kind = models.CharField(max_length=12, choices=ReturnKind)
    state = models.CharField(max_length=12, choices=ReturnState)
    gateway = models.CharField(max_length=32)
    provider_ref = models.CharField(max_length=255, blank=True, help_text=_("Its id at the provider."))
    amount_minor = models.PositiveBigIntegerField()
    currency = models.CharField(max_length=3)
    coins = models.PositiveIntegerField(help_text=_("Of the payment's coins, those that went with it."))
    why = models.CharField(max_length=64, blank=True, help_text=_("The provider's reason."))
    answer_by = models.DateTimeField(null=True, help_text=_("Until when a dispute has to be answered, while it has."))
    noticed_at = models.DateTimeField()
    done_at = models.DateTimeField(null=True)
    undone_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["gateway", "provider_ref"], condition=~Q(provider_ref=""), name="return_once_per_provider_ref"
            ),
            models.CheckConstraint(condition=Q(amount_minor__gt=0), name="return_positive"),
            models.CheckConstraint(
                condition=Q(state=ReturnState.UNDER_WAY, done_at=None, undone_at=None)
                | Q(state=ReturnState.DONE, done_at__isnull=False, undone_at=None)
                | Q(state=ReturnState.UNDONE, undone_at__isnull=False),
                name="return_state_has_its_time",
            ),
        ]
        indexes = [models.Index(fields=["noticed_at"], name="return_by_time")]

    def __str__(self) -> str:
        return self.public_id

    @property
    def public_id(self) -> str:
        return ids.public("ret", self.id)
