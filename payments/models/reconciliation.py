"""What providers say moved on our accounts there, compared with our own books, and where the two differ."""

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from payments.models.top_ups import TopUp
from promote import ids
from promote.accounts.models import User


class ProviderLine(models.Model):
    """A line of a provider's account, as it said it. Never changed."""

    id = models.BigAutoField(primary_key=True)
    gateway = models.CharField(max_length=32)
    ref = models.CharField(max_length=255)
    kind = models.CharField(max_length=16)
    at = models.DateTimeField()
    amount_minor = models.BigIntegerField()
    fee_minor = models.BigIntegerField()
    currency = models.CharField(max_length=3)
    payment_ref = models.CharField(max_length=255, blank=True)
    subject = models.CharField(max_length=255, blank=True)
    method = models.CharField(max_length=32, blank=True)
    read_at = models.DateTimeField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["gateway", "ref"], name="provider_line_once")]
        indexes = [
            models.Index(fields=["gateway", "payment_ref"], name="provider_line_of_payment"),
            models.Index(fields=["gateway", "at"], name="provider_line_by_time"),
        ]

    def __str__(self) -> str:
        return f"{self.gateway} {self.ref}"


class Reconciliation(models.Model):
    """One comparison of a provider's account with our books."""

    id = models.UUIDField(primary_key=True, default=ids.new, editable=False)
    gateway = models.CharField(max_length=32)
    since = models.DateTimeField()
    until = models.DateTimeField()
    started_at = models.DateTimeField()
    finished_at = models.DateTimeField(null=True)
    by = models.ForeignKey(User, null=True, on_delete=models.PROTECT, related_name="+")
    lines = models.PositiveIntegerField(default=0)
    compared = models.PositiveIntegerField(default=0)
    found = models.PositiveIntegerField(default=0, help_text=_("Differences that were not known before."))
    error = models.TextField(blank=True)

    class Meta:
        permissions = [("run_reconciliation", _("Can compare the books with a provider's"))]

    def __str__(self) -> str:
        return f"{self.gateway} {self.until:%Y-%m-%d %H:%M}"


class DifferenceKind(models.TextChoices):
    MISSING_HERE = "missing_here", _("Paid there, not here")
    MISSING_THERE = "missing_there", _("Here, not there")
    AMOUNT = "amount", _("The amount differs")
    CURRENCY = "currency", _("The currency differs")
    RETURN_UNKNOWN = "return_unknown", _("Paid back there, not here")
    CLEARING = "clearing", _("The clearing account is apart")


class DifferenceState(models.TextChoices):
    OPEN = "open", _("Open")
    GONE = "gone", _("No longer found")
    RESOLVED = "resolved", _("Resolved")


class Difference(models.Model):
    """Where a provider and we do not say the same. Once per kind and subject; finance resolves it with a reason."""

    id = models.UUIDField(primary_key=True, default=ids.new, editable=False)
    gateway = models.CharField(max_length=32)
    method = models.CharField(max_length=32, blank=True)
    kind = models.CharField(max_length=16, choices=DifferenceKind)
    subject = models.CharField(
        max_length=255, help_text=_("The provider's id of it; of a clearing account, since when.")
    )
    top_up = models.ForeignKey(TopUp, null=True, on_delete=models.PROTECT, related_name="differences")
    at = models.DateTimeField(help_text=_("When it happened, by whoever has it."))
    ours_minor = models.BigIntegerField(null=True)
    ours_currency = models.CharField(max_length=3, blank=True)
    theirs_minor = models.BigIntegerField(null=True)
    theirs_currency = models.CharField(max_length=3, blank=True)
    state = models.CharField(max_length=8, choices=DifferenceState, default=DifferenceState.OPEN)
    found_at = models.DateTimeField()

    class Meta:
        permissions = [("resolve_difference", _("Can resolve a difference"))]
        constraints = [
            models.UniqueConstraint(fields=["gateway", "kind", "subject"], name="difference_once"),
            models.CheckConstraint(
                condition=Q(ours_minor__isnull=False) | Q(theirs_minor__isnull=False), name="difference_of_something"
            ),
        ]
        indexes = [models.Index(fields=["state", "-found_at"], name="difference_to_resolve")]

    def __str__(self) -> str:
        return f"{self.gateway} {self.get_kind_display()}: {self.subject}"


class DifferenceNote(models.Model):
    """A difference's history: found, gone, found again, resolved and why. Append-only."""

    difference = models.ForeignKey(Difference, on_delete=models.PROTECT, related_name="notes")
    to_state = models.CharField(max_length=8, choices=DifferenceState)
    reason = models.CharField(max_length=1000)
    by = models.ForeignKey(User, null=True, on_delete=models.PROTECT, related_name="+")
    at = models.DateTimeField()

    class Meta:
        ordering = ["id"]
        constraints = [
            models.CheckConstraint(condition=~Q(reason=""), name="difference_note_says_why"),
            models.CheckConstraint(
                condition=~Q(to_state=DifferenceState.RESOLVED) | Q(by__isnull=False), name="difference_resolved_by_one"
            ),
        ]

    def __str__(self) -> str:
        return self.reason
