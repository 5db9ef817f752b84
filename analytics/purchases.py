"""Purchases that the platform tells of, and the promotions that led to them. Source: api.md `platform/purchases`."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from django.db import transaction
from django.db.models import F, Sum
from django.utils.translation import gettext_lazy as _

from analytics.models import Purchase
from delivery import clicks
from orders.models import Order
from promote.refusals import FieldError, Invalid, Refusal


class PurchaseReferenceReused(Refusal):
    """The reference stands for another purchase."""

    code, status = "idempotency_key_reused", 422
    title = _("Reference used for another purchase")
    sentence = _("This order_reference was already told for this product with other contents. Nothing was changed.")


@dataclass(frozen=True, slots=True)
class Bought:
    """What an order's viewers bought, refunds taken off. `amounts_minor`: by ISO 4217 currency, in minor units."""

    count: int
    quantity: int
    amounts_minor: dict[str, int]


def record(
    *,
    reference: str,
    viewer: str,
    product: str,
    quantity: int,
    amount_minor: int,
    currency: str,
    at: datetime,
    refund_of: str | None = None,
    now: datetime,
) -> Purchase:
    """Keeps a purchase, or with `refund_of` (an earlier reference) what of it was refunded. Once, however often told.

    It is put down to the order whose product this viewer clicked last, within 7 days before; a refund to that of its
    purchase. Raises PurchaseReferenceReused, and Invalid where the refund has no purchase, or is more than it.
    """
    facts = {"quantity": quantity, "amount_minor": amount_minor, "currency": currency, "at": at}
    with transaction.atomic():
        bought = _bought(refund_of, product, currency) if refund_of is not None else None
        order = bought.order_id if bought else _led_here(viewer, product, at=at)
        purchase, is_new = Purchase.objects.get_or_create(
            reference=reference,
            product=product,
            defaults={**facts, "refund_of": bought, "order_id": order, "told_at": now},
        )
        if not is_new:
            same = all(getattr(purchase, name) == value for name, value in facts.items())
            if not same or purchase.refund_of_id != (bought.id if bought else None):
                raise PurchaseReferenceReused
        elif bought is not None:
            _take_off(bought, quantity=quantity, amount_minor=amount_minor)
        return purchase


def bought_through(order: Order) -> Bought:
    """What this order led to."""
    purchases = Purchase.objects.filter(order=order, refund_of=None)
    kept = purchases.annotate(kept=F("quantity") - F("refunded_quantity"))
    amounts = purchases.values("currency").annotate(minor=Sum(F("amount_minor") - F("refunded_minor")))
    return Bought(
        count=kept.filter(kept__gt=0).count(),
        quantity=kept.aggregate(all=Sum("kept"))["all"] or 0,
        amounts_minor={row["currency"]: int(row["minor"]) for row in amounts.order_by("currency")},
    )


def _led_here(viewer: str, product: str, *, at: datetime) -> UUID | None:
    orders = list(Order.objects.filter(product__external_id=product, placed_at__lte=at).values_list("id", flat=True))
    return clicks.last_click(viewer=viewer, order_ids=orders, before=at) if orders else None


def _bought(reference: str, product: str, currency: str) -> Purchase:
    """The purchase that is refunded, locked until the transaction ends."""
    found = (
        Purchase.objects.select_for_update(no_key=True)
        .filter(reference=reference, product=product, refund_of=None)
        .first()
    )
    if found is None:
        raise Invalid([FieldError("refund_of", "not_found", _("Tell the purchase first, then its refund."))])
    if found.currency != currency:
        raise Invalid([FieldError("currency", "differs", _("A refund is in the currency of its purchase."))])
    return found


def _take_off(bought: Purchase, *, quantity: int, amount_minor: int) -> None:
    """Raises Invalid where more would be refunded than was bought (purchase_refunded_within)."""
    errors = []
    if bought.refunded_quantity + quantity > bought.quantity:
        errors.append(FieldError("quantity", "too_large", _("This is more than is left of the purchase.")))
    if bought.refunded_minor + amount_minor > bought.amount_minor:
        errors.append(FieldError("amount_minor", "too_large", _("This is more than is left of the purchase.")))
    if errors:
        raise Invalid(errors)
    bought.refunded_quantity += quantity
    bought.refunded_minor += amount_minor
    bought.save(update_fields=["refunded_quantity", "refunded_minor"])
