"""What clients send about orders, and what they get: shapes only (api.md, Users)."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from rest_framework import serializers

from orders.models import EndReason, Order, OrderTransition, Review, ReviewKind, ReviewStatus, Status
from promote.rest.fields import Shape, StrictCharField, StrictNumberField

HOURS_MOST = 100_000


class DurationField(StrictNumberField):
    """Hours with up to two decimals, taken as whole seconds: 0.05 is 180."""

    default_error_messages = {
        "decimals": _("Hours have at most two decimals."),
        "range": _("Hours are a number from 0 to 100,000."),
    }

    def to_internal_value(self, data: Any) -> int:
        hours = super().to_internal_value(data)
        if not 0 <= hours <= HOURS_MOST:
            self.fail("range")
        hundredths = round(hours * 100)
        if abs(hours * 100 - hundredths) > 1e-6:
            self.fail("decimals")
        return hundredths * 36


class AudienceIn(serializers.JSONField):
    """Taken as it is: what is wrong with an audience is told by orders.audience, part by part."""


class AudienceOut(serializers.Serializer[Any]):
    """`automatic`, or the parts that were named."""

    automatic = serializers.BooleanField(required=False)
    countries = serializers.ListField(child=serializers.CharField(), required=False)
    age_bands = serializers.ListField(child=serializers.CharField(), required=False)
    genders = serializers.ListField(child=serializers.CharField(), required=False)
    interests = serializers.ListField(child=serializers.CharField(), required=False)


class AmendIn(Shape):
    """What may be changed while in review; what is left out stays."""

    audience = AudienceIn(required=False)
    website_url = StrictCharField(required=False, allow_null=True, allow_blank=True, max_length=4000)
    call_to_action = StrictCharField(required=False, allow_null=True, allow_blank=True, max_length=64)
    duration_hours = DurationField(required=False, source="duration_s")

    def to_internal_value(self, data: Any) -> Any:
        """Taking what can't be changed without a word would look as if it had been."""
        fixed = [str(name)[:64] for name in data if name not in self.fields]
        if fixed:
            told = gettext("This can't be changed. End the order, and place another.")
            raise serializers.ValidationError({name: [told] for name in fixed}, code="not_changeable")
        return super().to_internal_value(data)


class AppealIn(Shape):
    message = StrictCharField(required=False, allow_null=True, allow_blank=True, max_length=2000)


class PlaceOut(serializers.Serializer[Any]):
    start_s = serializers.IntegerField()
    end_s = serializers.IntegerField()


class ReviewOut(serializers.Serializer[Any]):
    status = serializers.ChoiceField(choices=ReviewStatus.values)
    code = serializers.CharField(allow_null=True, help_text=_("The policy that a rejection names."))
    reason = serializers.CharField(allow_null=True)
    remedy = serializers.CharField(allow_null=True)
    place = PlaceOut(allow_null=True)
    due_at = serializers.DateTimeField(allow_null=True)
    decided_at = serializers.DateTimeField(allow_null=True)


class AppealOut(serializers.Serializer[Any]):
    status = serializers.ChoiceField(choices=["in_review", "upheld", "refused", "overdue"])
    due_at = serializers.DateTimeField()
    decided_at = serializers.DateTimeField(allow_null=True)


class ResultsOut(serializers.Serializer[Any]):
    unit = serializers.CharField()
    count = serializers.IntegerField()
    cost_per = serializers.IntegerField(allow_null=True, help_text=_("Micros."))


class ChargesReturnedOut(serializers.Serializer[Any]):
    """Impressions that were found invalid after they were charged."""

    impressions = serializers.IntegerField()
    micros = serializers.IntegerField(help_text=_("What they had cost; of a running order in its budget again."))
    coins = serializers.IntegerField(
        help_text=_("To the balance after the order had settled, beside `refunded_coins`; what is owed is paid first.")
    )


class MomentOut(serializers.Serializer[Any]):
    at = serializers.DateTimeField()
    status = serializers.ChoiceField(choices=Status.values)
    event = serializers.CharField()
    by = serializers.ChoiceField(choices=["owner", "staff", "system"])


class OrderOut(serializers.Serializer[Any]):
    """An order. `results` is there once it has been shown, and `charges_returned`, where the door knows them."""

    id = serializers.CharField()
    status = serializers.ChoiceField(choices=Status.values)
    function = serializers.ChoiceField(choices=["video", "anchor", "live"])
    objective = serializers.CharField()
    target = serializers.CharField()
    title = serializers.CharField()
    audience = AudienceOut()
    website_url = serializers.CharField(allow_null=True)
    call_to_action = serializers.CharField(allow_null=True)
    duration_hours = serializers.FloatField()
    cost_coins = serializers.IntegerField()
    coupon_coins = serializers.IntegerField()
    paid_coins = serializers.IntegerField(help_text=_("The user's coins."))
    spent_coins = serializers.IntegerField(allow_null=True, help_text=_("The user's coins, once final."))
    refunded_coins = serializers.IntegerField(allow_null=True, help_text=_("The user's coins, once final."))
    offer = serializers.CharField(allow_null=True)
    review = ReviewOut()
    appeal = AppealOut(allow_null=True)
    placed_at = serializers.DateTimeField()
    starts_at = serializers.DateTimeField(allow_null=True)
    ends_at = serializers.DateTimeField(allow_null=True)
    ended_at = serializers.DateTimeField(allow_null=True)
    end_reason = serializers.ChoiceField(choices=EndReason.values, allow_null=True)
    refund_due_at = serializers.DateTimeField(allow_null=True)
    refunded_at = serializers.DateTimeField(allow_null=True)
    place_again_until = serializers.DateTimeField(allow_null=True)
    results = ResultsOut(required=False, allow_null=True)
    charges_returned = ChargesReturnedOut(
        required=False, allow_null=True, help_text=_("Null where no charge was found invalid.")
    )
    timeline = MomentOut(many=True)


def read_order(order: Order) -> dict[str, Any]:
    """The order as clients see it, but for its results and returned charges, which rooms above know."""
    reviews = list(order.reviews.all())
    return {
        "id": order.public_id,
        "status": order.status,
        "function": order.function,
        "objective": order.objective,
        "target": order.target.public_id,
        "title": str(order.target),
        "audience": order.audience,
        "website_url": order.website_url or None,
        "call_to_action": order.call_to_action or None,
        "duration_hours": round(order.duration_s / 3600, 4),
        "cost_coins": order.cost_coins,
        "coupon_coins": order.coupon_coins,
        "paid_coins": order.pay_coins,
        "spent_coins": order.spent_coins,
        "refunded_coins": order.refunded_coins,
        "offer": order.offer.public_id if order.offer else None,
        "review": _review(order, [review for review in reviews if review.kind != ReviewKind.APPEAL]),
        "appeal": _appeal([review for review in reviews if review.kind == ReviewKind.APPEAL]),
        "placed_at": _at(order.placed_at),
        "starts_at": _at(order.starts_at),
        "ends_at": _at(order.ends_at),
        "ended_at": _at(order.ended_at),
        "end_reason": order.end_reason or None,
        "refund_due_at": _at(order.refund_due_at),
        "refunded_at": _at(order.refunded_at),
        "place_again_until": _at(order.place_again_until),
        "timeline": [_moment(row) for row in order.history.all()],
    }


def _review(order: Order, reviews: Sequence[Review]) -> dict[str, Any]:
    """The last one that was needed. An order placed again after an appeal was approved without one."""
    review = next((one for one in reversed(reviews) if one.status != ReviewStatus.LAPSED), None) or (
        reviews[-1] if reviews else Review(order=order, status=ReviewStatus.APPROVED)
    )
    place = None
    if review.place_start_s is not None:
        place = {"start_s": review.place_start_s, "end_s": review.place_end_s}
    return {
        "status": review.status,
        "code": review.policy or None,
        "reason": review.reason or None,
        "remedy": review.remedy or None,
        "place": place,
        "due_at": _at(review.due_at) if review.status == ReviewStatus.PENDING else None,
        "decided_at": _at(review.decided_at),
    }


_APPEAL_WORDS = {ReviewStatus.APPROVED: "upheld", ReviewStatus.REJECTED: "refused"}


def _appeal(appeals: Sequence[Review]) -> dict[str, Any] | None:
    if not appeals:
        return None
    last = appeals[-1]
    status = _APPEAL_WORDS.get(ReviewStatus(last.status), last.status)
    return {"status": status, "due_at": _at(last.due_at), "decided_at": _at(last.decided_at)}


def _moment(row: OrderTransition) -> dict[str, Any]:
    by = "owner" if row.by_owner else "system" if row.by_id is None else "staff"
    return {"at": _at(row.at), "status": row.to_status, "event": row.why, "by": by}


def _at(at: datetime | None) -> str | None:
    return at.isoformat().replace("+00:00", "Z") if at else None
