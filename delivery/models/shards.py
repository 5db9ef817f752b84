"""Shards of orders: how far each is drained, its pacer, its barriers, and what it can't take."""

import base64
from typing import Any

from django.db import models
from django.utils.translation import gettext_lazy as _

from orders.models import Order
from promote import ids


class Shard(models.Model):
    """Where a shard stands: what was drained, and under which generation."""

    id = models.PositiveSmallIntegerField(primary_key=True)
    generation = models.PositiveIntegerField(default=0, help_text=_("Of its counters and stream; 0 before the first."))
    redis_run_id = models.CharField(max_length=64, blank=True)
    position_generation = models.PositiveIntegerField(default=0)
    position_id = models.CharField(max_length=48, default="0-0", help_text=_("The last stream entry committed."))
    drained_at = models.DateTimeField(null=True, blank=True)
    lost_entries = models.PositiveBigIntegerField(
        default=0,
        help_text=_(
            "At least so many went with a lost Redis: they were seen waiting and never drained. What came after the "
            "last look, half a second before at most, nobody can count."
        ),
    )

    def __str__(self) -> str:
        return f"shard {self.id}"


class Barrier(models.Model):
    """An ended order's last word in its shard's stream. Written again under each generation until drained."""

    order = models.OneToOneField(Order, primary_key=True, on_delete=models.PROTECT, related_name="+")
    shard = models.PositiveSmallIntegerField()
    due_at = models.DateTimeField(help_text=_("At the latest then, even if tokens are still out."))
    appended_generation = models.PositiveIntegerField(null=True, blank=True)
    drained_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        indexes = [
            models.Index(fields=["shard"], condition=models.Q(drained_at=None), name="barrier_waiting"),
        ]

    def __str__(self) -> str:
        return f"barrier of {ids.public('ord', self.order_id)}"


class PoisonEntry(models.Model):
    """A stream entry that could not be stored, with the error. It can be replayed."""

    id = models.UUIDField(primary_key=True, default=ids.new, editable=False)
    shard = models.PositiveSmallIntegerField()
    generation = models.PositiveIntegerField()
    stream_id = models.CharField(max_length=48)
    fields = models.JSONField(help_text=_("The entry's fields, each in base64."))
    error = models.TextField()
    at = models.DateTimeField()
    replayed_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        db_table = "delivery_poison_entry"
        ordering = ["-at"]
        verbose_name_plural = _("poison entries")

    def __str__(self) -> str:
        return f"{self.shard}:{self.generation}:{self.stream_id}"

    @staticmethod
    def kept(fields: dict[bytes, bytes]) -> dict[str, str]:
        return {_text(name): _text(value) for name, value in fields.items()}

    def entry(self) -> dict[bytes, bytes]:
        kept: dict[str, Any] = self.fields
        return {base64.b64decode(name): base64.b64decode(value) for name, value in kept.items()}


def _text(raw: bytes) -> str:
    return base64.b64encode(raw).decode()
