"""Who sells and who buys, as it stands on documents."""

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from promote.accounts.models import Account
from promote.markets.models import Market


class Seller(models.Model):
    """Who sells in a market, as it stands on documents. The row without a market is for all others."""

    market = models.OneToOneField(Market, null=True, blank=True, on_delete=models.PROTECT, related_name="seller")
    name = models.CharField(max_length=200)
    address = models.TextField(blank=True)
    tax_id = models.CharField(max_length=64, blank=True)
    email = models.EmailField(blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["market"], condition=Q(market=None), nulls_distinct=False, name="seller_one_for_all_others"
            )
        ]

    def __str__(self) -> str:
        return f"{self.name} ({self.market_id or '*'})"


class BillingDetails(models.Model):
    """The advertiser's own name and address for documents; a document keeps them as they were."""

    account = models.OneToOneField(Account, primary_key=True, on_delete=models.PROTECT, related_name="billing_details")
    name = models.CharField(max_length=200)
    address = models.TextField(blank=True, max_length=1000)
    tax_id = models.CharField(max_length=64, blank=True)
    email = models.EmailField(blank=True)
    updated_at = models.DateTimeField()

    class Meta:
        verbose_name_plural = _("billing details")

    def __str__(self) -> str:
        return self.name
