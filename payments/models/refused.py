"""What was refused at the providers' door, counted."""

from django.db import models
from django.utils.translation import gettext_lazy as _


class Refused(models.Model):
    """Notices and payments of one provider that were refused for one reason on one day (UTC)."""

    gateway = models.CharField(max_length=32)
    reason = models.CharField(max_length=32)
    day = models.DateField()
    times = models.PositiveIntegerField()
    last_at = models.DateTimeField()
    last = models.CharField(max_length=500, help_text=_("What was wrong with the last one."))

    class Meta:
        verbose_name = verbose_name_plural = _("refused notices and payments")
        constraints = [models.UniqueConstraint(fields=["gateway", "reason", "day"], name="refused_once_a_day")]

    def __str__(self) -> str:
        return f"{self.gateway} {self.reason} {self.day}"
