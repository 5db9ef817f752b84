"""The calls that the App Store Server API takes, what a phone buys, and what the store tells of it."""

from __future__ import annotations

import base64
import json
import os
import re
import secrets
import time
import uuid
from collections.abc import Callable
from typing import Any
from urllib.parse import parse_qs

import jwt
from cryptography.hazmat.primitives import serialization

from sandbox.providers.app_store.signing import Signer, forger
from sandbox.providers.plumbing import control, pages
from sandbox.providers.plumbing.outbox import Message, Target
from sandbox.providers.plumbing.server import Request, Response
from sandbox.providers.plumbing.stand_in import Opening, Refused, StandIn, json_of

_PAGE = 20
_LONGEST_TOKEN_S = 3600
_HISTORY_S = 180 * 86_400
_USE = {"customerConsented", "sampleContentProvided", "deliveryStatus", "consumptionPercentage", "refundPreference"}
_DELIVERIES = {"DELIVERED", "UNDELIVERED_QUALITY_ISSUE", "UNDELIVERED_WRONG_ITEM", "UNDELIVERED_SERVER_OUTAGE",
               "UNDELIVERED_OTHER"}  # fmt: skip
_PREFERENCES = {None, "DECLINE", "GRANT_FULL", "GRANT_PRORATED"}
_BUYS = ("product_id", "account_token", "quantity", "price", "currency", "bundle_id", "environment")


class AppStore(StandIn):
    """Apple's stand-in. Keys by APPLE_… and SANDBOX_APPLE_… in the environment."""

    api_paths = ("/inApps/",)

    def __init__(self, opening: Opening) -> None:
        super().__init__(opening)
        self._bundle, self._app = os.environ["APPLE_BUNDLE_ID"], int(os.environ["APPLE_APP_ID"])
        self._issuer, self._key_id = os.environ["APPLE_ISSUER_ID"], os.environ["APPLE_KEY_ID"]
        self._merchant = serialization.load_der_public_key(base64.b64decode(os.environ["SANDBOX_APPLE_PUBLIC_KEY"]))
        self._signer = Signer(os.environ["SANDBOX_APPLE_ROOT_KEY"], os.environ["APPLE_ROOT_CERTIFICATE"])
        self._environment = "Sandbox"

    # the API

    def api(self, request: Request) -> Response:
        self._authenticate(request)
        call = f"{request.method} {request.path}"
        if found := re.fullmatch(r"GET /inApps/v1/transactions/(\w+)", call):
            return Response(200, {"signedTransactionInfo": self._signer.sign(_facts(self._bought(found[1])))})
        if found := re.fullmatch(r"PUT /inApps/v2/transactions/consumption/(\w+)", call):
            return self._use(self._bought(found[1]), json_of(request, _error(4000000, "Bad request.")))
        if call == "POST /inApps/v1/notifications/history":
            return self._history(request, json_of(request, _error(4000000, "Bad request.")))
        raise _error(4040000, "Not found.", status=404)

    def _authenticate(self, request: Request) -> None:
        kind, _, token = request.headers.get("authorization", "").partition(" ")
        try:
            claims = jwt.decode(token, self._merchant, algorithms=["ES256"], audience="appstoreconnect-v1")  # type: ignore[arg-type]
            is_ours = kind == "Bearer" and jwt.get_unverified_header(token).get("kid") == self._key_id
            is_ours &= (claims["iss"], claims["bid"]) == (self._issuer, self._bundle)
            is_ours &= claims["exp"] - time.time() <= _LONGEST_TOKEN_S
        except (jwt.InvalidTokenError, KeyError):
            is_ours = False
        if not is_ours:
            raise Refused(401, {})

    def _bought(self, transaction_id: str) -> dict[str, Any]:
        if not transaction_id.isdigit():
            raise _error(4000006, "Invalid transaction id.")
        found = self.payment(transaction_id)
        if found is None:
            raise _error(4040010, "Transaction id not found.", status=404)
        return found

    def _use(self, bought: dict[str, Any], asked: dict[str, Any]) -> Response:
        """Send Consumption Information, version 2."""
        used = asked.get("consumptionPercentage")
        if asked.get("customerConsented") is not True:
            raise _error(4000010, "Invalid request. The customerConsented field is required and must be true.")
        if asked.keys() - _USE or type(asked.get("sampleContentProvided")) is not bool:
            raise _error(4000000, "Bad request.")
        if asked.get("deliveryStatus") not in _DELIVERIES or asked.get("refundPreference") not in _PREFERENCES:
            raise _error(4000000, "Bad request.")
        if used is not None and not (type(used) is int and 0 <= used <= 100_000):
            raise _error(4000000, "Bad request.")
        self.store.update(bought, told=asked)
        return Response(202, b"")

    def _history(self, request: Request, asked: dict[str, Any]) -> Response:
        """Newest last, 20 a page."""
        since, until = asked.get("startDate"), asked.get("endDate")
        if type(since) is not int or type(until) is not int or since >= until:
            raise _error(4000014, "Invalid request. The start date must be earlier than the end date.")
        if since / 1000 < time.time() - _HISTORY_S:
            raise _error(4000013, "Invalid request. The start date is earlier than allowed.")
        rows = self.store.execute("SELECT event, max(state = 'delivered') FROM deliveries GROUP BY event")
        delivered = {event for event, was in rows if was}
        if asked.get("transactionId") and asked.get("notificationType"):
            raise _error(4000020, "Invalid request. Include either the transaction id or the notification type.")
        first = int(parse_qs(request.query).get("paginationToken", ["0"])[0])
        found = [
            event
            for event in reversed(self.store.find("event"))
            if since <= event["created"] * 1000 <= until
            and not (asked.get("onlyFailures") and event["id"] in delivered)
            and asked.get("notificationType") in (None, event["type"])
            and asked.get("transactionId") in (None, event["payload"]["transaction"]["transactionId"])
        ]
        page = found[first : first + _PAGE]
        items = [{"signedPayload": self._told(event), "sendAttempts": []} for event in page]
        more = len(found) > first + _PAGE
        answer = {"notificationHistory": items, "hasMore": more}
        return Response(200, answer | ({"paginationToken": str(first + _PAGE)} if more else {}))

    # notices

    def compose(self, target: Target, event: dict[str, Any]) -> Message:
        body = json.dumps({"signedPayload": self._told(event)}).encode()
        return Message(target.url, {"Content-Type": "application/json", "User-Agent": "AppStoreServer"}, body)

    def _told(self, event: dict[str, Any]) -> str:
        transaction = event["payload"]["transaction"]
        data = {
            "appAppleId": self._app,
            "bundleId": transaction["bundleId"],
            "bundleVersion": "1",
            "environment": transaction["environment"],
            "signedTransactionInfo": self._signer.sign(transaction),
        }
        if event["type"] == "CONSUMPTION_REQUEST":
            data["consumptionRequestReason"] = "UNINTENDED_PURCHASE"
        return self._signer.sign(
            {
                "notificationType": event["type"],
                "notificationUUID": event["payload"]["uuid"],
                "version": "2.0",
                "data": data,
            }
        )

    def _tell(self, type_: str, bought: dict[str, Any]) -> None:
        self.emit(type_, {"uuid": str(uuid.uuid4()), "transaction": _facts(bought)})

    # the phone, and what a test does

    def page(self, request: Request) -> Response:
        text = "Purchases are made on a phone. The demo prints the address of one."
        return pages.closed(404, provider="App Store", title="There is no such page", text=text)

    def act(self, request: Request, asked: dict[str, Any]) -> dict[str, Any] | None:
        """`POST /_ctl/purchases {product_id, account_token?, quantity?, price?, currency?, bundle_id?, environment?,
        silent?, forged?}` → `{id, transaction}`: buys; the price in thousandths of the currency's unit.
        `POST /_ctl/purchases/{id}/refund {percentage?}` (in thousandths of a percent), `/reverse`, `/ask_use`, and
        `/lie {field: value}`: what the API says of it from now on. `GET /_ctl/purchases/{id}`."""
        call = f"{request.method} {request.path}"
        with self.store.transaction():
            if call == "POST /_ctl/purchases":
                return self._buy(asked)
            found = re.fullmatch(r"(?:GET|POST) /_ctl/purchases/(\d+)(?:/(\w+))?", call)
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
        if "product_id" not in asked or asked.keys() - {*_BUYS, "silent", "forged"}:
            raise control.Told(f"A purchase has product_id, and may have {', '.join(_BUYS)}, silent, forged.")
        id_ = f"2{secrets.randbelow(10**15):015d}"
        now_ms = int(time.time() * 1000)
        facts = {
            "transactionId": id_,
            "originalTransactionId": id_,
            "bundleId": asked.get("bundle_id", self._bundle),
            "productId": asked["product_id"],
            "purchaseDate": now_ms,
            "originalPurchaseDate": now_ms,
            "quantity": asked.get("quantity", 1),
            "type": "Consumable",
            "inAppOwnershipType": "PURCHASED",
            "environment": asked.get("environment", self._environment),
            "transactionReason": "PURCHASE",
            "storefront": "USA",
            "storefrontId": "143441",
            "price": asked.get("price", 990),
            "currency": asked.get("currency", "USD"),
        }
        if asked.get("account_token"):
            facts["appAccountToken"] = asked["account_token"]
        bought = self.store.insert("payment", {"id": id_, "created": now_ms // 1000, "facts": facts, "told": None})
        if not asked.get("silent"):
            self._tell("ONE_TIME_CHARGE", bought)
        signer = forger() if asked.get("forged") else self._signer
        return {"id": id_, "transaction": signer.sign(facts)}

    def _do_refund(self, bought: dict[str, Any], asked: dict[str, Any]) -> None:
        percentage = asked.get("percentage")
        bought["facts"] |= {
            "revocationDate": int(time.time() * 1000),
            "revocationReason": 0,
            "revocationType": "REFUND_PRORATED" if percentage else "REFUND_FULL",
            "revocationPercentage": percentage or 100_000,
        }
        self.store.update(bought)
        self._tell("REFUND", bought)

    def _do_reverse(self, bought: dict[str, Any], asked: dict[str, Any]) -> None:
        for name in [name for name in bought["facts"] if name.startswith("revocation")]:
            del bought["facts"][name]
        self.store.update(bought)
        self._tell("REFUND_REVERSED", bought)

    def _do_ask_use(self, bought: dict[str, Any], asked: dict[str, Any]) -> None:
        self._tell("CONSUMPTION_REQUEST", bought)

    def _do_lie(self, bought: dict[str, Any], asked: dict[str, Any]) -> None:
        bought["facts"] |= asked
        self.store.update(bought)


def _facts(bought: dict[str, Any]) -> dict[str, Any]:
    return dict(bought["facts"])


def _error(code: int, message: str, *, status: int = 400) -> Refused:
    return Refused(status, {"errorCode": code, "errorMessage": message})
