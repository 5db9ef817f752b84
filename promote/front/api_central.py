"""The Promote central page in one call, for an app."""

from typing import Any

from django.db.models import prefetch_related_objects
from django.utils import timezone
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from coupons.api import OfferOut, read_offer
from orders.shapes import OrderOut
from payments.wallet_api import WalletOut, read_wallet, withdrawable_here
from promote.catalogue.models import LiveRoom
from promote.front.api_catalogue import AccountRead, LiveRead, VideoRead, read_account, read_live, read_video
from promote.front.api_eligibility import EligibilityOut, EntranceOut, methods_of, read_eligibility
from promote.front.api_orders import read_orders
from promote.front.central import Central, Promotable, central
from promote.rest import account_of, caller
from promote.rest.views import Door


class CheckedOut(EligibilityOut):
    """Without what is said once for all: `entrances`, `payment_methods`."""

    entrances = None  # type: ignore[assignment]
    payment_methods = None  # type: ignore[assignment]


class PromotableVideoOut(VideoRead):
    eligibility = CheckedOut()
    orders = serializers.ListField(child=serializers.CharField(), help_text="Those that promote it now.")


class PromotableLiveOut(LiveRead):
    eligibility = CheckedOut()
    orders = serializers.ListField(child=serializers.CharField(), help_text="Those that promote it now.")


class CentralOut(serializers.Serializer[Central]):
    account = AccountRead()
    wallet = WalletOut()
    entrances = EntranceOut(many=True)
    payment_methods = serializers.ListField(child=serializers.CharField())
    videos = PromotableVideoOut(many=True)
    lives = PromotableLiveOut(many=True)
    offers = OfferOut(many=True)
    orders = OrderOut(many=True)


class CentralPage(Door):
    @extend_schema(operation_id="central", responses={200: CentralOut})
    def get(self, request: Request) -> Response:
        account, app, now = account_of(request), caller(request), timezone.now()
        found = central(account=account, caller=app, now=now)
        prefetch_related_objects(found.orders, "reviews", "history", "account")
        return Response(
            {
                "account": read_account(account),
                "wallet": read_wallet(found.wallet, withdrawable_here(request, now=now)),
                "entrances": [entrance.as_dict() for entrance in found.entrances],
                "payment_methods": methods_of(account, app),
                "videos": [_promotable(one) for one in found.videos],
                "lives": [_promotable(one) for one in found.lives],
                "offers": [read_offer(offer) for offer in found.offers],
                "orders": read_orders(found.orders),
            }
        )


def _promotable(one: Promotable) -> dict[str, Any]:
    target = one.target
    return {
        **(read_live(target) if isinstance(target, LiveRoom) else read_video(target)),
        "eligibility": read_eligibility(one.eligibility),
        "orders": [order.public_id for order in one.open_orders],
    }
