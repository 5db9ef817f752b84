"""REST of paying for an order in one step: the missing coins are bought, and it is placed when their money is final."""

from typing import Any

from django.conf import settings
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from orders import paying
from orders.models import OrderPayment
from payments.top_ups_api import CONFIRMS_IN_APP, RETURN_PATH, SAVE, SAVED, TopUpOut, read_one, surface_of
from promote.rest import Idempotent, account_of, caller
from promote.rest.fields import Shape, StrictBooleanField, StrictCharField
from promote.rest.idempotency import key_of
from promote.rest.views import Door


class PayIn(Shape):
    quote = StrictCharField(max_length=16_000)
    method = StrictCharField(max_length=32, help_text=_("One of the top-up methods that are offered here."))
    phone = StrictCharField(max_length=32, required=False, help_text=_("Where `asks_phone`: +62 812 3456 7890."))
    saved = StrictCharField(max_length=64, required=False, help_text=SAVED)
    save = StrictBooleanField(  # type: ignore[assignment]  # a field of its own, not the serializer's
        required=False, help_text=SAVE
    )
    confirms_in_app = StrictBooleanField(required=False, help_text=CONFIRMS_IN_APP)


class OrderPaymentOut(serializers.Serializer[Any]):
    id = serializers.CharField()
    status = serializers.ChoiceField(
        OrderPayment.State.values,
        help_text=_("`waiting` for the money; `placed`; `not_placed`: the money came, its coins are in the balance."),
    )
    top_up = TopUpOut(help_text=_("The payment: what its payer does next, and what became of it."))
    order = serializers.CharField(allow_null=True)
    code = serializers.CharField(allow_null=True, help_text=_("Why it could not be placed, as a problem's code."))
    reason = serializers.CharField(allow_null=True)


class OrderPayments(Idempotent, Door):
    @extend_schema(operation_id="pay_for_order", request=PayIn, responses={201: OrderPaymentOut})
    def post(self, request: Request) -> Response:
        asked = PayIn.read(request)
        started = paying.start(
            account=account_of(request),
            quote=asked["quote"],
            method=asked["method"],
            phone=asked.get("phone", ""),
            saved=asked.get("saved", ""),
            save=asked.get("save", False),
            confirms_in_app=asked.get("confirms_in_app", False),
            key=key_of(request),
            caller=caller(request),
            surface=surface_of(request),
            return_url=settings.PUBLIC_URL + RETURN_PATH,
            now=timezone.now(),
        )
        return Response(_read(started), status=201)


class OneOrderPayment(Door):
    @extend_schema(operation_id="get_order_payment", responses={200: OrderPaymentOut})
    def get(self, request: Request, public_id: str) -> Response:
        return Response(_read(paying.get(account=account_of(request), public_id=public_id)))


def _read(payment: OrderPayment) -> dict[str, Any]:
    return {
        "id": payment.public_id,
        "status": payment.state,
        "top_up": read_one(payment.top_up),
        "order": payment.order.public_id if payment.order else None,
        "code": payment.code or None,
        "reason": payment.reason or None,
    }
