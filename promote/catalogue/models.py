"""The catalogue: videos, products and live rooms, as the platform tells of them."""

from typing import Any

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.utils.translation import gettext_lazy as _

from promote import ids
from promote.accounts.models import Account


class Licence(models.TextChoices):
    COMMERCIAL = "commercial", _("Commercial")
    GENERAL = "general", _("General")
    ORIGINAL = "original", _("Original sound")
    UNKNOWN = "unknown", _("Unknown")


class Visibility(models.TextChoices):
    PUBLIC = "public", _("Public")
    FRIENDS = "friends", _("Friends")
    PRIVATE = "private", _("Private")


class Standing(models.TextChoices):
    ACTIVE = "active", _("Active")
    SUSPENDED = "suspended", _("Suspended")
    DELETED = "deleted", _("Deleted")


class LiveState(models.TextChoices):
    SCHEDULED = "scheduled", _("Scheduled")
    ON_AIR = "on_air", _("On air")
    ENDED = "ended", _("Ended")


def _former_accounts() -> "ArrayField[Any, Any]":
    return ArrayField(models.UUIDField(), default=list, blank=True, help_text=_("Whose it was before."))


class Product(models.Model):
    """What an anchor sells."""

    id = models.UUIDField(primary_key=True, default=ids.new, editable=False)
    external_id = models.CharField(max_length=128, unique=True)
    title = models.CharField(max_length=300)
    price_minor = models.BigIntegerField()
    currency = models.CharField(max_length=3)
    url = models.URLField(max_length=2000)
    in_stock = models.BooleanField(default=True)
    source_updated_at = models.DateTimeField()

    def __str__(self) -> str:
        return self.title


def title_of(caption: str) -> str:
    """What a video with this caption is called."""
    return caption or str(_("Video without a caption"))


class Video(models.Model):
    """A short video. `revision` counts what a reviewer has to see again: caption, cover, music, anchor, link."""

    id = models.UUIDField(primary_key=True, default=ids.new, editable=False)
    external_id = models.CharField(max_length=128, unique=True)
    account = models.ForeignKey(Account, on_delete=models.PROTECT, related_name="videos")
    former_account_ids = _former_accounts()
    caption = models.TextField(blank=True)
    music_title = models.CharField(max_length=300, blank=True)
    music_licence = models.CharField(max_length=16, choices=Licence, blank=True)
    music_own_sound = models.BooleanField(default=False)
    visibility = models.CharField(max_length=16, choices=Visibility)
    status = models.CharField(max_length=16, choices=Standing)
    product = models.ForeignKey(Product, null=True, blank=True, on_delete=models.PROTECT, related_name="videos")
    duration_s = models.PositiveIntegerField()
    cover_url = models.URLField(max_length=2000, blank=True)
    published_at = models.DateTimeField(null=True, blank=True)
    source_updated_at = models.DateTimeField()
    created_at = models.DateTimeField(auto_now_add=True)
    revision = models.PositiveIntegerField(default=1)

    def __str__(self) -> str:
        return self.title

    @property
    def public_id(self) -> str:
        return ids.public("vid", self.id)

    @property
    def title(self) -> str:
        return title_of(self.caption)


class LiveRoom(models.Model):
    """A live stream, before, while and after it is on air."""

    id = models.UUIDField(primary_key=True, default=ids.new, editable=False)
    external_id = models.CharField(max_length=128, unique=True)
    account = models.ForeignKey(Account, on_delete=models.PROTECT, related_name="lives")
    former_account_ids = _former_accounts()
    title = models.CharField(max_length=300)
    state = models.CharField(max_length=16, choices=LiveState)
    starts_at = models.DateTimeField()
    on_air_at = models.DateTimeField(null=True, blank=True)
    ended_at = models.DateTimeField(null=True, blank=True)
    source_updated_at = models.DateTimeField()
    created_at = models.DateTimeField(auto_now_add=True)
    revision = models.PositiveIntegerField(default=1)

    def __str__(self) -> str:
        return self.title

    @property
    def public_id(self) -> str:
        return ids.public("liv", self.id)
