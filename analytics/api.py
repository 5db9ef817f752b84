"""REST of what the platform's shop tells. Source: api.md."""

from typing import Any

from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from analytics import purchases
from analytics.models import Purchase
from promote import ids
from promote.rest import Idempotent, scopes
from promote.rest.fields import CurrencyField, ExternalIdField, InstantField, Shape, StrictCharField, StrictIntegerField
from promote.rest.views import Door

QUANTITY_MAX = 1_000_000
AMOUNT_MAX_MINOR = 10**15


class PurchaseIn(Shape):
    order_reference = ExternalIdField(help_text=_("The shop's own name of the order: each product of it counts once."))
    viewer = StrictCharField(max_length=256, help_text=_("The buyer, as named in decisions. It is not stored."))
    product_id = ExternalIdField()
    quantity = StrictIntegerField(min_value=1, max_value=QUANTITY_MAX)
    amount_minor = StrictIntegerField(min_value=0, max_value=AMOUNT_MAX_MINOR)
    currency = CurrencyField()
    at = InstantField()
    refund_of = ExternalIdField(
        required=False, allow_null=True, help_text=_("The order_reference of the purchase that this takes back.")
    )


class PurchaseOut(serializers.Serializer[Any]):
    id = serializers.CharField()
    order_reference = serializers.CharField()
    product_id = serializers.CharField()
    quantity = serializers.IntegerField()
    amount_minor = serializers.IntegerField()
    currency = serializers.CharField()
    at = serializers.DateTimeField()
    refund_of = serializers.CharField(allow_null=True)
    order = serializers.CharField(allow_null=True, help_text=_("The promotion that led to it, where one did."))


class Purchases(Idempotent, Door):
    permission_classes = [scopes("purchases")]

    @extend_schema(operation_id="tell_purchase", request=PurchaseIn, responses={201: PurchaseOut})
    def post(self, request: Request) -> Response:
        asked = PurchaseIn.read(request)
        purchase = purchases.record(
            reference=asked.pop("order_reference"), product=asked.pop("product_id"), now=timezone.now(), **asked
        )
        return Response(_read(purchase), status=201)


def _read(purchase: Purchase) -> dict[str, Any]:
    return {
        "id": purchase.public_id,
        "order_reference": purchase.reference,
        "product_id": purchase.product,
        "quantity": purchase.quantity,
        "amount_minor": purchase.amount_minor,
        "currency": purchase.currency,
        "at": purchase.at,
        "refund_of": purchase.refund_of.reference if purchase.refund_of else None,
        "order": ids.public("ord", purchase.order_id) if purchase.order_id else None,
    }
