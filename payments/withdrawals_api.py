"""REST of withdrawals: what may go back where, how long it takes, and what became of it. Source: api.md."""

from collections.abc import Iterable
from typing import Any

from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from payments import leg_failures, payees, withdrawals, withdrawing
from payments.gateways.base import NamedAccount, Payee
from payments.models import LegState, Withdrawal, WithdrawalLeg, WithdrawalStatus
from payments.top_ups_api import PriceOut, surface_of
from payments.withdrawing import Plan
from promote.markets.models import PaymentMethod
from promote.money import Price
from promote.rest import Idempotent, account_of, page, page_of
from promote.rest.fields import Shape, StrictCharField, StrictIntegerField
from promote.rest.idempotency import key_of
from promote.rest.views import Door

MOST_COINS = 1_000_000_000


class UsualTimeOut(serializers.Serializer[Any]):
    from_days = serializers.IntegerField()
    to_days = serializers.IntegerField()


class QuoteIn(Shape):
    coins = StrictIntegerField(
        min_value=1, max_value=MOST_COINS, required=False, allow_null=True, help_text=_("Left out: all that can.")
    )


class PayoutAccountIn(Shape):
    bank = StrictCharField(max_length=20, allow_blank=True, help_text=_("The code of one of the quote's banks."))
    holder = StrictCharField(
        max_length=200, allow_blank=True, trim_whitespace=False, help_text=_("The holder's name, as the bank has it.")
    )
    number = StrictCharField(
        max_length=64, allow_blank=True, help_text=_("Digits; spaces and hyphens may stand in it.")
    )


class WithdrawalIn(Shape):
    coins = StrictIntegerField(min_value=1, max_value=MOST_COINS)
    payout_account = PayoutAccountIn(
        required=False, allow_null=True, help_text=_("Where the quote needs one, and only there.")
    )


class PayeeOut(serializers.Serializer[Any]):
    account = serializers.CharField(help_text=_("By its last digits: •••• 1222. Empty where the bank did not say."))
    price = PriceOut(help_text=_("What goes to it."))


class PayoutBankOut(serializers.Serializer[Any]):
    code = serializers.CharField()
    name = serializers.CharField()
    min_digits = serializers.IntegerField(help_text=_("The shortest of its account numbers."))
    max_digits = serializers.IntegerField()


class PayoutAccountOut(serializers.Serializer[Any]):
    bank = serializers.CharField(help_text=_("Its code."))
    bank_name = serializers.CharField()
    number = serializers.CharField(help_text=_("By its last digits: •••• 1222."))


class PartOut(serializers.Serializer[Any]):
    method = serializers.CharField()
    bought_at = serializers.DateTimeField(help_text=_("When the payment was made that gets it back."))
    coins = serializers.IntegerField()
    price = PriceOut(help_text=_("What goes back to it."))
    usual_time = UsualTimeOut()
    payees = PayeeOut(
        many=True, help_text=_("The accounts that a bank transfer came from, with what each gets; else empty.")
    )
    to_payout_account = serializers.BooleanField(
        help_text=_("It can't go back as it was paid: it goes to the account that is named with the withdrawal.")
    )


class StoreLinkOut(serializers.Serializer[Any]):
    method = serializers.CharField()
    url = serializers.CharField()


class QuoteOut(serializers.Serializer[Any]):
    coins = serializers.IntegerField()
    withdrawable_coins = serializers.IntegerField()
    is_reviewed = serializers.BooleanField(help_text=_("Our staff looks at it before it goes out."))
    parts = PartOut(many=True, help_text=_("Oldest payment first."))
    needs_payout_account = serializers.BooleanField(help_text=_("Whether some part goes to an account to be named."))
    payout_banks = PayoutBankOut(many=True, help_text=_("Where that account may be; empty where none is needed."))
    links = StoreLinkOut(many=True, help_text=_("Where stores are asked for the money of coins bought there."))


class LegFailureOut(serializers.Serializer[Any]):
    code = serializers.ChoiceField(list(leg_failures.SENTENCES))
    detail = serializers.CharField()


class LegOut(serializers.Serializer[Any]):
    method = serializers.CharField()
    coins = serializers.IntegerField()
    price = PriceOut()
    status = serializers.ChoiceField(LegState.values)
    usual_time = UsualTimeOut(allow_null=True)
    payees = PayeeOut(
        many=True,
        help_text=_("The account that was named for it, or those that a bank transfer goes back to, once asked for."),
    )
    to_payout_account = serializers.BooleanField()
    failure = LegFailureOut(allow_null=True, help_text=_("Why it was not paid back, and where its coins are."))


class WithdrawalOut(serializers.Serializer[Any]):
    id = serializers.CharField()
    status = serializers.ChoiceField(WithdrawalStatus.values)
    coins = serializers.IntegerField()
    legs = LegOut(many=True)
    payout_account = PayoutAccountOut(
        allow_null=True, help_text=_("The account named for what can't go back as it was paid.")
    )
    requested_at = serializers.DateTimeField()
    ended_at = serializers.DateTimeField(allow_null=True)


class QuoteOf(Door):
    @extend_schema(operation_id="quote_withdrawal", request=QuoteIn, responses={200: QuoteOut})
    def post(self, request: Request) -> Response:
        asked = QuoteIn.read(request)
        plan = withdrawing.quote(
            account=account_of(request), surface=surface_of(request), coins=asked.get("coins"), now=timezone.now()
        )
        return Response(_read_plan(plan))


class Withdrawals(Idempotent, Door):
    @extend_schema(
        operation_id="list_withdrawals",
        parameters=[OpenApiParameter("cursor", str), OpenApiParameter("limit", int)],
        responses={200: page_of(WithdrawalOut)},
    )
    def get(self, request: Request) -> Response:
        rows = Withdrawal.objects.filter(account=account_of(request))
        return page(request, rows, render=_read_many, by="requested_at")

    @extend_schema(operation_id="request_withdrawal", request=WithdrawalIn, responses={201: WithdrawalOut})
    def post(self, request: Request) -> Response:
        asked = WithdrawalIn.read(request)
        named = asked.get("payout_account")
        made = withdrawals.request(
            account=account_of(request),
            surface=surface_of(request),
            coins=asked["coins"],
            payout_account=NamedAccount(**named) if named is not None else None,
            key=key_of(request),
            now=timezone.now(),
        )
        return Response(_read_one(made), status=201)


class OneWithdrawal(Door):
    @extend_schema(operation_id="get_withdrawal", responses={200: WithdrawalOut})
    def get(self, request: Request, public_id: str) -> Response:
        return Response(_read_one(withdrawals.get(account=account_of(request), public_id=public_id)))


def _read_plan(plan: Plan) -> dict[str, Any]:
    return {
        "coins": plan.coins,
        "withdrawable_coins": plan.withdrawable_coins,
        "is_reviewed": plan.is_reviewed,
        "parts": [
            {
                "method": part.method.code,
                "bought_at": part.top_up.paid_at,
                "coins": part.coins,
                "price": Price(part.price_minor, part.top_up.currency).as_dict(),
                "usual_time": _usual_time(part.method),
                "payees": _payees(payees.planned(part), part.top_up.currency),
                "to_payout_account": bool(part.carrier),
            }
            for part in plan.parts
        ],
        "needs_payout_account": bool(plan.banks),
        "payout_banks": [
            {"code": one.code, "name": one.name, "min_digits": one.min_digits, "max_digits": one.max_digits}
            for one in plan.banks
        ],
        "links": [{"method": method, "url": url} for method, url in plan.links],
    }


def _read_one(row: Withdrawal) -> dict[str, Any]:
    (read,) = _read_many([row])
    return read


def _read_many(rows: list[Withdrawal]) -> Iterable[dict[str, Any]]:
    legs: dict[Any, list[WithdrawalLeg]] = {row.id: [] for row in rows}
    for leg in WithdrawalLeg.objects.filter(withdrawal__in=rows).select_related("returned__top_up", "payout_account"):
        legs[leg.withdrawal_id].append(leg)
    methods = {(one.market_id, one.code): one for one in PaymentMethod.objects.exclude(refund_to_days=None)}
    paid_to = payees.of_legs(leg for found in legs.values() for leg in found)
    return [
        {
            "id": row.public_id,
            "status": row.status,
            "coins": row.coins,
            "legs": [_read_leg(leg, methods, paid_to.get(leg.public_id, [])) for leg in legs[row.id]],
            "payout_account": _named(legs[row.id]),
            "requested_at": row.requested_at,
            "ended_at": row.ended_at,
        }
        for row in rows
    ]


def _read_leg(
    leg: WithdrawalLeg, methods: dict[tuple[str, str], PaymentMethod], paid_to: Iterable[Payee]
) -> dict[str, Any]:
    top_up = leg.returned.top_up
    method = methods.get((top_up.market_id, top_up.method))
    return {
        "method": top_up.method,
        "coins": leg.coins,
        "price": Price(leg.returned.amount_minor, leg.returned.currency).as_dict(),
        "status": leg.state,
        "usual_time": _usual_time(method) if method else None,
        "payees": _payees(paid_to, leg.returned.currency),
        "to_payout_account": leg.payout_account_id is not None,
        "failure": {"code": leg_failures.code_of(leg), "detail": told}
        if (told := leg_failures.sentence(leg))
        else None,
    }


def _named(legs: Iterable[WithdrawalLeg]) -> dict[str, str] | None:
    row = next((leg.payout_account for leg in legs if leg.payout_account is not None), None)
    return {"bank": row.bank_code, "bank_name": row.bank_name, "number": row.known_by} if row else None


def _payees(found: Iterable[Payee], currency: str) -> list[dict[str, Any]]:
    return [{"account": one.account, "price": Price(one.amount_minor, currency).as_dict()} for one in found]


def _usual_time(method: PaymentMethod) -> dict[str, int | None]:
    return {"from_days": method.refund_from_days, "to_days": method.refund_to_days}
