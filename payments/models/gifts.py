"""Coins that a viewer spent on a gift in a live."""

from django.db import models
from django.db.models import Q

from payments.models.ledger import Journal
from promote import ids
from promote.accounts.models import Account


class Gift(models.Model):
    """One gift, once per the platform's reference."""

    id = models.UUIDField(primary_key=True, default=ids.new, editable=False)
    account = models.ForeignKey(Account, on_delete=models.PROTECT, related_name="gifts")
    reference = models.CharField(max_length=128, unique=True)
    live = models.CharField(max_length=128, blank=True)
    coins = models.PositiveIntegerField()
    journal = models.OneToOneField(Journal, on_delete=models.PROTECT, related_name="gift")
    given_at = models.DateTimeField()

    class Meta:
        constraints = [models.CheckConstraint(condition=Q(coins__gt=0), name="gift_of_coins")]

    def __str__(self) -> str:
        return self.public_id

    @property
    def public_id(self) -> str:
        return ids.public("gif", self.id)
