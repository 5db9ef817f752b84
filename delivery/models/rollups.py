"""Sums of what was told: by minute, by hour and dimension, and what was not billed."""

from django.db import models
from django.utils.translation import gettext_lazy as _

from delivery.engine.vocabulary import ACTIONS
from delivery.models.reasons import UnbilledReason
from orders.models import Order


class Counts(models.Model):
    """What events came to: impressions, the valid ones, their charges, valid actions by type."""

    impressions = models.BigIntegerField(default=0)
    valid_impressions = models.BigIntegerField(default=0)
    charged_micros = models.BigIntegerField(default=0)
    view_2s = models.BigIntegerField(default=0)
    view_6s = models.BigIntegerField(default=0)
    complete = models.BigIntegerField(default=0)
    profile_visit = models.BigIntegerField(default=0)
    website_visit = models.BigIntegerField(default=0)
    product_click = models.BigIntegerField(default=0)
    follow = models.BigIntegerField(default=0)
    live_enter = models.BigIntegerField(default=0)
    live_minute = models.BigIntegerField(default=0)
    share = models.BigIntegerField(default=0)
    hide = models.BigIntegerField(default=0)
    report = models.BigIntegerField(default=0)

    class Meta:
        abstract = True


COUNTS = ("impressions", "valid_impressions", "charged_micros", *ACTIONS)


class MinuteRollup(Counts):
    pk = models.CompositePrimaryKey("order_id", "minute")
    order = models.ForeignKey(Order, on_delete=models.PROTECT, related_name="+", db_index=False, db_constraint=False)
    minute = models.DateTimeField()

    class Meta:
        db_table = "delivery_minute_rollup"

    def __str__(self) -> str:
        return f"{self.order_id} {self.minute}"


class Dimension(models.TextChoices):
    ALL = "all", _("All")
    COUNTRY = "country", _("Country")
    AGE = "age", _("Age")
    GENDER = "gender", _("Gender")
    SURFACE = "surface", _("Surface")


class HourRollup(Counts):
    """By hour and dimension; each dimension adds up to the same whole. `value` is "" for all and for unknown."""

    pk = models.CompositePrimaryKey("order_id", "hour", "dimension", "value")
    order = models.ForeignKey(Order, on_delete=models.PROTECT, related_name="+", db_index=False, db_constraint=False)
    hour = models.DateTimeField()
    dimension = models.CharField(max_length=8, choices=Dimension)
    value = models.CharField(max_length=16, blank=True)

    class Meta:
        db_table = "delivery_hour_rollup"
        indexes = [models.Index(fields=["hour", "dimension"], name="hour_rollup_by_hour")]

    def __str__(self) -> str:
        return f"{self.order_id} {self.hour} {self.dimension} {self.value}"


class UnbilledHour(models.Model):
    """What an order was told in an hour that is not billed, by reason. Kept when the events themselves are dropped.

    Reasons of the edge (`replayed`, `token_expired`, …) are of events that were refused, and stand nowhere else.
    Without an order: nobody can say of which (`token_unknown`, `type_unknown`).
    """

    order = models.ForeignKey(
        Order, null=True, on_delete=models.PROTECT, related_name="+", db_index=False, db_constraint=False
    )
    hour = models.DateTimeField()
    reason = models.CharField(max_length=32, choices=UnbilledReason)
    impressions = models.BigIntegerField(default=0)
    actions = models.BigIntegerField(default=0)
    price_micros = models.BigIntegerField(default=0, help_text=_("What the impressions would have cost."))

    class Meta:
        db_table = "delivery_unbilled_hour"
        constraints = [
            models.UniqueConstraint(fields=["order", "hour", "reason"], name="unbilled_once", nulls_distinct=False)
        ]
        indexes = [models.Index(fields=["hour", "reason"], name="unbilled_by_hour")]

    def __str__(self) -> str:
        return f"{self.order_id} {self.hour} {self.reason}"
