"""Adjustments by finance: proposed by one person, decided by another, posted once."""

from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _

from payments.models.ledger import Journal
from payments.models.lots import Lot
from promote import ids
from promote.accounts.models import Account, User


class AdjustmentKind(models.TextChoices):
    GOODWILL = "goodwill", _("Goodwill: coins given to an account")
    CORRECTION = "correction", _("Correction: coins given to an account, or taken from it")
    WRITE_OFF = "write_off", _("Write-off: a debt in coins is forgiven")
    CHARGEBACK = "chargeback", _("Chargeback: coins of a lot are taken back")
    BOOKS = "books", _("Books: money between two accounts of a currency")


class AdjustmentState(models.TextChoices):
    PROPOSED = "proposed", _("Waits for a second person")
    APPROVED = "approved", _("Approved")
    REFUSED = "refused", _("Refused")


class Adjustment(models.Model):
    """What finance wants moved, and why. Its facts stay as proposed; decided once, by somebody else (CHECK)."""

    id = models.UUIDField(primary_key=True, default=ids.new, editable=False)
    kind = models.CharField(max_length=12, choices=AdjustmentKind)
    state = models.CharField(max_length=10, choices=AdjustmentState, default=AdjustmentState.PROPOSED)
    account = models.ForeignKey(Account, null=True, on_delete=models.PROTECT, related_name="adjustments")
    lot = models.ForeignKey(Lot, null=True, on_delete=models.PROTECT, related_name="adjustments")
    coins = models.IntegerField(null=True, help_text=_("Below zero: taken from the account."))
    currency = models.CharField(max_length=3, blank=True)
    debit_code = models.CharField(max_length=64, blank=True, help_text=_("The account that the money leaves."))
    credit_code = models.CharField(max_length=64, blank=True, help_text=_("The account that gets it."))
    amount_minor = models.PositiveBigIntegerField(null=True)
    reason = models.CharField(max_length=500)
    maker = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+")
    proposed_at = models.DateTimeField()
    checker = models.ForeignKey(User, null=True, on_delete=models.PROTECT, related_name="+")
    decided_at = models.DateTimeField(null=True)
    decision = models.CharField(max_length=500, blank=True, help_text=_("Why it was refused."))
    journal = models.OneToOneField(Journal, null=True, on_delete=models.PROTECT, related_name="adjustment")

    class Meta:
        permissions = [
            ("propose_adjustment", _("Can propose an adjustment")),
            ("decide_adjustment", _("Can approve or refuse another's adjustment")),
        ]
        constraints = [
            models.CheckConstraint(condition=~Q(checker=F("maker")), name="adjustment_by_two"),
            models.CheckConstraint(condition=~Q(reason=""), name="adjustment_says_why"),
            models.CheckConstraint(
                condition=Q(state=AdjustmentState.PROPOSED, checker=None, decided_at=None, journal=None)
                | (
                    Q(checker__isnull=False, decided_at__isnull=False)
                    & (
                        Q(state=AdjustmentState.APPROVED, journal__isnull=False)
                        | (Q(state=AdjustmentState.REFUSED, journal=None) & ~Q(decision=""))
                    )
                ),
                name="adjustment_decided_once",
            ),
            models.CheckConstraint(
                condition=(
                    Q(kind__in=[AdjustmentKind.GOODWILL, AdjustmentKind.WRITE_OFF], coins__gt=0, lot=None)
                    & Q(account__isnull=False)
                )
                | (Q(kind=AdjustmentKind.CORRECTION, account__isnull=False, lot=None) & ~Q(coins=0))
                | Q(kind=AdjustmentKind.CHARGEBACK, account__isnull=False, lot__isnull=False, coins__gt=0)
                | (
                    Q(kind=AdjustmentKind.BOOKS, account=None, lot=None, coins=None, amount_minor__gt=0)
                    & ~Q(currency="")
                    & ~Q(debit_code=F("credit_code"))
                ),
                name="adjustment_of_its_kind",
            ),
        ]

    def __str__(self) -> str:
        return self.public_id

    @property
    def public_id(self) -> str:
        return ids.public("adj", self.id)
