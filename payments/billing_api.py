"""REST of the advertiser's billing details: what stands on their invoices from now on."""

from typing import Any

from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from payments import billing
from promote.rest import account_of
from promote.rest.fields import Shape, StrictCharField
from promote.rest.views import Door


class DetailsIn(Shape):
    name = StrictCharField(max_length=200)
    address = StrictCharField(max_length=1000, required=False, allow_blank=True, default="")
    tax_id = StrictCharField(max_length=64, required=False, allow_blank=True, default="")
    email = serializers.EmailField(max_length=254, required=False, allow_blank=True, default="")


class DetailsOut(serializers.Serializer[Any]):
    name = serializers.CharField(help_text=_("The account's username, until details were given."))
    address = serializers.CharField()
    tax_id = serializers.CharField()
    email = serializers.CharField()


class Details(Door):
    @extend_schema(operation_id="get_billing_details", responses={200: DetailsOut})
    def get(self, request: Request) -> Response:
        return Response(billing.buyer(account_of(request)).as_dict())

    @extend_schema(operation_id="put_billing_details", request=DetailsIn, responses={200: DetailsOut})
    def put(self, request: Request) -> Response:
        account = account_of(request)
        billing.put(account=account, now=timezone.now(), **DetailsIn.read(request))
        return Response(billing.buyer(account).as_dict())
