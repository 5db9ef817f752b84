"""REST of the wallet: balance, statement, and gifts on the platform's word. Source: api.md."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from django.http import HttpResponseBase, StreamingHttpResponse
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, OpenApiResponse, extend_schema
from rest_framework import serializers
from rest_framework.renderers import JSONRenderer
from rest_framework.request import Request
from rest_framework.response import Response

from payments import gifts, wallet, withdrawing
from payments.models import Gift, Origin
from payments.statement import StatementEntry, everything
from promote.accounts.models import Account
from promote.money import Price
from promote.refusals import FieldError, Invalid
from promote.rest import Idempotent, account_of, caller, page_of, scopes
from promote.rest.csv_files import Csv, as_file
from promote.rest.fields import ExternalIdField, Shape, StrictIntegerField
from promote.rest.pagination import limit_of, open_cursor, seal_cursor
from promote.rest.views import Door

GIFT_MAX_COINS = 1_000_000_000
COLUMNS = ("at", "id", "kind", "text", "reference", "coins", "debt_coins", "balance_coins")
PAGING = [OpenApiParameter("limit", int), OpenApiParameter("cursor", str)]


class PaidOut(serializers.Serializer[Any]):
    amount_minor = serializers.IntegerField()
    currency = serializers.CharField()


class LotOut(serializers.Serializer[Any]):
    id = serializers.CharField()
    origin = serializers.ChoiceField(choices=Origin.values, help_text=_("`grant`, or the payment method."))
    coins = serializers.IntegerField(help_text=_("What is left of it, free to spend."))
    opened_coins = serializers.IntegerField()
    opened_at = serializers.DateTimeField()
    expires_at = serializers.DateTimeField(allow_null=True)
    withdrawable = serializers.BooleanField(help_text=_("By where they came from; a quote says what can be now."))
    paid = PaidOut(allow_null=True)


class OriginOut(serializers.Serializer[Any]):
    origin = serializers.ChoiceField(choices=Origin.values)
    coins = serializers.IntegerField()
    withdrawable_coins = serializers.IntegerField()


class WalletOut(serializers.Serializer[Any]):
    coins = serializers.IntegerField(help_text=_("Free to spend."))
    held_coins = serializers.IntegerField(
        help_text=_("In orders under way (what comes back if they end now) and in withdrawals.")
    )
    withdrawing_coins = serializers.IntegerField(help_text=_("Of the held ones, those in withdrawals."))
    debt_coins = serializers.IntegerField(help_text=_("Repaid by the next coins that come in."))
    withdrawable_coins = serializers.IntegerField(
        help_text=_("What a withdrawal quote in this app (X-App-Platform) would offer now; 0 where it would refuse.")
    )
    by_origin = OriginOut(many=True, help_text=_("Free coins by where they came from."))
    lots = LotOut(many=True, help_text=_("In the order in which they are spent."))


class EntryOut(serializers.Serializer[Any]):
    id = serializers.CharField()
    at = serializers.DateTimeField()
    kind = serializers.CharField()
    text = serializers.CharField(help_text=_("In the reader's language."))
    reference = serializers.CharField(help_text=_("The order, top-up, gift or lot it belongs to."), allow_null=True)
    coins = serializers.IntegerField(help_text=_("Below zero for what left the balance."))
    debt_coins = serializers.IntegerField(help_text=_("Below zero for what was repaid."))
    balance_coins = serializers.IntegerField(help_text=_("After it."))


class GiftIn(Shape):
    account = ExternalIdField(help_text=_("The account's external id."))
    coins = StrictIntegerField(min_value=1, max_value=GIFT_MAX_COINS)
    reference = ExternalIdField(help_text=_("The platform's own name of this gift: it is paid once."))
    live = ExternalIdField(required=False, allow_null=True, help_text=_("The live's external id."))


class GiftOut(serializers.Serializer[Any]):
    id = serializers.CharField()
    account = serializers.CharField()
    coins = serializers.IntegerField()
    reference = serializers.CharField()
    live = serializers.CharField(allow_null=True)
    given_at = serializers.DateTimeField()
    wallet_coins = serializers.IntegerField(help_text=_("Free to spend after it."))


class UnknownAccount(Invalid):
    def __init__(self) -> None:
        super().__init__([FieldError("account", "not_found", _("No such account. Send the account first, then this."))])


def read_wallet(balance: wallet.Balance, withdrawable: Mapping[str, int]) -> dict[str, Any]:
    """The wallet as clients see it; `withdrawable` are the coins that can be withdrawn, by origin."""
    return {
        "coins": balance.free_coins,
        "held_coins": balance.held_coins,
        "withdrawing_coins": balance.withdrawing_coins,
        "debt_coins": balance.debt_coins,
        "withdrawable_coins": sum(withdrawable.values()),
        "by_origin": [
            {"origin": origin, "coins": coins, "withdrawable_coins": withdrawable.get(origin, 0)}
            for origin, coins in balance.by_origin.items()
        ],
        "lots": [_read_lot(left) for left in balance.lots],
    }


def withdrawable_here(request: Request, *, now: datetime) -> dict[str, int]:
    """By origin, in the app that asks; nothing where it does not say which it is."""
    surface = caller(request).app_platform or ""
    return withdrawing.withdrawable(account=account_of(request), surface=surface, now=now)


class Wallet(Door):
    @extend_schema(operation_id="get_wallet", responses={200: WalletOut})
    def get(self, request: Request) -> Response:
        account, now = account_of(request), timezone.now()
        return Response(read_wallet(wallet.balance(account=account, now=now), withdrawable_here(request, now=now)))


class Statement(Door):
    renderer_classes = [JSONRenderer, Csv]

    @extend_schema(
        operation_id="list_statement",
        parameters=PAGING,
        responses={
            (200, "application/json"): page_of(EntryOut),
            (200, "text/csv"): OpenApiResponse(OpenApiTypes.STR, description="All of it, a line each, newest first."),
        },
    )
    def get(self, request: Request) -> HttpResponseBase:
        account = account_of(request)
        if request.accepted_renderer.format == "csv":
            return statement_file(account)
        text = request.query_params.get("cursor")
        page = wallet.statement(
            account=account, cursor=open_cursor(request, text) if text else None, limit=limit_of(request)
        )
        more = seal_cursor(request, page.next_cursor) if page.next_cursor is not None else None
        return Response({"results": [_read_entry(entry) for entry in page.entries], "next": more})


def statement_file(account: Account) -> StreamingHttpResponse:
    """The whole statement as CSV."""
    told = (_read_entry(entry) for entry in everything(account=account))
    rows = ([entry["at"].isoformat(), *(entry[name] for name in COLUMNS[1:])] for entry in told)
    return as_file("statement.csv", COLUMNS, rows)


class Gifts(Idempotent, Door):
    permission_classes = [scopes("wallet")]

    @extend_schema(operation_id="give_gift", request=GiftIn, responses={201: GiftOut})
    def post(self, request: Request) -> Response:
        asked = GiftIn.read(request)
        account = Account.objects.filter(external_id=asked.pop("account")).first()
        if account is None:
            raise UnknownAccount
        asked["live"] = asked.get("live") or ""
        gift = gifts.give(account=account, now=timezone.now(), **asked)
        return Response(_read_gift(gift), status=201)


def _read_lot(left: wallet.LotLeft) -> dict[str, Any]:
    lot = left.lot
    return {
        "id": lot.public_id,
        "origin": lot.origin,
        "coins": left.coins,
        "opened_coins": lot.coins,
        "opened_at": lot.opened_at,
        "expires_at": lot.expires_at,
        "withdrawable": lot.withdrawable,
        "paid": Price(lot.paid_minor, lot.currency).as_dict() if lot.currency else None,
    }


def _read_entry(entry: StatementEntry) -> dict[str, Any]:
    return {
        "id": entry.id,
        "at": entry.at,
        "kind": entry.kind,
        "text": str(entry.title),
        "reference": entry.ref or None,
        "coins": entry.coins,
        "debt_coins": entry.debt_coins,
        "balance_coins": entry.balance_coins,
    }


def _read_gift(gift: Gift) -> dict[str, Any]:
    return {
        "id": gift.public_id,
        "account": gift.account.external_id,
        "coins": gift.coins,
        "reference": gift.reference,
        "live": gift.live or None,
        "given_at": gift.given_at,
        "wallet_coins": wallet.balance(account=gift.account, now=timezone.now()).free_coins,
    }
