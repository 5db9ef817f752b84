"""Top-ups: coins being bought, from the start of the payment to its end, and each step on the way."""

from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _

from payments.models.lots import IN_APP
from promote import ids
from promote.accounts.models import Account, User
from promote.markets.models import CoinPack, Market


class TopUpStatus(models.TextChoices):
    PENDING = "pending", _("Waiting for the payment")
    PAID = "paid", _("Paid")
    FAILED = "failed", _("Failed")
    EXPIRED = "expired", _("Not paid in time")


TRANSITIONS = {
    TopUpStatus.PENDING: {TopUpStatus.PAID, TopUpStatus.FAILED, TopUpStatus.EXPIRED},
    # A payment may arrive after we gave it up: money that was taken buys its coins, however late.
    TopUpStatus.FAILED: {TopUpStatus.PAID},
    TopUpStatus.EXPIRED: {TopUpStatus.PAID},
    TopUpStatus.PAID: set(),
}


class TopUp(models.Model):
    """One purchase of a coin pack. Coins, price and tax are as they were when it was started."""

    id = models.UUIDField(primary_key=True, default=ids.new, editable=False)
    account = models.ForeignKey(Account, on_delete=models.PROTECT, related_name="top_ups")
    key = models.CharField(max_length=255, help_text=_("The caller's idempotency key."))
    market = models.ForeignKey(Market, on_delete=models.PROTECT, related_name="+")
    method = models.CharField(max_length=32)
    gateway = models.CharField(max_length=32)
    surface = models.CharField(max_length=8)
    pack = models.ForeignKey(CoinPack, null=True, on_delete=models.SET_NULL, related_name="+")
    coins = models.PositiveIntegerField()
    amount_minor = models.PositiveBigIntegerField(help_text=_("What is paid, tax included."))
    currency = models.CharField(max_length=3)
    exponent = models.PositiveSmallIntegerField()
    tax_name = models.CharField(max_length=32)
    tax_percent = models.DecimalField(max_digits=5, decimal_places=2)
    tax_minor = models.PositiveBigIntegerField(help_text=_("The tax that the amount includes."))

    status = models.CharField(max_length=8, choices=TopUpStatus, default=TopUpStatus.PENDING)
    saved = models.ForeignKey(
        "payments.SavedMethod",
        null=True,
        on_delete=models.PROTECT,
        related_name="top_ups",
        help_text=_("What pays for it: saved at an earlier payment."),
    )
    consent = models.TextField(
        blank=True, help_text=_("The words by which its payer agreed that what they pay with is saved.")
    )
    return_url = models.CharField(
        max_length=2000,
        blank=True,
        help_text=_("Where a payer of what was saved comes back to, should they have to go."),
    )
    confirms_in_app = models.BooleanField(
        default=False,
        db_default=False,
        help_text=_("The app has the provider's own form, where a saved card's holder answers their bank."),
    )
    asked_at = models.DateTimeField(null=True, help_text=_("When the provider was last asked to take the money."))
    redirect_url = models.CharField(max_length=2000, blank=True, help_text=_("Where the payer pays."))
    client_secret = models.CharField(max_length=255, blank=True, help_text=_("For the provider's form in an app."))
    instructions = models.JSONField(null=True, help_text=_("What a payer by transfer is shown: account, until when."))
    provider_ref = models.CharField(
        max_length=1000, blank=True, help_text=_("The id of the payment page, or of a store's purchase.")
    )
    payment_ref = models.CharField(max_length=255, blank=True, help_text=_("The payment's id at the provider."))
    started_at = models.DateTimeField()
    expires_at = models.DateTimeField(help_text=_("The provider's page closes then."))
    accepted_at = models.DateTimeField(null=True, help_text=_("The payer paid; the money was not final yet."))
    paid_at = models.DateTimeField(null=True)
    ended_at = models.DateTimeField(null=True, help_text=_("When its status became final, or failed or expired."))
    check_at = models.DateTimeField(null=True, help_text=_("When we ask the provider next, if it has not told us."))
    checks = models.PositiveSmallIntegerField(default=0)
    finish_at = models.DateTimeField(
        null=True, help_text=_("When we tell the store next that its purchase was delivered; empty: told, or no need.")
    )
    shares_use = models.BooleanField(
        default=False, help_text=_("The buyer lets us tell the store how much of it was used.")
    )
    refunded_minor = models.PositiveBigIntegerField(default=0, help_text=_("Kept by a trigger from its returns."))
    disputed_minor = models.PositiveBigIntegerField(default=0)
    withdrawn_minor = models.PositiveBigIntegerField(default=0)
    failure = models.CharField(
        max_length=32, blank=True, help_text=_("Why it did not go through, as declines.py has it.")
    )
    problem = models.TextField(blank=True, help_text=_("Why a payment could not be credited; for ops to look at."))

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["account", "key"], name="top_up_once_per_key"),
            models.UniqueConstraint(
                fields=["gateway", "provider_ref"], condition=~Q(provider_ref=""), name="top_up_once_per_page"
            ),
            models.UniqueConstraint(
                fields=["gateway", "payment_ref"], condition=~Q(payment_ref=""), name="top_up_once_per_payment"
            ),
            models.CheckConstraint(condition=Q(coins__gt=0, amount_minor__gt=0), name="top_up_positive"),
            models.CheckConstraint(condition=Q(tax_minor__lt=F("amount_minor")), name="top_up_tax_within"),
            models.CheckConstraint(
                condition=Q(amount_minor__gte=F("refunded_minor") + F("disputed_minor") + F("withdrawn_minor")),
                name="top_up_returns_within_paid",
            ),
            models.CheckConstraint(
                condition=Q(status=TopUpStatus.PAID) | Q(refunded_minor=0, disputed_minor=0, withdrawn_minor=0),
                name="top_up_returns_of_paid",
            ),
            models.CheckConstraint(
                condition=Q(status=TopUpStatus.PAID, paid_at__isnull=False)
                | (~Q(status=TopUpStatus.PAID) & Q(paid_at=None)),
                name="top_up_paid_has_its_time",
            ),
        ]
        indexes = [
            models.Index(fields=["check_at"], condition=~Q(check_at=None), name="top_up_to_check"),
            models.Index(fields=["account", "-started_at", "-id"], name="top_up_of_account"),
            models.Index(fields=["finish_at"], condition=~Q(finish_at=None), name="top_up_to_finish"),
            models.Index(
                fields=["started_at"],
                condition=Q(status=TopUpStatus.PENDING) & ~Q(problem=""),
                name="top_up_needs_a_look",
            ),
        ]

    def __str__(self) -> str:
        return self.public_id

    @property
    def public_id(self) -> str:
        return ids.public("top", self.id)

    @property
    def in_app(self) -> bool:
        """Sold by a store, which says the price."""
        return self.method in IN_APP

    @property
    def reference(self) -> str:
        """What the provider repeats of ours: of a store the buyer's account, which the app named to it."""
        return str(self.account_id) if self.in_app else self.public_id

    @property
    def net_minor(self) -> int:
        return self.amount_minor - self.tax_minor

    @property
    def returnable_minor(self) -> int:
        """What of it has not gone back yet."""
        return self.amount_minor - self.refunded_minor - self.disputed_minor - self.withdrawn_minor


class Payer(models.Model):
    """The name of who paid, where the provider told it: our staff compares it with where money is to go back to."""

    top_up = models.OneToOneField(TopUp, primary_key=True, on_delete=models.PROTECT, related_name="payer")
    name = models.TextField(help_text=_("Sealed."))

    def __str__(self) -> str:
        return str(self.top_up_id)


class TopUpTransition(models.Model):
    """A top-up's history: what it became, why, and by whom where that was a person."""

    top_up = models.ForeignKey(TopUp, on_delete=models.PROTECT, related_name="transitions")
    from_status = models.CharField(max_length=8, blank=True)
    to_status = models.CharField(max_length=8, choices=TopUpStatus)
    why = models.CharField(max_length=64)
    by = models.ForeignKey(User, null=True, on_delete=models.PROTECT, related_name="+")
    at = models.DateTimeField()

    class Meta:
        ordering = ["id"]

    def __str__(self) -> str:
        return f"{self.from_status} → {self.to_status}"
