"""What delivery's doors answer, as the OpenAPI document shows it."""

from typing import Any

from rest_framework import serializers

from delivery.charges import Charge
from delivery.diagnosis import Diagnosis


class ChargeOut(serializers.Serializer[Charge]):
    id = serializers.CharField(help_text="`chg_…`; `day_…`, `ret_…`, `rnd_…` for the other types")
    at = serializers.DateTimeField()
    type = serializers.ChoiceField(
        choices=["day", "impression", "return", "rounding"],
        help_text="`day`: all of a day whose single charges are no longer kept; `return`: charges found invalid",
    )
    price_micros = serializers.IntegerField(help_text="1 coin = 1,000,000; below zero for a return and the rounding")
    valid = serializers.BooleanField(help_text="Those that are valid add up to what was spent.")
    reason = serializers.CharField(allow_null=True, help_text="Why it was not billed, or went back.")


class FunnelOut(serializers.Serializer[dict[str, int]]):
    considered = serializers.IntegerField()
    targeted = serializers.IntegerField()
    paced = serializers.IntegerField()
    outbid = serializers.IntegerField()
    capped = serializers.IntegerField()
    shown = serializers.IntegerField()


class AdviceOut(serializers.Serializer[dict[str, str]]):
    code = serializers.CharField()
    detail = serializers.CharField()


class DiagnosisOut(serializers.Serializer[Diagnosis]):
    minutes = serializers.IntegerField(help_text="How far back the funnel looks.")
    funnel = FunnelOut()
    spent_micros = serializers.IntegerField()
    planned_micros = serializers.IntegerField(help_text="What an even spend would have come to by now.")
    advice = AdviceOut(many=True)


def read_charge(charge: Charge) -> dict[str, Any]:
    return {
        "id": charge.id,
        "at": charge.at.isoformat().replace("+00:00", "Z"),
        "type": charge.type,
        "price_micros": charge.price_micros,
        "valid": charge.valid,
        "reason": charge.reason or None,
    }
