"""What predictions have learned: rates of actions, and prices."""

from django.db import models
from django.utils.translation import gettext_lazy as _


class RateNode(models.Model):
    """A learned rate: `objective`, then `/market`, `/surface`, `/account`, `/target and audience`, each below the one
    before."""

    key = models.CharField(max_length=160, primary_key=True)
    alpha = models.FloatField()
    beta = models.FloatField()
    impressions = models.FloatField(help_text=_("Discounted, behind it."))
    at = models.DateTimeField()

    class Meta:
        db_table = "delivery_rate_node"

    def __str__(self) -> str:
        return self.key


class PriceNode(models.Model):
    """What impressions of the last days cost: `objective/market`. Forecasts read it while somebody waits."""

    key = models.CharField(max_length=80, primary_key=True)
    charges = models.BigIntegerField()
    micros = models.BigIntegerField(help_text=_("Of all of them."))
    at = models.DateTimeField()

    class Meta:
        db_table = "delivery_price_node"

    def __str__(self) -> str:
        return self.key
