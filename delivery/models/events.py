"""What was told of each order, event by event, and the days that are no longer kept so."""

from django.db import models
from django.utils.translation import gettext_lazy as _

from delivery.engine.vocabulary import EVENT_TYPES
from orders.models import Order


class Event(models.Model):
    """One event of one decision, in the partition of the decision's day. The table is made by SQL.

    Unique by (day, token, type), so that a replay on another day still meets its first telling. An impression is a
    charge where `charged`: it was valid, and its escrow had the price. `type`, `surface`, `age_band` and `gender` are
    places in delivery/engine/vocabulary.py.
    """

    pk = models.CompositePrimaryKey("day", "token", "type")
    day = models.DateField()
    token = models.UUIDField()
    type = models.PositiveSmallIntegerField()
    order_id = models.UUIDField()
    at = models.DateTimeField(help_text=_("When it happened, as told; never outside its decision and its arrival."))
    received_at = models.DateTimeField()
    price_micros = models.BigIntegerField()
    valid = models.BooleanField()
    charged = models.BooleanField()
    reason = models.CharField(max_length=32, blank=True, help_text=_("Why it is not billed."))
    surface = models.PositiveSmallIntegerField()
    country = models.CharField(max_length=2)
    age_band = models.PositiveSmallIntegerField()
    gender = models.PositiveSmallIntegerField()
    viewer = models.BigIntegerField(help_text=_("The viewer's pseudonym."))
    slot = models.PositiveSmallIntegerField()
    visible_ms = models.BigIntegerField(null=True)
    visible_share = models.FloatField(null=True)
    dwell_ms = models.BigIntegerField(null=True)

    class Meta:
        managed = False
        db_table = "delivery_event"

    def __str__(self) -> str:
        return f"{EVENT_TYPES[self.type]} {self.token}"


class DroppedDay(models.Model):
    """What is left of an order's events of a day whose partition was dropped: charges add up as before."""

    order = models.ForeignKey(Order, on_delete=models.PROTECT, related_name="+", db_constraint=False)
    day = models.DateField()
    impressions = models.BigIntegerField()
    charges = models.BigIntegerField(help_text=_("Of the impressions, those that were billed."))
    micros = models.BigIntegerField()

    class Meta:
        db_table = "delivery_dropped_day"
        constraints = [models.UniqueConstraint(fields=["order", "day"], name="dropped_day_once")]

    def __str__(self) -> str:
        return f"{self.order_id} {self.day}"
