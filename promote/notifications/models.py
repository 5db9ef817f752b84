from django.db import models

from promote import ids
from promote.accounts.models import Account


class Notification(models.Model):
    """What an account was told: `kind` names the sentence, `payload` what it is about."""

    id = models.UUIDField(primary_key=True, default=ids.new, editable=False)
    account = models.ForeignKey(Account, on_delete=models.PROTECT, related_name="notifications")
    kind = models.CharField(max_length=64)
    payload = models.JSONField(default=dict)
    created_at = models.DateTimeField()
    read_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        indexes = [models.Index(fields=["account", "-created_at", "-id"], name="notification_of_account")]

    def __str__(self) -> str:
        return self.kind

    @property
    def public_id(self) -> str:
        return ids.public("ntf", self.id)
