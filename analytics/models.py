"""What was bought in the platform's shop, as its servers tell it; what was predicted, held against what came."""

from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _

from orders.models import Order
from promote import ids
from promote.markets.models import Market


class Purchase(models.Model):
    """One product of one shop order, or what of it was refunded; once per reference and product.

    Who bought is not kept: the order that led to it, where one did, is found when the purchase is told.
    """

    id = models.UUIDField(primary_key=True, default=ids.new, editable=False)
    reference = models.CharField(max_length=128, help_text=_("The shop's own name of the order."))
    product = models.CharField(max_length=128, help_text=_("The product's external id."))
    quantity = models.PositiveIntegerField()
    amount_minor = models.BigIntegerField()
    currency = models.CharField(max_length=3)
    at = models.DateTimeField()
    refund_of = models.ForeignKey("self", null=True, blank=True, on_delete=models.PROTECT, related_name="refunds")
    refunded_quantity = models.PositiveIntegerField(default=0)
    refunded_minor = models.BigIntegerField(default=0)
    order = models.ForeignKey(
        Order,
        null=True,
        blank=True,
        on_delete=models.PROTECT,
        related_name="purchases",
        help_text=_("The promotion that the buyer followed last, within 7 days."),
    )
    told_at = models.DateTimeField()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["reference", "product"], name="purchase_once_per_reference"),
            models.CheckConstraint(condition=Q(quantity__gt=0, amount_minor__gte=0), name="purchase_of_something"),
            models.CheckConstraint(
                condition=Q(
                    refunded_quantity__lte=F("quantity"), refunded_minor__gte=0, refunded_minor__lte=F("amount_minor")
                ),
                name="purchase_refunded_within",
            ),
            models.CheckConstraint(
                condition=Q(refund_of=None) | Q(refunded_quantity=0, refunded_minor=0), name="purchase_refund_is_final"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.reference} · {self.product}"

    @property
    def public_id(self) -> str:
        return ids.public("pur", self.id)


class Prediction(models.Model):
    """The rate expected of an order on a surface, noted before its hour: what is learned later can't mend it."""

    order = models.ForeignKey(Order, on_delete=models.PROTECT, related_name="+", db_index=False)
    hour = models.DateTimeField()
    surface = models.CharField(max_length=8)
    rate = models.FloatField(help_text=_("Of the objective's action, by impression."))

    class Meta:
        constraints = [models.UniqueConstraint(fields=["order", "hour", "surface"], name="prediction_once")]
        indexes = [models.Index(fields=["hour"], name="prediction_by_hour")]

    def __str__(self) -> str:
        return f"{self.order_id} {self.hour} {self.surface}"


class Foreseen(models.Model):
    """What an order was estimated to bring when it was placed, and, once it is over, what it brought."""

    order = models.OneToOneField(Order, primary_key=True, on_delete=models.PROTECT, related_name="+")
    unit = models.CharField(max_length=32)
    raw_low = models.BigIntegerField(help_text=_("Before it was stretched to what finished orders got."))
    raw_high = models.BigIntegerField()
    low = models.BigIntegerField()
    high = models.BigIntegerField()
    level = models.FloatField(help_text=_("So many orders of one should end within."))
    at = models.DateTimeField()
    came = models.BigIntegerField(null=True, blank=True, help_text=_("What it brought; empty while it is not over."))
    counts = models.BooleanField(null=True, help_text=_("It ran to its own end, so that it can be compared."))

    class Meta:
        verbose_name_plural = _("foreseen results")
        ordering = ["-at"]
        indexes = [models.Index(fields=["at"], condition=Q(came=None), name="foreseen_open")]

    def __str__(self) -> str:
        return str(self.order_id)


class Stretch(models.Model):
    """How much wider intervals are told, by market and objective, so that as many orders end within as are said to."""

    market = models.ForeignKey(Market, on_delete=models.PROTECT, related_name="+")
    objective = models.CharField(max_length=32)
    amount = models.FloatField(help_text=_("A logarithm: 0 leaves the interval as it is."))
    orders = models.PositiveIntegerField(help_text=_("Finished ones that it is learned from."))
    at = models.DateTimeField()

    class Meta:
        verbose_name_plural = _("stretches")
        constraints = [models.UniqueConstraint(fields=["market", "objective"], name="stretch_once")]

    def __str__(self) -> str:
        return f"{self.market_id} {self.objective}"
