"""What was used of each lot for good, and its price."""

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from payments.models.lots import Lot


class LotUse(models.Model):
    """A part of a lot that is used for good, and what of its price that part is.

    Prices are cumulative: with u micros of the lot used so far, floor(paid × u ÷ coins) are told, and what told is
    `ahead` of that; a part has the difference, so a used-up lot adds up to what was paid for it (pricing.py).
    Source: DESIGN.md 6.4.
    """

    id = models.BigAutoField(primary_key=True)
    lot = models.ForeignKey(Lot, on_delete=models.PROTECT, related_name="uses")
    seq = models.PositiveIntegerField()
    ref = models.CharField(max_length=96)
    micros = models.BigIntegerField()
    used_micros = models.BigIntegerField(help_text=_("Of the lot, this part included."))
    gross_minor = models.BigIntegerField()
    tax_minor = models.BigIntegerField()
    back_of = models.CharField(max_length=96, blank=True, help_text=_("The ref of the part that came back."))
    ahead_minor = models.BigIntegerField(
        default=0, help_text=_("By how much more is told of the lot, this part included, than its share of the price.")
    )
    ahead_tax_minor = models.BigIntegerField(default=0)
    at = models.DateTimeField()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["lot", "seq"], name="lot_use_in_order"),
            models.UniqueConstraint(fields=["lot", "ref"], name="lot_use_once_per_ref"),
            models.CheckConstraint(condition=Q(used_micros__gte=0) & ~Q(micros=0), name="lot_use_within"),
        ]

    def __str__(self) -> str:
        return f"{self.lot_id} {self.ref}"
