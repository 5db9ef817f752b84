"""REST of buying coins: what is offered here, starting a payment, and what became of it. Source: api.md."""

import re
from collections.abc import Iterable
from typing import Any

from django.conf import settings
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from payments import cancelling, declines, gateways, limits, saved_methods, store_purchases, top_ups
from payments.gateways.base import ConfirmsInApps
from payments.models import Invoice, InvoiceKind, SavedMethod, TopUp, TopUpStatus
from payments.payment_methods import AWAY, Offered
from payments.saved_methods_api import SavedMethodOut
from payments.saved_methods_api import read_one as read_saved
from promote import ids
from promote.accounts.models import Account
from promote.markets.models import Market
from promote.money import Price
from promote.refusals import FieldError, Invalid
from promote.rest import Idempotent, account_of, caller, page, page_of
from promote.rest.fields import Shape, StrictBooleanField, StrictCharField
from promote.rest.idempotency import key_of
from promote.rest.views import Door

RETURN_PATH = "/wallet/top-ups/{top_up}/"
_PACK = re.compile(r"pack_(\d{1,18})", re.ASCII)


SAVED = _("The `id` of what the account saved for this method: it pays at once, or its bank asks on a page of its own.")
SAVE = _("The payer ticked the method's `consent`: what they pay with is saved.")
CONFIRMS_IN_APP = _(
    "Of the Android app, with `saved`: it has Stripe's SDK. Where the card's bank asks its holder, `next` is a "
    "`client_secret` for it instead of a page."
)


class PriceOut(serializers.Serializer[Any]):
    amount_minor = serializers.IntegerField()
    currency = serializers.CharField()


class PackOut(serializers.Serializer[Any]):
    id = serializers.CharField()
    coins = serializers.IntegerField()
    price = PriceOut(help_text=_("Tax included. Of a store's pack what we think: show the price that the store says."))
    product_id = serializers.CharField(required=False, help_text=_("The store's product, for a purchase in the app."))


class MethodOut(serializers.Serializer[Any]):
    method = serializers.CharField()
    packs = PackOut(many=True)
    asks_phone = serializers.BooleanField(help_text=_("Send `phone` when a payment by it is started."))
    in_app = serializers.BooleanField(help_text=_("Bought in the store: send `transaction` instead of `pack`."))
    account_token = serializers.CharField(
        required=False,
        help_text=_("Name it to the store: StoreKit's `appAccountToken`, Google Play's `obfuscatedAccountId`."),
    )
    test_mode = serializers.BooleanField(help_text=_("No real money moves."))
    saved = SavedMethodOut(
        many=True, help_text=_("What the account saved for it: `saved` with an `id` pays with one press.")
    )
    consent = serializers.CharField(
        allow_null=True,
        help_text=_("Where what is paid with can be saved: show these words beside a tick, which sends `save`."),
    )


class AwayOut(serializers.Serializer[Any]):
    method = serializers.CharField()
    detail = serializers.CharField()


class HintOut(serializers.Serializer[Any]):
    code = serializers.ChoiceField(["open_app", "not_here", "away", "no_market"])
    detail = serializers.CharField()


class LimitOut(serializers.Serializer[Any]):
    left_coins = serializers.IntegerField(
        allow_null=True, help_text=_("So many can be bought now, in a store too; null: no limit.")
    )
    possible_at = serializers.DateTimeField(allow_null=True, help_text=_("Where none can: when again."))
    detail = serializers.CharField(allow_null=True, help_text=_("Why none can be bought now."))


class MethodsOut(serializers.Serializer[Any]):
    results = MethodOut(many=True)
    next = serializers.CharField(allow_null=True)
    unavailable = AwayOut(many=True, help_text=_("Methods whose provider does not answer at the moment."))
    hint = HintOut(allow_null=True, help_text=_("Where to buy coins instead, where nothing is offered here."))
    limit = LimitOut(
        allow_null=True,
        help_text=_("How much the account may buy now. Look at it before a store is asked: what it took is credited."),
    )


class TopUpIn(Shape):
    method = StrictCharField(max_length=32)
    pack = StrictCharField(max_length=32, required=False, help_text=_("The `id` of a pack of that method."))
    transaction = StrictCharField(
        max_length=20_000,
        required=False,
        help_text=_("Of a purchase in the app: StoreKit's `jwsRepresentation`, or Google Play's purchase token."),
    )
    shares_use = StrictBooleanField(
        required=False, help_text=_("The buyer agreed that the store may be told how much of it was used.")
    )
    phone = StrictCharField(max_length=32, required=False, help_text=_("Where `asks_phone`: +62 812 3456 7890."))
    saved = StrictCharField(max_length=64, required=False, help_text=SAVED)
    save = StrictBooleanField(  # type: ignore[assignment]  # a field of its own, not the serializer's
        required=False, help_text=SAVE
    )
    confirms_in_app = StrictBooleanField(required=False, help_text=CONFIRMS_IN_APP)


class InstructionsOut(serializers.Serializer[Any]):
    bank = serializers.CharField()
    account_number = serializers.CharField()
    account_name = serializers.CharField()
    expires_at = serializers.DateTimeField(help_text=_("A transfer after this is refused by the bank."))
    help_url = serializers.CharField(help_text=_("How to pay, step by step; may be empty."))
    reference = serializers.CharField(help_text=_("To be written with the transfer; empty where none is needed."))


class NextOut(serializers.Serializer[Any]):
    """One of the three: an address, a client secret with its key, or instructions."""

    redirect_url = serializers.CharField(required=False, help_text=_("Lead the payer there."))
    client_secret = serializers.CharField(
        required=False,
        help_text=_(
            "Of an app that asked for it by `confirms_in_app`: Stripe's SDK confirms the payment with it, by the "
            "payment's own last card. Ask for the top-up again when the SDK is done."
        ),
    )
    publishable_key = serializers.CharField(required=False, help_text=_("Beside a `client_secret`: the SDK's key."))
    instructions = InstructionsOut(required=False, help_text=_("Show them to the payer: a transfer of the price."))


class FailureOut(serializers.Serializer[Any]):
    code = serializers.ChoiceField(list(declines.SENTENCES))
    detail = serializers.CharField()


class TopUpOut(serializers.Serializer[Any]):
    id = serializers.CharField()
    status = serializers.ChoiceField(TopUpStatus.values)
    method = serializers.CharField()
    coins = serializers.IntegerField()
    price = PriceOut()
    saved = serializers.CharField(allow_null=True, help_text=_("The `id` of what was saved that pays for it."))
    next = NextOut(
        allow_null=True,
        help_text=_("What the payer does next, while it waits for them. With `saved` only where the bank asks them."),
    )
    cancellable = serializers.BooleanField(help_text=_("Its payer may cancel it: nobody can pay it after that."))
    failure = FailureOut(allow_null=True, help_text=_("Why it failed, where somebody said why."))
    started_at = serializers.DateTimeField()
    expires_at = serializers.DateTimeField()
    accepted_at = serializers.DateTimeField(
        allow_null=True, help_text=_("The payer paid, and their bank is moving the money; coins come when it is final.")
    )
    paid_at = serializers.DateTimeField(allow_null=True)
    receipt = serializers.CharField(allow_null=True, help_text=_("The id of its receipt among the invoices."))


class Methods(Door):
    @extend_schema(operation_id="list_top_up_methods", responses={200: MethodsOut})
    def get(self, request: Request) -> Response:
        account = account_of(request)
        here = top_ups.methods(account=account, surface=surface_of(request))
        saved = saved_methods.of(account=account)
        results = [_read_offered(one, account, saved.get(one.method.code, [])) for one in here.offered]
        hint = {"code": here.hint_code, "detail": str(here.hint)} if here.hint_code else None
        away = [{"method": row.code, "detail": str(AWAY)} for row in here.away]
        limit = _read_limit(account, here.market) if here.market else None
        return Response({"results": results, "next": None, "unavailable": away, "hint": hint, "limit": limit})


class TopUps(Idempotent, Door):
    @extend_schema(
        operation_id="list_top_ups",
        parameters=[OpenApiParameter("cursor", str), OpenApiParameter("limit", int)],
        responses={200: page_of(TopUpOut)},
    )
    def get(self, request: Request) -> Response:
        rows = TopUp.objects.filter(account=account_of(request)).select_related("market")
        return page(request, rows, render=_read_many, by="started_at")

    @extend_schema(operation_id="start_top_up", request=TopUpIn, responses={201: TopUpOut})
    def post(self, request: Request) -> Response:
        asked = TopUpIn.read(request)
        top_up = _hand_in(request, asked) if "transaction" in asked else _start(request, asked)
        return Response(_read(top_up), status=201)

    def handle_exception(self, exc: Exception) -> Response:
        """What was refused has been rolled back by now, so it is counted here."""
        if isinstance(exc, store_purchases.PurchaseRefused):
            store_purchases.count(exc)
        return super().handle_exception(exc)


def read_one(top_up: TopUp) -> dict[str, Any]:
    """A top-up as clients see it."""
    (read,) = _read_many([top_up])
    return read


class OneTopUp(Door):
    @extend_schema(operation_id="get_top_up", responses={200: TopUpOut})
    def get(self, request: Request, public_id: str) -> Response:
        return Response(read_one(top_ups.get(account=account_of(request), public_id=public_id)))


class CancelTopUp(Idempotent, Door):
    @extend_schema(operation_id="cancel_top_up", request=None, responses={200: TopUpOut})
    def post(self, request: Request, public_id: str) -> Response:
        """Closes an unfinished payment, so that it counts against the limit no more."""
        ended = cancelling.cancel(account=account_of(request), public_id=public_id, now=timezone.now())
        return Response(read_one(ended))


def _start(request: Request, asked: dict[str, Any]) -> TopUp:
    return top_ups.start(
        account=account_of(request),
        caller_surface=surface_of(request),
        method=asked["method"],
        pack_id=_pack_id(asked.get("pack", "")),
        key=key_of(request),
        phone=asked.get("phone", ""),
        saved=asked.get("saved", ""),
        save=asked.get("save", False),
        confirms_in_app=asked.get("confirms_in_app", False),
        return_url=settings.PUBLIC_URL + RETURN_PATH,
        now=timezone.now(),
    )


def _hand_in(request: Request, asked: dict[str, Any]) -> TopUp:
    if "pack" in asked:
        told = _("A purchase in the app says itself what was bought: leave `pack` out.")
        raise Invalid([FieldError("pack", "invalid", told)])
    return store_purchases.hand_in(
        account=account_of(request),
        caller_surface=surface_of(request),
        method=asked["method"],
        proof=asked["transaction"],
        shares_use=asked.get("shares_use", False),
        now=timezone.now(),
    )


def surface_of(request: Request) -> str:
    """The app that asks. Raises Invalid where it did not say."""
    platform = caller(request).app_platform
    if platform is None:
        told = _("Say which app this is: ios, android or web. What can be paid with depends on it.")
        raise Invalid([FieldError("X-App-Platform", "required", told)])
    return platform


def _pack_id(text: str) -> int:
    """A pack that can't be is one that is not offered: the use case says so."""
    found = _PACK.fullmatch(text)
    return int(found[1]) if found else 0


def _read_limit(account: Account, market: Market) -> dict[str, Any]:
    now = limits.outlook(account=account, market=market, flow=limits.Flow.TOP_UP, now=timezone.now())
    return {
        "left_coins": now.left_coins,
        "possible_at": now.refusal.extra["possible_at"] if now.refusal else None,
        "detail": now.refusal.detail if now.refusal else None,
    }


def _read_offered(offered: Offered, account: Account, saved: list[SavedMethod]) -> dict[str, Any]:
    currency, in_app = offered.method.market.currency, offered.method.in_app
    packs = [
        {"id": f"pack_{pack.pk}", "coins": pack.coins, "price": Price(pack.price_minor, currency).as_dict()}
        | ({"product_id": pack.product_id} if in_app else {})
        for pack in offered.packs
    ]
    return ({"account_token": str(account.id)} if in_app else {}) | {
        "method": offered.method.code,
        "packs": packs,
        "asks_phone": offered.method.asks_phone,
        "in_app": in_app,
        "test_mode": not offered.is_live,
        "saved": [read_saved(one) for one in saved],
        "consent": saved_methods.words_to_tick(offered.method.code),
    }


def _read(top_up: TopUp, receipt: Invoice | None = None) -> dict[str, Any]:
    return {
        "id": top_up.public_id,
        "status": top_up.status,
        "method": top_up.method,
        "coins": top_up.coins,
        "price": Price(top_up.amount_minor, top_up.currency).as_dict(),
        "saved": ids.public("sav", top_up.saved_id) if top_up.saved_id else None,
        "next": _read_next(top_up),
        "cancellable": cancelling.can_be(top_up),
        "failure": _read_failure(top_up),
        "started_at": top_up.started_at,
        "expires_at": top_up.expires_at,
        "accepted_at": top_up.accepted_at,
        "paid_at": top_up.paid_at,
        "receipt": receipt.public_id if receipt else None,
    }


def _read_next(top_up: TopUp) -> dict[str, Any] | None:
    """What the payer does next; nothing where they have done it."""
    if top_up.status != TopUpStatus.PENDING or top_up.accepted_at:
        return None
    steps = ("redirect_url", "client_secret", "instructions")
    found = {name: step for name in steps if (step := getattr(top_up, name))}
    if top_up.client_secret and gateways.has_keys(top_up.gateway):
        gateway = gateways.named(top_up.gateway)
        found |= {"publishable_key": gateway.publishable_key} if isinstance(gateway, ConfirmsInApps) else {}
    return found or None


def _read_failure(top_up: TopUp) -> dict[str, str] | None:
    told = declines.sentence(top_up.failure)
    return {"code": top_up.failure, "detail": told} if told else None


def _read_many(rows: list[TopUp]) -> Iterable[dict[str, Any]]:
    found = Invoice.objects.filter(kind=InvoiceKind.RECEIPT, top_up__in=rows)
    receipts = {receipt.top_up_id: receipt for receipt in found}
    return [_read(row, receipts.get(row.id)) for row in rows]
