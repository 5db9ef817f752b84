"""Accounts as the platform tells of them, and the users who sign in."""

from uuid import UUID

from django.contrib.auth.models import AbstractUser
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from promote import ids


class User(AbstractUser):
    """Who signs in with a session: an advertiser's person, or a member of staff."""


class AccountType(models.TextChoices):
    BUSINESS = "business", _("Business")
    CREATOR = "creator", _("Creator")
    PERSONAL = "personal", _("Personal")


class Account(models.Model):
    """A creator's or seller's account on the platform. The platform's word is what it is; ours are user and limits."""

    id = models.UUIDField(primary_key=True, default=ids.new, editable=False)
    external_id = models.CharField(max_length=128, unique=True)
    username = models.CharField(max_length=128)
    type = models.CharField(max_length=16, choices=AccountType)
    country = models.CharField(max_length=2)
    birth_date = models.DateField(null=True, blank=True)
    restricted = models.BooleanField(default=False)
    language = models.CharField(max_length=16, blank=True)
    timezone = models.CharField(max_length=64, blank=True)
    followers = models.PositiveBigIntegerField(null=True, blank=True)
    source_updated_at = models.DateTimeField()
    created_at = models.DateTimeField(auto_now_add=True)
    user = models.OneToOneField(User, null=True, blank=True, on_delete=models.PROTECT, related_name="account")
    order_max_coins = models.PositiveIntegerField(
        null=True, blank=True, help_text=_("The most one order may cost, where finance raised it for this account.")
    )

    class Meta:
        constraints = [models.CheckConstraint(condition=Q(country__regex=r"^[A-Z]{2}$"), name="account_country_iso")]

    def __str__(self) -> str:
        return self.username

    @property
    def public_id(self) -> str:
        return ids.public("acc", self.id)

    @staticmethod
    def id_from(text: str) -> UUID:
        return ids.parse("acc", text)
