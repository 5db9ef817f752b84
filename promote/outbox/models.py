"""What a room tells the rooms above it: a row in the same transaction, read later by those who subscribed."""

from django.db import models
from django.db.models import Q


class Message(models.Model):
    topic = models.CharField(max_length=64)
    payload = models.JSONField()
    created_at = models.DateTimeField(auto_now_add=True)
    done_at = models.DateTimeField(null=True, blank=True)
    retry_at = models.DateTimeField(null=True, blank=True)
    attempts = models.PositiveSmallIntegerField(default=0)
    error = models.TextField(blank=True)
    dead = models.BooleanField(default=False)

    class Meta:
        db_table = "outbox_message"
        indexes = [
            models.Index(fields=["topic", "id"], condition=Q(done_at=None, dead=False), name="outbox_waiting_by_topic")
        ]

    def __str__(self) -> str:
        return f"{self.topic} {self.pk}"
