"""What pacing keeps of a shard and of an order, and the traffic that it expects."""

from django.db import models
from django.utils.translation import gettext_lazy as _

from delivery.models.shards import Shard
from orders.models import Order
from promote import ids


class Pacer(models.Model):
    """Who paces a shard, and what it saw. A row of its own: a drain keeps its shard's locked while it works."""

    shard = models.OneToOneField(Shard, primary_key=True, on_delete=models.CASCADE)
    epoch = models.PositiveBigIntegerField(default=0)
    until = models.DateTimeField(null=True, blank=True)
    backlog = models.PositiveBigIntegerField(default=0, help_text=_("Entries in its stream when last looked."))

    class Meta:
        db_table = "delivery_pacer"

    def __str__(self) -> str:
        return f"pacer of {self.shard_id}"


class PacingState(models.Model):
    """Where an order's pacing stands (delivery/engine/pacing.py). Times are seconds since 1970."""

    order = models.OneToOneField(Order, primary_key=True, on_delete=models.PROTECT, related_name="+")
    shard = models.PositiveSmallIntegerField()
    generation = models.PositiveIntegerField(help_text=_("The generation of these figures."))
    mu = models.FloatField()
    score = models.FloatField(default=0.0, help_text=_("Expected worth of an impression when last looked."))
    mu_expected = models.FloatField()
    mean_cost = models.FloatField()
    at = models.FloatField()
    spent = models.BigIntegerField()
    charged = models.BigIntegerField(default=0)
    charges = models.BigIntegerField(default=0)
    planned = models.FloatField(default=0.0)
    actual = models.FloatField(default=0.0)
    latency_s = models.FloatField(default=0.0)
    outstanding_micros = models.BigIntegerField(
        default=0, help_text=_("At most so much was released or reserved: what a lost Redis could still cost.")
    )
    held_until = models.FloatField(default=0.0, help_text=_("Until then tokens of a lost generation may come."))
    due_at = models.FloatField(default=0.0)

    class Meta:
        db_table = "delivery_pacing_state"

    def __str__(self) -> str:
        return f"pacing of {ids.public('ord', self.order_id)}"


class TrafficHour(models.Model):
    """How many slots were asked for in an hour, by who watched where. What forecasts and the curve learn from."""

    pk = models.CompositePrimaryKey("hour", "country", "age_band", "gender", "surface")
    hour = models.DateTimeField()
    country = models.CharField(max_length=2)
    age_band = models.PositiveSmallIntegerField()
    gender = models.PositiveSmallIntegerField()
    surface = models.PositiveSmallIntegerField()
    slots = models.BigIntegerField(default=0)

    class Meta:
        db_table = "delivery_traffic_hour"
        indexes = [models.Index(fields=["country", "hour"], name="traffic_by_country")]

    def __str__(self) -> str:
        return f"{self.hour} {self.country}"
