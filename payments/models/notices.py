"""Notices of payment providers, as they came: stored raw, worked on once, replayable."""

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _


class NoticeState(models.TextChoices):
    WAITING = "waiting", _("Waiting")
    DONE = "done", _("Done")
    IGNORED = "ignored", _("Not about us")
    DEAD = "dead", _("Given up")
    REFUSED = "refused", _("Refused at the door")


class Notice(models.Model):
    """One notice. `raw` is the body byte for byte; its signature was right when it came, or it is refused.

    A refused one stays so for as long as it is kept, and no other is ever deleted (triggers). Its `kind` is the reason.
    """

    gateway = models.CharField(max_length=32)
    event_id = models.CharField(max_length=255, help_text=_("The provider's id of the event."))
    kind = models.CharField(max_length=96)
    about = models.CharField(
        max_length=16, blank=True, default="payment", help_text=_("payment, return, use, warning, saved or nothing.")
    )
    provider_ref = models.CharField(max_length=1000, blank=True)
    reference = models.CharField(max_length=255, blank=True, help_text=_("Our own id, as the provider repeats it."))
    payment_ref = models.CharField(max_length=255, blank=True, help_text=_("The payment of which money went back."))
    raw = models.BinaryField()
    headers = models.JSONField()
    received_at = models.DateTimeField()
    times_received = models.PositiveIntegerField(default=1)
    state = models.CharField(max_length=8, choices=NoticeState, default=NoticeState.WAITING)
    attempts = models.PositiveSmallIntegerField(default=0)
    try_at = models.DateTimeField()
    done_at = models.DateTimeField(null=True)
    error = models.TextField(blank=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["gateway", "event_id"], name="notice_once_per_event")]
        indexes = [
            models.Index(fields=["try_at"], condition=Q(state=NoticeState.WAITING), name="notice_waiting"),
            models.Index(fields=["received_at"], condition=Q(state=NoticeState.REFUSED), name="notice_refused_since"),
            models.Index(fields=["received_at"], condition=Q(state=NoticeState.DEAD), name="notice_dead_since"),
            models.Index(
                fields=["gateway", "payment_ref"],
                condition=Q(state=NoticeState.IGNORED, about="return"),
                name="notice_of_no_payment_yet",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.gateway} {self.event_id}"
