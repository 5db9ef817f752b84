"""Lots: each purchase or grant of coins, with where it came from and what was paid for it. Source: DESIGN.md 6.4."""

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from payments.models.ledger import Journal, LedgerAccount
from promote import ids
from promote.accounts.models import Account


class Origin(models.TextChoices):
    """Where a lot's coins came from: a market's payment method, or us."""

    GRANT = "grant", _("Given by us")
    APPLE = "apple", _("App Store")
    GOOGLE = "google", _("Google Play")
    CARD = "card", _("Card")
    PAYPAL = "paypal", _("PayPal")
    PAYPAL_REFERENCE = "paypal_reference", _("Saved PayPal")
    DIRECT_DEBIT = "direct_debit", _("Direct debit")
    DANA = "dana", _("DANA")
    OVO = "ovo", _("OVO")
    DOKU_BANK_TRANSFER = "doku_bank_transfer", _("Bank transfer")
    OFFLINE_BANK_TRANSFER = "offline_bank_transfer", _("Offline bank transfer")
    RABBIT_LINE_PAY = "rabbit_line_pay", _("Rabbit LINE Pay")
    TWOC2P_BANK_TRANSFER = "2c2p_bank_transfer", _("Bank transfer")
    TRUEMONEY = "truemoney", _("TrueMoney")


IN_APP = (Origin.APPLE, Origin.GOOGLE)
NEVER_WITHDRAWN = (Origin.GRANT, *IN_APP)
"""Granted coins are not the user's money; a store's are refunded by the store."""


class Lot(models.Model):
    """Facts of a purchase or grant, written once. What is left of it is its ledger account's balance."""

    id = models.UUIDField(primary_key=True, default=ids.new, editable=False)
    ledger_account = models.OneToOneField(LedgerAccount, on_delete=models.PROTECT, related_name="lot")
    opening = models.OneToOneField(Journal, on_delete=models.PROTECT, related_name="lot")
    account = models.ForeignKey(Account, on_delete=models.PROTECT, related_name="lots")
    origin = models.CharField(max_length=24, choices=Origin)
    coins = models.PositiveIntegerField()
    paid_minor = models.PositiveBigIntegerField(default=0)
    currency = models.CharField(max_length=3, blank=True)
    top_up = models.UUIDField(null=True, unique=True)
    reason = models.CharField(max_length=200, blank=True)
    expires_at = models.DateTimeField(null=True)
    withdrawable = models.BooleanField()
    opened_at = models.DateTimeField()

    class Meta:
        constraints = [
            models.CheckConstraint(condition=Q(coins__gt=0), name="lot_of_coins"),
            models.CheckConstraint(
                condition=Q(withdrawable=False) | ~Q(origin__in=NEVER_WITHDRAWN), name="lot_withdrawable_by_origin"
            ),
            models.CheckConstraint(
                condition=Q(origin=Origin.GRANT, paid_minor=0, currency="", top_up=None)
                | (~Q(origin=Origin.GRANT) & ~Q(currency="") & Q(expires_at=None)),
                name="lot_granted_or_bought",
            ),
        ]
        indexes = [models.Index(fields=["expires_at"], condition=~Q(expires_at=None), name="lot_expiring")]

    def __str__(self) -> str:
        return self.public_id

    @property
    def public_id(self) -> str:
        return ids.public("lot", self.id)
