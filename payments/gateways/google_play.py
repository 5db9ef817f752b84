"""Google Play: purchases by the Play Developer API, real-time notices by Pub/Sub push, and voided purchases.

The app buys with our account as `obfuscatedAccountId` and hands in the purchase token. A purchase that is not consumed
within three days is given back by Google. By google-auth and plain HTTP: Google's client brings 100 MB for four calls.
Source: payments.md 3.2; discovery document androidpublisher v3.
"""

import json
import re
import threading
import time
from base64 import b64decode
from collections.abc import Callable, Iterator, Mapping
from datetime import datetime
from fractions import Fraction
from functools import partial
from typing import Any, TypeVar
from urllib.parse import quote, urlencode

from google.auth import exceptions as auth
from google.auth import jwt
from google.auth.transport.requests import Request
from google.oauth2 import service_account

from payments.gateways import amounts, calls, said
from payments.gateways.base import (
    BadNotice,
    BadProof,
    Fetched,
    GatewayAway,
    GatewayRefused,
    Line,
    LineKind,
    NoSuchPurchase,
    NoticeFacts,
    PaidThere,
    PaymentState,
    Purchase,
    Revoked,
    Started,
)
from promote.money import exponent

LIVE = "https://androidpublisher.googleapis.com"
CERTIFICATES = "https://www.googleapis.com/oauth2/v1/certs"
_SCOPE = "https://www.googleapis.com/auth/androidpublisher"
_ISSUERS = ("https://accounts.google.com", "accounts.google.com")
_TOKEN = re.compile(r"[A-Za-z0-9._~-]{16,1000}", re.ASCII)
_SKEW_S = 60
_CERTIFICATES_FOR_S, _AGAIN_AFTER_S = 3600, 60
_STATES = {
    "PURCHASED": PaymentState.PAID,
    "PENDING": PaymentState.OPEN,
    "CANCELLED": PaymentState.FAILED,
}
_CONSUMED = "CONSUMPTION_STATE_CONSUMED"
_IN_APP_PRODUCT = 2

Answer = TypeVar("Answer")


def build(options: Mapping[str, Any]) -> "GoogleGateway":
    return GoogleGateway(
        package_name=options["package_name"],
        service_account_key=options["service_account"],
        push_account=options["push_account"],
        push_audience=options["push_audience"] or f"{options['public_url']}/webhooks/google",
        environment=options["environment"],
        api_base=options["api_base"],
    )


class GoogleGateway:
    """`service_account_key` is base64 of the key's JSON file, `push_account` the e-mail of the subscription's account.

    Google has no test system: licence testers buy at the real one, and such purchases say so. `environment` is
    `Production`, or `Test` where those are taken, and no other. Raises ValueError for anything else.
    """

    notice_headers = ()

    def __init__(
        self,
        *,
        package_name: str,
        service_account_key: str,
        push_account: str,
        push_audience: str,
        environment: str,
        api_base: str = "",
    ) -> None:
        if environment not in ("Production", "Test"):
            raise ValueError(f"{environment!r} is neither Production nor Test")
        self._base = api_base or LIVE
        self.is_live = self._base == LIVE and environment == "Production"
        self._app = f"{self._base}/androidpublisher/v3/applications/{quote(package_name, safe='')}"
        self._package, self._push_account, self._audience = package_name, push_account, push_audience
        info = json.loads(b64decode(service_account_key))
        if api_base:
            info["token_uri"] = f"{api_base}/token"
        self._credentials = service_account.Credentials.from_service_account_info(info, scopes=[_SCOPE])
        self._lock = threading.Lock()
        self._certificates = _Certificates(f"{api_base}/oauth2/v1/certs" if api_base else CERTIFICATES)

    def start(self, purchase: Purchase, *, key: str) -> Started:
        raise GatewayRefused("a purchase on Google Play is started by the app")

    def purchase_of(self, proof: str) -> str:
        """The token is the id; whether there is such a purchase only Google knows."""
        if not _TOKEN.fullmatch(proof):
            raise BadProof("not a purchase token", reason="unreadable")
        return proof

    def fetch(self, provider_ref: str) -> Fetched:
        bought = self._purchase(provider_ref)
        try:
            state = _STATES[bought["purchaseStateContext"]["purchaseState"]]
            items = [(item["productId"], item["productOfferDetails"]) for item in bought["productLineItem"]]
            # A bundle is no product of ours.
            product, details = items[0] if len(items) == 1 else ("", {})
            quantity = int(details.get("quantity", 1))
            order_id = str(bought.get("orderId") or "")
            is_test = "testPurchaseContext" in bought
            order = self._order(order_id) if state == PaymentState.PAID else {}
            if order.get("state") in ("REFUNDED", "CANCELED"):
                state = PaymentState.FAILED
            amount_minor, currency = _money(order.get("total"))
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise GatewayAway(f"a purchase of Google Play that can't be read: {said.unreadable(error)}") from error
        return Fetched(
            state=state,
            amount_minor=amount_minor,
            currency=currency,
            reference=str(bought.get("obfuscatedExternalAccountId") or "").lower(),
            payment_ref=order_id,
            is_live=not is_test,
            product_id=product,
            quantity=quantity,
            is_partly_back=order.get("state") == "PARTIALLY_REFUNDED",
        )

    def delivered(self, provider_ref: str) -> None:
        """Consumes it: acknowledged, and the product can be bought again."""
        bought = self._purchase(provider_ref)
        for product in _read("purchase", lambda: _unconsumed(bought)):
            name, token = quote(product, safe=""), quote(provider_ref, safe="")
            self._ask("POST", f"/purchases/products/{name}/tokens/{token}:consume")

    def revoked(self, payment_ref: str) -> list[Revoked]:
        """Parts by their own events; a refund of the whole takes what they left."""
        return self._revoked(self._order(payment_ref), payment_ref)

    def lines_of(self, paid: PaidThere) -> list[Line]:
        """Of the order: its price, and what went back of it. Google's commission stands in its reports alone."""
        order, ref = self._order(paid.payment_ref), paid.payment_ref
        revoked = self._revoked(order, ref)
        try:
            total, currency = _money(order["total"])
            at = _at(order["createTime"])
        except (KeyError, TypeError, ValueError) as error:
            raise GatewayAway(f"an order of Google Play that can't be read: {said.unreadable(error)}") from error
        lines = [Line(ref, LineKind.PAYMENT, at, total, 0, currency, payment_ref=ref, subject=ref)]
        for one, part in zip(revoked, amounts.parts(total, [one.share for one in revoked]), strict=True):
            kind = LineKind.DISPUTE if one.kind == "dispute" else LineKind.REFUND
            lines.append(Line(one.ref, kind, one.at, -part, 0, currency, payment_ref=ref, subject=one.ref))
        return lines

    def _revoked(self, order: Mapping[str, Any], payment_ref: str) -> list[Revoked]:
        try:
            total, _ = _money(order["total"])
            history = order.get("orderHistory") or {}
            parts = [
                Revoked(f"{payment_ref}:{event['createTime']}", "refund", _part(event, total), _at(event["createTime"]))
                for event in history.get("partialRefundEvents") or []
                if event.get("state") == "PROCESSED_SUCCESSFULLY"
            ]
            whole = history.get("refundEvent")
            left = 1 - sum((part.share for part in parts), Fraction(0))
            if whole is not None and left > 0:
                kind = "dispute" if whole.get("refundReason") == "CHARGEBACK" else "refund"
                why = str(whole.get("refundReason", "")).lower()
                parts.append(Revoked(f"{payment_ref}:whole", kind, left, _at(whole["eventTime"]), why))
        except (KeyError, TypeError, ValueError, AttributeError, ZeroDivisionError) as error:
            raise GatewayAway(f"an order of Google Play that can't be read: {said.unreadable(error)}") from error
        return parts

    def parse_notice(self, headers: Mapping[str, str], raw: bytes, *, path: str, now: datetime) -> NoticeFacts:
        self._check_push(headers.get("Authorization", ""))
        try:
            message = json.loads(raw)["message"]
            event_id = message.get("messageId") or message["message_id"]
            told = json.loads(b64decode(message["data"], validate=True))
            package, sold, voided = (
                told.get(name) for name in ("packageName", "oneTimeProductNotification", "voidedPurchaseNotification")
            )
            if package != self._package:
                raise BadNotice("about another app", reason="other_account")
            if sold:
                return _facts(event_id, f"one_time_product.{sold['notificationType']}", sold["purchaseToken"])
            if voided and voided.get("productType") == _IN_APP_PRODUCT:
                kind = f"voided_purchase.{voided.get('refundType')}"
                return _facts(event_id, kind, voided["purchaseToken"], order=voided["orderId"])
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise BadNotice("not a notice of Google Play", reason="unreadable") from error
        return NoticeFacts(event_id=str(event_id)[:255], kind="other", provider_ref="", reference="", about="")

    def untold(self, *, since: datetime, until: datetime) -> Iterator[tuple[NoticeFacts, bytes]]:
        """Purchases that were cancelled, refunded or charged back in that time, as Google lists them."""
        asked = {
            "startTime": str(int(since.timestamp()) * 1000),
            "type": "0",
            "includeQuantityBasedPartialRefund": "true",
        }
        page = ""
        while True:
            query = urlencode({**asked, **({"token": page} if page else {})})
            found = self._ask("GET", f"/purchases/voidedpurchases?{query}")
            yield from _read("list", partial(_voided, found))
            page = _read("list", partial(_next_page, found))
            if not page:
                return

    def _check_push(self, header: str) -> None:
        """The token that Pub/Sub has from Google for our subscription's account. Raises BadNotice, GatewayAway."""
        kind, _, token = header.partition(" ")
        if kind != "Bearer" or not token:
            raise BadNotice("no token of Pub/Sub's account", reason="signature")
        try:
            known = self._certificates.for_key(str(jwt.decode_header(token).get("kid")))
            claims = jwt.decode(token, certs=known, audience=self._audience, clock_skew_in_seconds=_SKEW_S)
        except (auth.GoogleAuthError, ValueError) as error:
            # What can't be read would stand in the message: a token is never logged.
            told = "it can't be read" if isinstance(error, auth.MalformedError) else type(error).__name__
            raise BadNotice(f"a token that is not Google's for us: {told}", reason="signature") from error
        if claims.get("iss") not in _ISSUERS:
            raise BadNotice("a token of another issuer", reason="signature")
        if claims.get("email") != self._push_account or claims.get("email_verified") is not True:
            raise BadNotice("a token of another account", reason="other_account")

    def _purchase(self, token: str) -> dict[str, Any]:
        return self._ask("GET", f"/purchases/productsv2/tokens/{quote(token, safe='')}")

    def _order(self, order_id: str) -> dict[str, Any]:
        return self._ask("GET", f"/orders/{quote(order_id, safe='')}")

    def _ask(self, method: str, path: str) -> dict[str, Any]:
        answer = calls.call(method, self._app + path, headers={"Authorization": f"Bearer {self._bearer()}"})
        if answer.status == 401:
            answer = calls.call(method, self._app + path, headers={"Authorization": f"Bearer {self._bearer(new=True)}"})
        if answer.status >= 300:
            error = answer.body.get("error")
            told = said.code(error.get("status")) if isinstance(error, dict) else ""
            is_unknown = answer.status in (400, 404, 410)
            raise (NoSuchPurchase if is_unknown else GatewayRefused)(f"Google Play: {answer.status} {told}".strip())
        return answer.body

    def _bearer(self, *, new: bool = False) -> str:
        with self._lock:
            if new or not self._credentials.valid:
                try:
                    self._credentials.refresh(partial(Request(), timeout=calls.TIMEOUT_S))
                except auth.TransportError as error:
                    raise GatewayAway(f"Google gives no token: {type(error).__name__}") from error
                except auth.GoogleAuthError as error:
                    is_away = getattr(error, "retryable", False)
                    raise (GatewayAway if is_away else GatewayRefused)(
                        f"Google gives no token: {type(error).__name__}"
                    ) from error
            return str(self._credentials.token)


class _Certificates:
    """Those that Google signs its tokens with, by the key's id, kept for an hour."""

    def __init__(self, url: str) -> None:
        self._url, self._known, self._at = url, dict[str, str](), float("-inf")

    def for_key(self, key_id: str) -> dict[str, str]:
        """Fetched anew where they are old, or the key is not among them (once a minute). Raises GatewayAway."""
        age = time.monotonic() - self._at
        if age > _CERTIFICATES_FOR_S or (key_id not in self._known and age > _AGAIN_AFTER_S):
            found = _read("list of keys", lambda: dict(json.loads(calls.download(self._url))))
            self._known, self._at = {str(name): str(text) for name, text in found.items()}, time.monotonic()
        return self._known


def _read(what: str, how: Callable[[], Answer]) -> Answer:
    """Raises GatewayAway where Google says it otherwise than documented: nothing is made of half of it."""
    try:
        return how()
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise GatewayAway(f"a {what} of Google Play that can't be read: {said.unreadable(error)}") from error


def _unconsumed(bought: Mapping[str, Any]) -> list[str]:
    """Its products of which we have not said that they were delivered."""
    return [
        str(item["productId"])
        for item in bought.get("productLineItem") or []
        if (item.get("productOfferDetails") or {}).get("consumptionState") != _CONSUMED
    ]


def _voided(found: Mapping[str, Any]) -> list[tuple[NoticeFacts, bytes]]:
    told = []
    for one in found.get("voidedPurchases") or []:
        token, order = str(one.get("purchaseToken")), str(one.get("orderId"))
        event_id = f"voided:{order}:{one.get('voidedTimeMillis')}:{one.get('voidedQuantity', '')}"
        told.append((_facts(event_id, "voided_purchase.listed", token, order=order), calls.compact(one)))
    return told


def _next_page(found: Mapping[str, Any]) -> str:
    return str((found.get("tokenPagination") or {}).get("nextPageToken") or "")


def _facts(event_id: object, kind: str, token: object, *, order: object = "") -> NoticeFacts:
    if not isinstance(token, str) or not isinstance(order, str):
        raise TypeError("an id that is no text")
    return NoticeFacts(
        event_id=str(event_id)[:255],
        kind=kind[:96],
        provider_ref=token[:1000],
        reference="",
        about="return" if order else "payment",
        payment_ref=order[:255],
    )


def _money(told: Mapping[str, Any] | None) -> tuple[int, str]:
    """Google's Money in minor units; 0 of no currency where it does not say."""
    if not told:
        return 0, ""
    currency = str(told["currencyCode"])
    nanos = int(told.get("units") or 0) * 10**9 + int(told.get("nanos") or 0)
    return nanos * 10 ** exponent(currency) // 10**9, currency


def _at(text: object) -> datetime:
    found = datetime.fromisoformat(str(text))
    if found.tzinfo is None:
        raise ValueError("a time without its zone")
    return found


def _part(event: Mapping[str, Any], total_minor: int) -> Fraction:
    refunded, _ = _money(event["refundDetails"]["total"])
    return min(Fraction(1), Fraction(refunded, total_minor))
