"""Purchases that went over a limit: what could not be refused, because the money was taken elsewhere or late."""

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from payments.models.top_ups import TopUp
from promote.accounts.models import Account, User


class LimitPassed(models.Model):
    """A paid top-up that brought its account over a limit. Its coins are there; our staff looks at the account."""

    id = models.BigAutoField(primary_key=True)
    account = models.ForeignKey(Account, on_delete=models.PROTECT, related_name="limits_passed")
    top_up = models.OneToOneField(TopUp, on_delete=models.PROTECT, related_name="limit_passed")
    limit = models.CharField(max_length=32)
    most = models.PositiveIntegerField()
    coins = models.PositiveBigIntegerField(help_text=_("Bought in the limit's window, this purchase included."))
    at = models.DateTimeField()
    seen_at = models.DateTimeField(null=True)
    seen_by = models.ForeignKey(User, null=True, on_delete=models.PROTECT, related_name="+")
    note = models.CharField(max_length=500, blank=True, help_text=_("What our staff found."))

    class Meta:
        verbose_name = _("purchase over a limit")
        verbose_name_plural = _("purchases over a limit")
        permissions = [("look_at_limitpassed", _("Can say what came of a purchase over a limit"))]
        constraints = [
            models.CheckConstraint(
                condition=Q(seen_at=None, seen_by=None, note="")
                | (Q(seen_at__isnull=False, seen_by__isnull=False) & ~Q(note="")),
                name="limit_passed_seen_by_one",
            )
        ]
        indexes = [models.Index(fields=["at"], condition=Q(seen_at=None), name="limit_passed_to_look_at")]

    def __str__(self) -> str:
        return f"{self.account} {self.limit}"
