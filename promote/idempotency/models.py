"""Answers given to requests that carried an Idempotency-Key."""

from django.db import models
from django.utils.translation import gettext_lazy as _


class StoredAnswer(models.Model):
    """What a successful request was answered. The row is committed with the work, or not at all."""

    caller = models.CharField(max_length=80)
    call = models.CharField(max_length=500)
    key = models.CharField(max_length=255)
    body_hash = models.CharField(
        max_length=128, help_text=_("Under a key of ours: what few digits a body has can not be guessed from it.")
    )
    status = models.PositiveSmallIntegerField()
    body = models.TextField(blank=True)
    created_at = models.DateTimeField(db_index=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["caller", "key", "call"], name="answer_once_per_key")]

    def __str__(self) -> str:
        return f"{self.call} {self.key}"
