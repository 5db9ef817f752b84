"""The calls that the Play Developer API takes, what a phone buys, and what Google tells of it."""

from __future__ import annotations

import base64
import os
import re
import secrets
import time
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any
from urllib.parse import parse_qs, unquote

import jwt
from cryptography.hazmat.primitives import serialization

from sandbox.providers.google_play.pushing import Pusher
from sandbox.providers.plumbing import control, pages
from sandbox.providers.plumbing.outbox import Message, Target
from sandbox.providers.plumbing.server import Request, Response
from sandbox.providers.plumbing.stand_in import Opening, Refused, StandIn

_GRANT = "urn:ietf:params:oauth:grant-type:jwt-bearer"
_AUDIENCE = "https://oauth2.googleapis.com/token"
_SCOPE = "https://www.googleapis.com/auth/androidpublisher"
_LIFE_S = 3600
_LISTED_S = 30 * 86_400
_BUYS = ("product_id", "account_token", "quantity", "price", "currency", "pending", "is_real", "silent")


class GooglePlay(StandIn):
    """Google Play's stand-in. Keys by GOOGLE_PLAY_… and SANDBOX_GOOGLE_PLAY_… in the environment."""

    api_paths = ("/token", "/oauth2/", "/androidpublisher/")

    def __init__(self, opening: Opening) -> None:
        super().__init__(opening)
        self._package = os.environ["GOOGLE_PLAY_PACKAGE_NAME"]
        key = base64.b64decode(os.environ["SANDBOX_GOOGLE_PLAY_PUBLIC_KEY"])
        self._merchant = serialization.load_der_public_key(key)
        self._tokens: dict[str, float] = {}
        self._pusher = Pusher(os.environ["GOOGLE_PLAY_PUSH_ACCOUNT"])

    # the API

    def api(self, request: Request) -> Response:
        call = f"{request.method} {request.path}"
        if call == "GET /oauth2/v1/certs":
            return Response(200, self._pusher.certificates)
        if call == "POST /token":
            return self._token(request)
        self._authenticate(request)
        found = re.fullmatch(r"(GET|POST) /androidpublisher/v3/applications/([^/]+)/(.+)", call)
        if found is None or found[2] != self._package:
            raise _error(404, "No application was found for the given package name.")
        method, path = found[1], unquote(found[3])
        if method == "GET" and (found := re.fullmatch(r"purchases/productsv2/tokens/([^/]+)", path)):
            return Response(200, _purchase(self._bought(found[1])))
        if method == "GET" and (found := re.fullmatch(r"orders/([^/]+)", path)):
            return Response(200, _order(self._of_order(found[1])))
        if method == "POST" and (found := re.fullmatch(r"purchases/products/([^/]+)/tokens/([^/]+):consume", path)):
            return self._consume(self._bought(found[2]), product_id=found[1])
        if (method, path) == ("GET", "purchases/voidedpurchases"):
            return self._voided(request)
        raise _error(404, "Not Found")

    def _token(self, request: Request) -> Response:
        form = parse_qs(request.body.decode("utf-8", "replace"))
        try:
            claims = jwt.decode(form["assertion"][0], self._merchant, algorithms=["RS256"], audience=_AUDIENCE)  # type: ignore[arg-type]
        except (jwt.InvalidTokenError, KeyError):
            raise Refused(400, {"error": "invalid_grant", "error_description": "Invalid JWT Signature."}) from None
        if form.get("grant_type") != [_GRANT] or claims.get("scope") != _SCOPE:
            raise Refused(400, {"error": "invalid_scope"})
        token = f"ya29.{secrets.token_urlsafe(48)}"
        self._tokens[token] = time.monotonic() + _LIFE_S
        return Response(200, {"access_token": token, "token_type": "Bearer", "expires_in": _LIFE_S})

    def _authenticate(self, request: Request) -> None:
        kind, _, token = request.headers.get("authorization", "").partition(" ")
        if kind != "Bearer" or self._tokens.get(token, 0) < time.monotonic():
            raise _error(401, "Request had invalid authentication credentials.")

    def _bought(self, token: str) -> dict[str, Any]:
        found = self.payment(token)
        if found is None:
            raise _error(404, "The purchase token was not found.")
        return found

    def _of_order(self, order_id: str) -> dict[str, Any]:
        for one in self.store.find("payment", where="json_extract(body, '$.order_id') = ?", values=(order_id,)):
            return one
        raise _error(404, "The order was not found.")

    def _consume(self, bought: dict[str, Any], *, product_id: str) -> Response:
        if bought["product_id"] != product_id:
            raise _error(400, "The purchase token does not match the product ID.")
        if bought["state"] != "PURCHASED":
            raise _error(400, "The product purchase is not owned by the user.")
        self.store.update(bought, consumed=True)
        return Response(204, b"")

    def _voided(self, request: Request) -> Response:
        query = {name: values[0] for name, values in parse_qs(request.query).items()}
        since = int(query.get("startTime", "0"))
        if since < (time.time() - _LISTED_S) * 1000:
            raise _error(400, "Start time must be within the last 30 days.")
        partial = query.get("includeQuantityBasedPartialRefund") == "true"
        rows = [
            {"kind": "androidpublisher#voidedPurchase", "purchaseToken": one["id"], "orderId": one["order_id"], **row}
            for one in self.store.find("payment")
            for row in one["voided"]
            if int(row["voidedTimeMillis"]) >= since and (partial or "voidedQuantity" not in row)
        ]
        first = int(query.get("token", "0"))
        page = rows[first : first + int(query.get("maxResults", "1000"))]
        after = first + len(page)
        more = {"tokenPagination": {"nextPageToken": str(after)}} if after < len(rows) else {}
        return Response(200, {"voidedPurchases": page} | more)

    # notices

    def compose(self, target: Target, event: dict[str, Any]) -> Message:
        told = {
            "version": "1.0",
            "packageName": self._package,
            "eventTimeMillis": str(event["created"] * 1000),
            event["type"]: {"version": "1.0", **event["payload"]},
        }
        return self._pusher.message(target, event["id"], told)

    def _tell_sale(self, bought: dict[str, Any], kind: int) -> None:
        told = {"notificationType": kind, "purchaseToken": bought["id"], "sku": bought["product_id"]}
        self.emit("oneTimeProductNotification", told)

    # the phone, and what a test does

    def page(self, request: Request) -> Response:
        text = "Purchases are made on a phone. The demo prints the address of one."
        return pages.closed(404, provider="Google Play", title="There is no such page", text=text)

    def act(self, request: Request, asked: dict[str, Any]) -> dict[str, Any] | None:
        """`POST /_ctl/purchases {product_id, account_token?, quantity?, price?, currency?, pending?, is_real?,
        silent?}` → `{id, transaction}`: buys; the price in thousandths of the currency's unit. `…/{id}/pay`, `/cancel`
        of a pending one, `/refund {price?, chargeback?, silent?}` in whole or in part, `/lie {field: value}`.
        `POST /_ctl/token {claims}`: a token of Pub/Sub's with other claims. `GET /_ctl/purchases/{id}`."""
        call = f"{request.method} {request.path}"
        with self.store.transaction():
            if call == "POST /_ctl/purchases":
                return self._buy(asked)
            if call == "POST /_ctl/token":
                return {"token": self._pusher.token(asked.pop("aud", self.outbox.target.url), **asked)}
            found = re.fullmatch(r"(?:GET|POST) /_ctl/purchases/([\w.-]+)(?:/(\w+))?", call)
            bought = self.payment(found[1]) if found else None
            if found is None:
                return None
            if bought is None:
                raise control.Told("There is no such purchase.")
            if found[2] is None:
                return bought
            done: Callable[[dict[str, Any], dict[str, Any]], None] | None = getattr(self, f"_do_{found[2]}", None)
            if done is None:
                return None
            done(bought, asked)
            return bought

    def _buy(self, asked: dict[str, Any]) -> dict[str, Any]:
        if "product_id" not in asked or asked.keys() - set(_BUYS):
            raise control.Told(f"A purchase has product_id, and may have {', '.join(_BUYS)}.")
        token = f"{secrets.token_hex(12)}.AO-J1{secrets.token_urlsafe(80)}"
        bought = {
            "id": token,
            "created": int(time.time()),
            "order_id": "" if asked.get("pending") else _new_order(),
            "product_id": asked["product_id"],
            "account_token": asked.get("account_token", ""),
            "quantity": asked.get("quantity", 1),
            "price": asked.get("price", 990),
            "currency": asked.get("currency", "USD"),
            "state": "PENDING" if asked.get("pending") else "PURCHASED",
            "is_real": asked.get("is_real", False),
            "consumed": False,
            "voided": [],
            "refunds": [],
        }
        self.store.insert("payment", bought)
        if not asked.get("silent"):
            self._tell_sale(bought, 1)
        return {"id": token, "transaction": token}

    def _do_pay(self, bought: dict[str, Any], asked: dict[str, Any]) -> None:
        self.store.update(bought, state="PURCHASED", order_id=_new_order())
        self._tell_sale(bought, 1)

    def _do_cancel(self, bought: dict[str, Any], asked: dict[str, Any]) -> None:
        self.store.update(bought, state="CANCELLED")
        self._tell_sale(bought, 2)

    def _do_refund(self, bought: dict[str, Any], asked: dict[str, Any]) -> None:
        part, at = asked.get("price"), time.time()
        row: dict[str, Any] = {
            "purchaseTimeMillis": str(bought["created"] * 1000),
            "voidedTimeMillis": str(int(at * 1000)),
            "voidedSource": 0,
            "voidedReason": 7 if asked.get("chargeback") else 1,
        }
        if part:
            row["voidedQuantity"] = 1
        refund = {"price": part or bought["price"], "at": _time(at), "whole": not part, "by": row["voidedReason"]}
        self.store.update(bought, voided=[*bought["voided"], row], refunds=[*bought["refunds"], refund])
        if not asked.get("silent"):
            told = {"purchaseToken": bought["id"], "orderId": bought["order_id"]}
            self.emit("voidedPurchaseNotification", {**told, "productType": 2, "refundType": 2 if part else 1})

    def _do_lie(self, bought: dict[str, Any], asked: dict[str, Any]) -> None:
        self.store.update(bought, **asked)


def _purchase(bought: dict[str, Any]) -> dict[str, Any]:
    """A ProductPurchaseV2."""
    consumed = "CONSUMED" if bought["consumed"] else "YET_TO_BE_CONSUMED"
    offer = {
        "quantity": bought["quantity"],
        "refundableQuantity": bought["quantity"],
        "consumptionState": f"CONSUMPTION_STATE_{consumed}",
    }
    acknowledged = "ACKNOWLEDGED" if bought["consumed"] else "PENDING"
    told = {
        "kind": "androidpublisher#productPurchaseV2",
        "productLineItem": [{"productId": bought["product_id"], "productOfferDetails": offer}],
        "purchaseStateContext": {"purchaseState": bought["state"]},
        "acknowledgementState": f"ACKNOWLEDGEMENT_STATE_{acknowledged}",
        "regionCode": "US",
    }
    if bought["account_token"]:
        told["obfuscatedExternalAccountId"] = bought["account_token"]
    if bought["order_id"]:
        told["orderId"] = bought["order_id"]
        told["purchaseCompletionTime"] = _time(bought["created"])
    if not bought["is_real"]:
        told["testPurchaseContext"] = {"fopType": "TEST"}
    return told


def _order(bought: dict[str, Any]) -> dict[str, Any]:
    """An Order, with what went back of it."""
    parts = [one for one in bought["refunds"] if not one["whole"]]
    whole = next((one for one in bought["refunds"] if one["whole"]), None)
    history: dict[str, Any] = {"processedEvent": {"eventTime": _time(bought["created"])}}
    if parts:
        history["partialRefundEvents"] = [
            {
                "createTime": one["at"],
                "processTime": one["at"],
                "state": "PROCESSED_SUCCESSFULLY",
                "refundDetails": {"total": _money(one["price"], bought["currency"])},
            }
            for one in parts
        ]
    if whole:
        history["refundEvent"] = {
            "eventTime": whole["at"],
            "refundReason": "CHARGEBACK" if whole["by"] == 7 else "OTHER",
            "refundDetails": {"total": _money(whole["price"], bought["currency"])},
        }
    return {
        "orderId": bought["order_id"],
        "purchaseToken": bought["id"],
        "state": "REFUNDED" if whole else "PARTIALLY_REFUNDED" if parts else "PROCESSED",
        "createTime": _time(bought["created"]),
        "total": _money(bought["price"], bought["currency"]),
        "lineItems": [{"productId": bought["product_id"], "total": _money(bought["price"], bought["currency"])}],
        "orderHistory": history,
    }


def _money(price: int, currency: str) -> dict[str, Any]:
    return {"currencyCode": currency, "units": str(price // 1000), "nanos": price % 1000 * 1_000_000}


def _time(at: float) -> str:
    return datetime.fromtimestamp(at, UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")


def _new_order() -> str:
    digits = f"{secrets.randbelow(10**17):017d}"
    return f"GPA.{digits[:4]}-{digits[4:8]}-{digits[8:12]}-{digits[12:]}"


def _error(status: int, message: str) -> Refused:
    return Refused(status, {"error": {"code": status, "message": message, "status": "FAILED_PRECONDITION"}})
