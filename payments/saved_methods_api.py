"""REST of what an account has saved to pay with: to see it, and to take it back."""

from typing import Any

from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from payments import saved_methods
from payments.models import SavedMethod
from promote.rest import account_of
from promote.rest.views import Door


class SavedMethodOut(serializers.Serializer[Any]):
    id = serializers.CharField()
    method = serializers.CharField()
    label = serializers.CharField(  # type: ignore[assignment]  # a field of its own, not the serializer's
        help_text=_("How its owner knows it: r…@example.com, Visa •••• 4242.")
    )
    expires_on = serializers.DateField(allow_null=True, help_text=_("The last day on which a card is good."))
    expired = serializers.BooleanField(help_text=_("It can't pay any more; its owner may remove it."))
    consent = serializers.CharField(help_text=_("What its owner agreed to, as they read it."))
    consented_at = serializers.DateTimeField()


class SavedMethodsOut(serializers.Serializer[Any]):
    results = SavedMethodOut(many=True)
    next = serializers.CharField(allow_null=True)


def read_one(saved: SavedMethod) -> dict[str, Any]:
    """A saved method as its owner sees it."""
    return {
        "id": saved.public_id,
        "method": saved.method,
        "label": saved.label,
        "expires_on": saved.expires_on,
        "expired": saved.is_expired(timezone.now().date()),
        "consent": saved.consent,
        "consented_at": saved.consented_at,
    }


class SavedMethods(Door):
    @extend_schema(operation_id="list_saved_methods", responses={200: SavedMethodsOut})
    def get(self, request: Request) -> Response:
        found = saved_methods.of(account=account_of(request)).values()
        results = [read_one(one) for some in found for one in some]
        return Response({"results": results, "next": None})


class OneSavedMethod(Door):
    @extend_schema(operation_id="forget_saved_method", responses={204: None})
    def delete(self, request: Request, public_id: str) -> Response:
        saved_methods.forget(account=account_of(request), public_id=public_id, now=timezone.now())
        return Response(status=204)
