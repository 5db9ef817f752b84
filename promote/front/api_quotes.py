"""A price with what it may bring."""

from typing import Any
from uuid import UUID

from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from drf_spectacular.utils import OpenApiExample, extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from analytics import foreseeing
from coupons.redemption import OfferNotApplicable
from delivery.forecast import Estimate
from orders import quotes
from orders.quotes import Quote
from orders.shapes import AudienceIn, DurationField
from promote import ids
from promote.catalogue import targets
from promote.markets.models import Market
from promote.refusals import NotFound
from promote.rest import account_of, caller
from promote.rest.fields import Shape, StrictCharField, StrictIntegerField
from promote.rest.views import Door

COINS_MOST = 2**31 - 1


class QuoteIn(Shape):
    target = StrictCharField(max_length=100, help_text=_("`vid_…` or `liv_…`"))
    objective = StrictCharField(max_length=32)
    budget_coins = StrictIntegerField(min_value=1, max_value=COINS_MOST)
    duration_hours = DurationField(source="duration_s")
    audience = AudienceIn(help_text=_("`{automatic: true}`, or countries, age_bands, genders, interests"))
    website_url = StrictCharField(required=False, allow_null=True, allow_blank=True, max_length=4000)
    call_to_action = StrictCharField(required=False, allow_null=True, allow_blank=True, max_length=64)
    offer = StrictCharField(required=False, allow_null=True, max_length=100, help_text=_("`off_…`"))


class EstimateOut(serializers.Serializer[Estimate]):
    unit = serializers.CharField(help_text=_("The action that the objective buys."))
    low = serializers.IntegerField()
    high = serializers.IntegerField()
    level = serializers.FloatField(help_text=_("How many orders of ten end between the two, as 0.8."))
    early = serializers.BooleanField(
        help_text=_("Few orders like this have finished yet: the interval is wider for that.")
    )


class QuoteOut(serializers.Serializer[Quote]):
    quote = serializers.CharField(help_text=_("Sealed. It places one order, while it lasts."))
    cost_coins = serializers.IntegerField()
    coupon_coins = serializers.IntegerField()
    pay_coins = serializers.IntegerField()
    estimate = EstimateOut()
    expires_at = serializers.DateTimeField()


EXAMPLE = OpenApiExample(
    "A day for everybody",
    request_only=True,
    value={
        "target": "vid_019ab0c4d5e67f8091a2b3c4d5e6f708",
        "objective": "video_views",
        "budget_coins": 1000,
        "duration_hours": 24,
        "audience": {"automatic": True},
    },
)


class Quotes(Door):
    @extend_schema(operation_id="make_quote", request=QuoteIn, responses={201: QuoteOut}, examples=[EXAMPLE])
    def post(self, request: Request) -> Response:
        account, app = account_of(request), caller(request)
        wish = QuoteIn.read(request)
        target = targets.find(wish.pop("target"))
        offer_id = _offer_id(wish.pop("offer", None))
        now = timezone.now()
        quote = quotes.make(account=account, caller=app, target=target, offer_id=offer_id, now=now, **wish)
        estimate = foreseeing.estimate(
            market=Market.objects.get(code=quote.plan.market),
            objective=quote.plan.objective,
            budget_coins=quote.plan.cost_coins,
            duration_s=quote.plan.duration_s,
            audience=quote.plan.audience,
            now=now,
        )
        return Response(read_quote(quote, estimate), status=201)


def read_quote(quote: Quote, estimate: Estimate) -> dict[str, Any]:
    return {
        "quote": quote.sealed,
        "cost_coins": quote.plan.cost_coins,
        "coupon_coins": quote.plan.coupon_coins,
        "pay_coins": quote.plan.pay_coins,
        "estimate": {
            "unit": estimate.unit,
            "low": estimate.low,
            "high": estimate.high,
            "level": estimate.level,
            "early": estimate.is_early,
        },
        "expires_at": quote.plan.expires_at,
    }


def _offer_id(text: str | None) -> UUID | None:
    """What is no id of an offer is an offer that does not exist."""
    if not text:
        return None
    try:
        return ids.parse("off", text)
    except NotFound:
        raise OfferNotApplicable("unknown") from None
