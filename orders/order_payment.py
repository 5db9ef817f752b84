"""The model of an order that is paid for in one step (paying.py)."""

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from payments.models import TopUp
from promote import ids
from promote.accounts.models import Account


class OrderPayment(models.Model):
    """An order paid for in one step: the missing coins are bought, and it is placed once their money is final.

    Decided once, by a CHECK and a trigger: placed with its order, or not, with the reason.
    """

    class State(models.TextChoices):
        WAITING = "waiting", _("Waiting for the payment")
        PLACED = "placed", _("Placed")
        NOT_PLACED = "not_placed", _("Paid, but not placed")

    id = models.UUIDField(primary_key=True, default=ids.new, editable=False)
    account = models.ForeignKey(Account, on_delete=models.PROTECT, related_name="order_payments")
    key = models.CharField(max_length=255, help_text=_("The caller's idempotency key, and then the order's."))
    quote = models.TextField(help_text=_("Sealed, as it was when it was taken up."))
    target = models.CharField(max_length=64)
    title = models.CharField(max_length=300)
    app_platform = models.CharField(max_length=8, blank=True)
    app_version = models.CharField(max_length=32, blank=True)
    top_up = models.OneToOneField(TopUp, on_delete=models.PROTECT, related_name="order_payment")
    state = models.CharField(max_length=12, choices=State, default=State.WAITING)
    order = models.OneToOneField("orders.Order", null=True, on_delete=models.PROTECT, related_name="payment")
    code = models.CharField(max_length=64, blank=True, help_text=_("Why it could not be placed."))
    reason = models.CharField(max_length=500, blank=True, help_text=_("The same, as its owner was told."))
    started_at = models.DateTimeField()
    ended_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["account", "key"], name="order_payment_once_per_key"),
            models.CheckConstraint(
                condition=Q(state="waiting", order=None, code="", ended_at=None)
                | Q(state="placed", order__isnull=False, code="", ended_at__isnull=False)
                | (Q(state="not_placed", order=None, ended_at__isnull=False) & ~Q(code="")),
                name="order_payment_decided_once",
            ),
        ]
        indexes = [models.Index(fields=["account", "-started_at"], name="order_payment_of_account")]

    def __str__(self) -> str:
        return self.public_id

    @property
    def public_id(self) -> str:
        return ids.public("pay", self.id)
