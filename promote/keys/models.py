"""What opens the doors: platform keys (kept as hashes), app tokens that may be renewed, one-time sign-in links."""

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from promote import ids
from promote.accounts.models import Account


class Scope(models.TextChoices):
    CATALOGUE = "catalogue", _("Catalogue: send accounts, videos, lives")
    TOKENS = "tokens", _("Tokens: sign users in")
    DELIVERY = "delivery", _("Delivery: decide and report events")
    PURCHASES = "purchases", _("Purchases: report what was bought")
    WALLET = "wallet", _("Wallet: spend coins for gifts")
    OPS = "ops", _("Operations: explain decisions")


class PlatformKey(models.Model):
    """A platform server's key. Only its SHA-256 is kept; the prefix finds it and names it in logs."""

    id = models.UUIDField(primary_key=True, default=ids.new, editable=False)
    name = models.CharField(max_length=100)
    prefix = models.CharField(max_length=16, unique=True)
    sha256 = models.CharField(max_length=64)
    scopes = ArrayField(models.CharField(max_length=16, choices=Scope))
    created_at = models.DateTimeField()
    revoked_at = models.DateTimeField(null=True, blank=True)
    last_used_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints = [models.CheckConstraint(condition=Q(scopes__len__gt=0), name="platform_key_has_a_scope")]

    def __str__(self) -> str:
        return f"{self.name} ({self.prefix}…)"


class TokenFamily(models.Model):
    """One sign-in of an app: the refresh tokens that follow from it, each used once."""

    id = models.UUIDField(primary_key=True, default=ids.new, editable=False)
    account = models.ForeignKey(Account, on_delete=models.PROTECT, related_name="token_families")
    app_platform = models.CharField(max_length=8, blank=True)
    created_at = models.DateTimeField()
    generation = models.PositiveIntegerField(default=1, help_text=_("The refresh token that is good now."))
    expires_at = models.DateTimeField(help_text=_("When the refresh token that is good now ends."))
    revoked_at = models.DateTimeField(null=True, blank=True)
    revoked_why = models.CharField(max_length=32, blank=True)

    class Meta:
        indexes = [models.Index(fields=["expires_at"], name="token_family_by_end")]

    def __str__(self) -> str:
        return f"{self.account_id} {self.app_platform}"


class SignInLink(models.Model):
    """A link that signs its account in, once."""

    id = models.UUIDField(primary_key=True, default=ids.new, editable=False)
    account = models.ForeignKey(Account, on_delete=models.PROTECT, related_name="sign_in_links")
    created_at = models.DateTimeField()
    expires_at = models.DateTimeField()
    used_at = models.DateTimeField(null=True, blank=True)

    def __str__(self) -> str:
        return str(self.id)
