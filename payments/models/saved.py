"""What payers let a provider keep, to pay with one press next time."""

from datetime import date

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from payments.models.top_ups import TopUp
from promote import ids
from promote.accounts.models import Account


class SavedMethod(models.Model):
    """A provider's token for an account's own means of payment, saved with consent. Each of them once.

    Nothing else of a card is here: its kind and last four digits are the label. What its owner removed pays no more at
    once; the token stays, sealed, until the provider has let go of it too.
    """

    id = models.UUIDField(primary_key=True, default=ids.new, editable=False)
    account = models.ForeignKey(Account, on_delete=models.PROTECT, related_name="saved_methods")
    method = models.CharField(max_length=32)
    gateway = models.CharField(max_length=32)
    token = models.TextField(blank=True, help_text=_("Sealed with the key of fields."))
    token_digest = models.CharField(
        max_length=128, blank=True, db_default="", help_text=_("By which a token is found again: of the same key.")
    )
    payer_ref = models.CharField(max_length=255, blank=True, help_text=_("The provider's own id of its payer."))
    label = models.CharField(max_length=64, help_text=_("How its owner knows it: r…@example.com, Visa •••• 4242."))
    expires_on = models.DateField(null=True, help_text=_("The last day on which a card is good."))
    first_top_up = models.OneToOneField(TopUp, on_delete=models.PROTECT, related_name="+")
    consent = models.TextField(blank=True, help_text=_("What its owner agreed to, as they read it."))
    consented_at = models.DateTimeField()
    removed_at = models.DateTimeField(null=True)
    release_at = models.DateTimeField(
        null=True, help_text=_("When the provider is told next that it was removed; empty: it was, or need not be.")
    )

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["account", "method", "label", "expires_on"],
                condition=Q(removed_at=None),
                nulls_distinct=False,
                name="saved_method_once",
            ),
            models.CheckConstraint(condition=~Q(removed_at=None) | ~Q(token=""), name="saved_method_has_its_token"),
            models.CheckConstraint(
                condition=Q(release_at=None) | ~Q(removed_at=None), name="saved_method_released_once_removed"
            ),
        ]
        indexes = [
            models.Index(fields=["release_at"], condition=~Q(release_at=None), name="saved_method_to_release"),
            models.Index(fields=["token_digest"], condition=Q(removed_at=None), name="saved_method_by_token"),
        ]

    def __str__(self) -> str:
        return f"{self.method} {self.label}"

    @property
    def public_id(self) -> str:
        return ids.public("sav", self.id)

    def is_expired(self, today: date) -> bool:
        return self.expires_on is not None and self.expires_on < today
