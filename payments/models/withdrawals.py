"""Withdrawals: coins on their way back to the payments that they came from, a leg for each."""

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from payments.models.ledger import LedgerAccount
from payments.models.lots import Lot
from payments.models.returns import PaymentReturn
from promote import ids
from promote.accounts.models import Account, User
from promote.markets.models import Market


class WithdrawalStatus(models.TextChoices):
    IN_REVIEW = "in_review", _("Looked at by our staff")
    REQUESTED = "requested", _("Requested")
    SUBMITTED = "submitted", _("On its way")
    SUCCEEDED = "succeeded", _("Paid back")
    PARTLY = "partly", _("Partly paid back")
    FAILED = "failed", _("Not paid back")
    REFUSED = "refused", _("Refused")


WITHDRAWAL_TRANSITIONS = {
    WithdrawalStatus.IN_REVIEW: {WithdrawalStatus.REQUESTED, WithdrawalStatus.REFUSED},
    WithdrawalStatus.REQUESTED: {WithdrawalStatus.SUBMITTED, WithdrawalStatus.FAILED},
    WithdrawalStatus.SUBMITTED: {WithdrawalStatus.SUCCEEDED, WithdrawalStatus.PARTLY, WithdrawalStatus.FAILED},
    # A refund may come back weeks after it looked paid.
    WithdrawalStatus.SUCCEEDED: {WithdrawalStatus.PARTLY, WithdrawalStatus.FAILED},
    WithdrawalStatus.PARTLY: {WithdrawalStatus.FAILED},
    WithdrawalStatus.FAILED: set(),
    WithdrawalStatus.REFUSED: set(),
}


class Withdrawal(models.Model):
    """Coins that left the wallet for the payments they came from. They wait in an escrow of their own."""

    id = models.UUIDField(primary_key=True, default=ids.new, editable=False)
    account = models.ForeignKey(Account, on_delete=models.PROTECT, related_name="withdrawals")
    key = models.CharField(max_length=255, help_text=_("The caller's idempotency key."))
    market = models.ForeignKey(Market, on_delete=models.PROTECT, related_name="+")
    surface = models.CharField(max_length=8)
    coins = models.PositiveIntegerField()
    escrow = models.OneToOneField(LedgerAccount, on_delete=models.PROTECT, related_name="withdrawal")
    status = models.CharField(max_length=10, choices=WithdrawalStatus)
    requested_at = models.DateTimeField()
    ended_at = models.DateTimeField(null=True)

    class Meta:
        permissions = [("review_withdrawal", _("Can let a withdrawal go or refuse it"))]
        constraints = [
            models.UniqueConstraint(fields=["account", "key"], name="withdrawal_once_per_key"),
            models.CheckConstraint(condition=Q(coins__gt=0), name="withdrawal_of_coins"),
        ]
        indexes = [models.Index(fields=["account", "-requested_at", "-id"], name="withdrawal_of_account")]

    def __str__(self) -> str:
        return self.public_id

    @property
    def public_id(self) -> str:
        return ids.public("wdr", self.id)

    @property
    def payout_account(self) -> "PayoutAccount | None":
        """The account that it names, where some of it can't go back as it was paid."""
        return PayoutAccount.objects.filter(legs__withdrawal=self).first()


class PayoutAccount(models.Model):
    """The bank account that an advertiser named for what can't go back as it was paid. Holder and number are sealed
    (sealed_rows.py); it stays as it was named (trigger).
    """

    id = models.UUIDField(primary_key=True, default=ids.new, editable=False)
    account = models.ForeignKey(Account, on_delete=models.PROTECT, related_name="payout_accounts")
    market = models.ForeignKey(Market, on_delete=models.PROTECT, related_name="+")
    bank_code = models.CharField(max_length=10, help_text=_("As the market's banks know it: 014."))
    bank_name = models.CharField(max_length=80)
    holder = models.TextField(help_text=_("Sealed."))
    number = models.TextField(help_text=_("Sealed."))
    last_digits = models.CharField(max_length=4)
    named_at = models.DateTimeField()

    class Meta:
        constraints = [
            models.CheckConstraint(condition=Q(last_digits__regex=r"^[0-9]{2,4}$"), name="payout_account_last_digits")
        ]

    def __str__(self) -> str:
        return f"{self.bank_name} {self.known_by}"

    @property
    def known_by(self) -> str:
        """How its owner knows it, and how it is shown."""
        return f"•••• {self.last_digits}"


class WithdrawalTransition(models.Model):
    """A withdrawal's history."""

    withdrawal = models.ForeignKey(Withdrawal, on_delete=models.PROTECT, related_name="transitions")
    from_status = models.CharField(max_length=10, blank=True)
    to_status = models.CharField(max_length=10, choices=WithdrawalStatus)
    why = models.CharField(max_length=500)
    by = models.ForeignKey(User, null=True, on_delete=models.PROTECT, related_name="+")
    at = models.DateTimeField()

    class Meta:
        ordering = ["id"]

    def __str__(self) -> str:
        return f"{self.from_status} → {self.to_status}"


class LegState(models.TextChoices):
    WAITING = "waiting", _("Not asked for yet")
    SUBMITTED = "submitted", _("On its way")
    SUCCEEDED = "succeeded", _("Paid back")
    FAILED = "failed", _("Came back")


class WithdrawalLeg(models.Model):
    """The part of a withdrawal that goes back to one payment; `returned` counts it against what was paid."""

    id = models.UUIDField(primary_key=True, default=ids.new, editable=False)
    withdrawal = models.ForeignKey(Withdrawal, on_delete=models.PROTECT, related_name="legs")
    seq = models.PositiveSmallIntegerField()
    lot = models.ForeignKey(Lot, on_delete=models.PROTECT, related_name="legs")
    coins = models.PositiveIntegerField()
    returned = models.OneToOneField(PaymentReturn, on_delete=models.PROTECT, related_name="leg")
    payout_account = models.ForeignKey(
        PayoutAccount,
        null=True,
        on_delete=models.PROTECT,
        related_name="legs",
        help_text=_(
            "Where it goes that can't go back as it was paid: its owner's, and our staff looks first (trigger)."
        ),
    )
    state = models.CharField(max_length=10, choices=LegState, default=LegState.WAITING)
    failure = models.CharField(max_length=255, blank=True)
    check_at = models.DateTimeField(null=True, help_text=_("When it is sent, or asked for, next."))
    checks = models.PositiveSmallIntegerField(default=0)

    class Meta:
        ordering = ["withdrawal", "seq"]
        constraints = [
            models.UniqueConstraint(fields=["withdrawal", "seq"], name="withdrawal_leg_in_order"),
            models.UniqueConstraint(fields=["withdrawal", "lot"], name="withdrawal_leg_once_per_lot"),
            models.CheckConstraint(condition=Q(coins__gt=0), name="withdrawal_leg_of_coins"),
        ]
        indexes = [models.Index(fields=["check_at"], condition=~Q(check_at=None), name="withdrawal_leg_to_check")]

    def __str__(self) -> str:
        return self.public_id

    @property
    def public_id(self) -> str:
        return ids.public("wdl", self.id)
