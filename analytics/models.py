"""What was bought in the platform's shop, as its servers tell it."""

from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _

from orders.models import Order
from promote import ids


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
