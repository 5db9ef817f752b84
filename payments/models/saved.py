"""What payers let a provider keep, to pay with one press next time."""

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from payments.models.top_ups import TopUp
from promote import ids
from promote.accounts.models import Account


class SavedMethod(models.Model):
    """A provider's token for an account's own means of payment, saved with consent; one at a time for each method."""

    id = models.UUIDField(primary_key=True, default=ids.new, editable=False)
    account = models.ForeignKey(Account, on_delete=models.PROTECT, related_name="saved_methods")
    method = models.CharField(max_length=32)
    gateway = models.CharField(max_length=32)
    token = models.TextField(help_text=_("Sealed with the key of fields."))
    label = models.CharField(max_length=64, help_text=_("How its owner knows it: r…@example.com."))
    first_top_up = models.OneToOneField(TopUp, on_delete=models.PROTECT, related_name="+")
    consented_at = models.DateTimeField()
    removed_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["account", "method"], condition=Q(removed_at=None), name="saved_method_one_at_a_time"
            )
        ]

    def __str__(self) -> str:
        return f"{self.method} {self.label}"

    @property
    def public_id(self) -> str:
        return ids.public("sav", self.id)
