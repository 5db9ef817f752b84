"""The numbers under which payers transfer to a provider, one a payment."""

from django.db import models
from django.db.models import Q

from payments.models.top_ups import TopUp


class VirtualAccount(models.Model):
    """The number of a payment's own account at its provider: no two payments have one (constraint), and it stays."""

    top_up = models.OneToOneField(TopUp, primary_key=True, on_delete=models.PROTECT, related_name="virtual_account")
    number = models.BigIntegerField()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["number"], name="virtual_account_of_one_payment"),
            models.CheckConstraint(condition=Q(number__gte=0, number__lt=10**12), name="virtual_account_of_12_digits"),
        ]

    def __str__(self) -> str:
        return f"{self.number:012d}"
