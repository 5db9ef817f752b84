"""REST of what an account has saved to pay with: to see it, and to take it back."""

from typing import Any

from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from payments import saved_methods
from promote.rest import account_of
from promote.rest.views import Door


class SavedMethodOut(serializers.Serializer[Any]):
    id = serializers.CharField()
    method = serializers.CharField()
    label = serializers.CharField(  # type: ignore[assignment]  # a field of its own, not the serializer's
        help_text=_("How its owner knows it: r…@example.com.")
    )
    consented_at = serializers.DateTimeField()


class SavedMethodsOut(serializers.Serializer[Any]):
    results = SavedMethodOut(many=True)
    next = serializers.CharField(allow_null=True)


class SavedMethods(Door):
    @extend_schema(operation_id="list_saved_methods", responses={200: SavedMethodsOut})
    def get(self, request: Request) -> Response:
        found = saved_methods.of(account=account_of(request)).values()
        results = [
            {"id": one.public_id, "method": one.method, "label": one.label, "consented_at": one.consented_at}
            for one in found
        ]
        return Response({"results": results, "next": None})


class OneSavedMethod(Door):
    @extend_schema(operation_id="forget_saved_method", responses={204: None})
    def delete(self, request: Request, public_id: str) -> Response:
        saved_methods.forget(account=account_of(request), public_id=public_id, now=timezone.now())
        return Response(status=204)
