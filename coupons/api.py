"""An account's offers over REST (api.md, Users)."""

from typing import Any

from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from coupons import offers, redemption
from coupons.models import Offer, OfferKind, OfferStatus
from promote.rest import Idempotent, account_of, page, page_of
from promote.rest.fields import Shape, StrictCharField
from promote.rest.views import Door


class CodeIn(Shape):
    code = StrictCharField(max_length=100, help_text=_("In any case."))


class OfferOut(serializers.Serializer[Any]):
    id = serializers.CharField()
    kind = serializers.ChoiceField(choices=OfferKind.values)
    coins = serializers.IntegerField(allow_null=True, help_text=_("Of a voucher."))
    percent = serializers.IntegerField(allow_null=True, help_text=_("Of a discount."))
    cap_coins = serializers.IntegerField(allow_null=True, help_text=_("The most that a discount takes off."))
    min_cost_coins = serializers.IntegerField(help_text=_("The cheapest order that it can be used on."))
    text = serializers.CharField(help_text=_("In the reader's language."))
    status = serializers.ChoiceField(choices=OfferStatus.values)
    expires_at = serializers.DateTimeField(allow_null=True)


def read_offer(offer: Offer) -> dict[str, Any]:
    """The offer as clients see it now."""
    return {
        "id": offer.public_id,
        "kind": offer.kind,
        "coins": offer.coins,
        "percent": offer.percent,
        "cap_coins": offer.cap_coins,
        "min_cost_coins": redemption.least_cost_coins(offer),
        "text": offers.wording(offer),
        "status": offer.status_at(timezone.now()).value,
        "expires_at": offer.expires_at.isoformat().replace("+00:00", "Z") if offer.expires_at else None,
    }


class Offers(Door):
    @extend_schema(operation_id="list_offers", responses={200: page_of(OfferOut)})
    def get(self, request: Request) -> Response:
        rows = Offer.objects.filter(account=account_of(request))
        return page(request, rows, render=lambda found: map(read_offer, found), by="granted_at")


class Redeem(Idempotent, Door):
    @extend_schema(operation_id="redeem_offer", request=CodeIn, responses={201: OfferOut})
    def post(self, request: Request) -> Response:
        code = CodeIn.read(request)["code"]
        offer = offers.redeem_code(account=account_of(request), code=code, now=timezone.now())
        return Response(read_offer(offer), status=201)
