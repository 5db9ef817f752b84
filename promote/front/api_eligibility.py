"""Whether something can be promoted, with every reason why not and the way to the door."""

from typing import Any

from django.utils import timezone
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from orders import quotes
from payments import payment_methods
from promote.accounts.models import Account
from promote.catalogue import targets
from promote.eligibility import Caller, Check, Eligibility, assess
from promote.entrances import Entrance, to_target
from promote.rest import account_of, caller
from promote.rest.fields import Shape, StrictCharField
from promote.rest.views import Door

FUNCTIONS = ("video", "anchor", "live")
TARGET = OpenApiParameter("target", str, required=True, description="`vid_…` or `liv_…`.")


class CheckOut(serializers.Serializer[Check]):
    code = serializers.CharField()
    passed = serializers.BooleanField()
    reason = serializers.CharField(allow_null=True)
    remedy = serializers.CharField(allow_null=True)


class EntranceOut(serializers.Serializer[Entrance]):
    surface = serializers.CharField()
    path = serializers.ListField(child=serializers.CharField())


class EligibilityOut(serializers.Serializer[Eligibility]):
    eligible = serializers.BooleanField()
    function = serializers.ChoiceField(choices=FUNCTIONS)
    checks = CheckOut(many=True)
    objectives = serializers.ListField(child=serializers.CharField())
    entrances = EntranceOut(many=True)
    payment_methods = serializers.ListField(child=serializers.CharField())


class TargetIn(Shape):
    target = StrictCharField(max_length=100)


def read_eligibility(eligibility: Eligibility) -> dict[str, Any]:
    return {
        "eligible": eligibility.eligible,
        "function": eligibility.function,
        "checks": [check.as_dict() for check in eligibility.checks],
        "objectives": list(eligibility.objectives),
    }


def methods_of(account: Account, app: Caller) -> list[str]:
    """The codes of the methods by which coins can be bought from where the caller is."""
    offered = payment_methods.methods(account=account, surface=app.app_platform or "").offered
    return [one.method.code for one in offered]


class EligibilityOf(Door):
    @extend_schema(operation_id="eligibility", parameters=[TARGET], responses={200: EligibilityOut})
    def get(self, request: Request) -> Response:
        account, app = account_of(request), caller(request)
        target = targets.find(TargetIn.read_query(request)["target"])
        quotes.check_owned(account=account, target=target)
        eligibility = assess(account=account, target=target, caller=app, now=timezone.now())
        return Response(
            {
                **read_eligibility(eligibility),
                "entrances": [entrance.as_dict() for entrance in to_target(account, target)],
                "payment_methods": methods_of(account, app),
            }
        )
