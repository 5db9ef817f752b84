"""The calls that PayPal takes, the page on which its payer approves, and what happens to an order."""

from __future__ import annotations

import base64
import hmac
import os
import re
import secrets
import time
from decimal import Decimal
from typing import Any
from urllib.parse import parse_qs, urlencode

from sandbox.providers.paypal import account, orders
from sandbox.providers.paypal.signing import Signer
from sandbox.providers.plumbing import control, pages
from sandbox.providers.plumbing.outbox import Message, Target
from sandbox.providers.plumbing.server import Request, Response
from sandbox.providers.plumbing.stand_in import Opening, Refused, StandIn, json_of

_LIFE_S = 32_400
_PAYER = {"email_address": "payer@example.com", "account_id": "QYR5Z8XDVJNXQ", "account_status": "VERIFIED"}
_RESOURCES = {"CHECKOUT.ORDER": "checkout-order", "CUSTOMER.DISPUTE": "dispute", "VAULT.PAYMENT-TOKEN": "payment_token"}
_FALSE = {"amount": "value", "currency": "currency_code"}


class Paypal(StandIn):
    """PayPal's stand-in. Keys by PAYPAL_CLIENT_ID, PAYPAL_CLIENT_SECRET and PAYPAL_WEBHOOK_ID in the environment."""

    api_paths = ("/v1/", "/v2/", "/v3/")

    def __init__(self, opening: Opening) -> None:
        super().__init__(opening)
        keys = f"{os.environ['PAYPAL_CLIENT_ID']}:{os.environ['PAYPAL_CLIENT_SECRET']}"
        self._basic = f"Basic {base64.b64encode(keys.encode()).decode()}"
        self._tokens: dict[str, float] = {}
        self._signer = Signer(os.environ["PAYPAL_WEBHOOK_ID"])

    # the API

    def api(self, request: Request) -> Response:
        call = f"{request.method} {request.path}"
        if call == f"GET {self._signer.certificate_path}":
            return Response(200, self._signer.certificate, {"Content-Type": "application/x-pem-file"})
        if call == "POST /v1/oauth2/token":
            return self._token(request)
        self._authenticate(request)
        if call == "POST /v2/checkout/orders":
            return self._once(request, self._create)
        if found := re.fullmatch(r"(GET|POST) /v2/checkout/orders/(\w+)(/capture)?", call):
            if (found[1] == "POST") != bool(found[3]):
                raise orders.problem(405, "METHOD_NOT_SUPPORTED", "METHOD_NOT_SUPPORTED")
            order_id = found[2]
            if found[3]:
                return self._once(request, lambda _: self._capture(order_id))
            return Response(200, self._shown(self._order(order_id)))
        if found := re.fullmatch(r"POST /v2/payments/captures/(\w+)/refund", call):
            capture_id = found[1]
            return self._once(request, lambda asked: account.refund(self, capture_id, asked))
        if call.startswith(("GET /v1/customer/disputes", "GET /v1/reporting/transactions")):
            return account.answer(self, request)
        if found := re.fullmatch(r"(DELETE|GET) /v3/vault/payment-tokens/([\w-]+)", call):
            return self._vaulted(found[2], is_let_go=found[1] == "DELETE")
        raise orders.problem(404, "RESOURCE_NOT_FOUND", "INVALID_RESOURCE_ID")

    def _token(self, request: Request) -> Response:
        given = request.headers.get("authorization", "")
        if not hmac.compare_digest(given.encode(), self._basic.encode()):
            raise Refused(401, {"error": "invalid_client", "error_description": "Client Authentication failed"})
        if parse_qs(request.body.decode("utf-8", "replace")).get("grant_type") != ["client_credentials"]:
            raise Refused(400, {"error": "unsupported_grant_type"})
        token = f"A21AA{secrets.token_urlsafe(48)}"
        self._tokens[token] = time.monotonic() + _LIFE_S
        return Response(200, {"access_token": token, "token_type": "Bearer", "expires_in": _LIFE_S})

    def _authenticate(self, request: Request) -> None:
        kind, _, token = request.headers.get("authorization", "").partition(" ")
        if kind != "Bearer" or self._tokens.get(token, 0) < time.monotonic():
            raise Refused(401, {"error": "invalid_token", "error_description": "Token signature verification failed"})

    def _once(self, request: Request, answer: Any) -> Response:
        """PayPal-Request-Id: the same again gives the same answer. Only successes are kept."""
        key = request.headers.get("paypal-request-id", "")
        if not key:
            raise orders.invalid("PAYPAL_REQUEST_ID_REQUIRED", "PayPal-Request-Id")
        if request.headers.get("content-type", "") != "application/json":
            raise orders.problem(415, "UNSUPPORTED_MEDIA_TYPE", "UNSUPPORTED_MEDIA_TYPE")
        asked = json_of(request, orders.invalid("MALFORMED_REQUEST_JSON", "/"))
        with self.store.transaction():
            name = f"once:{request.path}:{key}"
            known = self.store.kept(name)
            if known:
                return Response(200, known["body"])
            response: Response = answer(asked)
            self.store.keep(name, {"body": response.body})
            return response

    def _create(self, asked: dict[str, Any]) -> Response:
        unit, source = orders.check(asked)
        id_ = secrets.token_hex(9)[:17].upper()
        order = {
            "id": id_,
            "created": int(time.time()),
            "intent": asked["intent"],
            "status": "PAYER_ACTION_REQUIRED",
            "unit": unit,
            "source": source,
            "captures": [],
            "vault": None,
        }
        if "vault_id" in source:
            if not self.store.kept(f"vault:{source['vault_id']}").get("open"):
                raise orders.unprocessable("TOKEN_NOT_FOUND", "/payment_source/paypal/vault_id")
            order["status"] = "APPROVED"
        self.store.insert("payment", order)
        if "vault_id" in source:
            self._take(order)
        return Response(201, self._shown(order))

    def _capture(self, id_: str) -> Response:
        order = self._order(id_)
        if order["captures"]:
            raise orders.unprocessable("ORDER_ALREADY_CAPTURED")
        if order["status"] != "APPROVED":
            raise orders.unprocessable("ORDER_NOT_APPROVED")
        if order.get("declines"):
            self.store.update(order, status="PAYER_ACTION_REQUIRED", declines=False)
            raise orders.unprocessable("INSTRUMENT_DECLINED")
        self._take(order)
        return Response(201, self._shown(order))

    def _take(self, order: dict[str, Any]) -> None:
        invoice = order["unit"].get("invoice_id")
        for other in self.store.find("payment"):
            if invoice and other["id"] != order["id"] and other["captures"] and other["unit"]["invoice_id"] == invoice:
                raise orders.unprocessable("DUPLICATE_INVOICE_ID")
        pends = order.get("pends", False)
        capture = {
            "id": secrets.token_hex(9)[:17].upper(),
            "status": "PENDING" if pends else "COMPLETED",
            "amount": order["unit"]["amount"],
            "final_capture": True,
            "custom_id": order["unit"].get("custom_id"),
            "invoice_id": invoice,
            "create_time": account.now(),
        }
        if not pends:
            self._book(capture)
        if order["source"].get("attributes", {}).get("vault"):
            order["vault"] = {"status": "APPROVED", "customer": {"id": secrets.token_hex(5)}}
            if not order.get("vaults_late"):
                self._vault(order)
        self.store.update(order, status="COMPLETED", captures=[capture])
        self.emit(f"PAYMENT.CAPTURE.{capture['status']}", self._told(order, capture))

    def _vault(self, order: dict[str, Any]) -> None:
        """Inside the caller's transaction, who stores the order."""
        token = secrets.token_hex(6)
        self.store.keep(f"vault:{token}", {"open": True})
        order["vault"] |= {"id": token, "status": "VAULTED"}
        told = {"id": token, "customer": order["vault"]["customer"], "metadata": {"order_id": order["id"]}}
        self.emit("VAULT.PAYMENT-TOKEN.CREATED", told)

    def _book(self, capture: dict[str, Any]) -> None:
        amount = capture["amount"]
        account.book(self, "T0006", Decimal(amount["value"]), amount["currency_code"], id_=capture["id"])

    def _vaulted(self, token: str, *, is_let_go: bool) -> Response:
        with self.store.transaction():
            if not self.store.kept(f"vault:{token}").get("open"):
                raise orders.problem(404, "RESOURCE_NOT_FOUND", "TOKEN_NOT_FOUND")
            if not is_let_go:
                return Response(200, {"id": token, "payment_source": {"paypal": dict(_PAYER)}})
            self.store.keep(f"vault:{token}", {"open": False})
            self.emit("VAULT.PAYMENT-TOKEN.DELETED", {"id": token})
        return Response(204, b"")

    def _order(self, id_: str) -> dict[str, Any]:
        found = self.payment(id_)
        if found is None:
            raise orders.problem(404, "RESOURCE_NOT_FOUND", "INVALID_RESOURCE_ID", "order_id")
        return found

    def _shown(self, order: dict[str, Any]) -> dict[str, Any]:
        source: dict[str, Any] = {}
        if order["status"] in ("APPROVED", "COMPLETED"):
            source = dict(_PAYER)
        if order["vault"]:
            source["attributes"] = {"vault": order["vault"]}
        links = [{"href": f"{self.base_url}/v2/checkout/orders/{order['id']}", "rel": "self", "method": "GET"}]
        if order["status"] == "PAYER_ACTION_REQUIRED":
            page = f"{self.base_url}/checkoutnow?token={order['id']}"
            links.append({"href": page, "rel": "payer-action", "method": "GET"})
        unit = dict(order["unit"])
        if order["captures"]:
            unit["payments"] = {"captures": order["captures"], "refunds": order.get("refunds", [])}
        return {
            "id": order["id"],
            "intent": order["intent"],
            "status": order["status"],
            "payment_source": {"paypal": source},
            "purchase_units": [unit],
            "links": links,
        }

    def _told(self, order: dict[str, Any], capture: dict[str, Any]) -> dict[str, Any]:
        return {**capture, "supplementary_data": {"related_ids": {"order_id": order["id"]}}}

    def compose(self, target: Target, event: dict[str, Any]) -> Message:
        kind = _RESOURCES.get(event["type"].rpartition(".")[0], "capture")
        notice = {
            "id": f"WH-{event['id']}",
            "event_version": "1.0",
            "create_time": account.now(),
            "resource_type": kind,
            "event_type": event["type"],
            "resource": event["payload"],
        }
        return self._signer.message(target, notice, self.base_url)

    # the payer

    def page(self, request: Request) -> Response:
        id_ = parse_qs(request.query).get("token", [""])[0]
        order = self.payment(id_) if request.path == "/checkoutnow" else None
        if order is None:
            return pages.closed(404, provider="PayPal", title="There is no such page", text="No payment is here.")
        context = order["source"].get("experience_context", {})
        back = f"{context.get('return_url', '')}"
        if order["status"] != "PAYER_ACTION_REQUIRED":
            text = "This payment has been approved already. You can close this page."
            return pages.closed(200, provider="PayPal", title="You're all done here", text=text, way_back=back)
        if request.method == "POST":
            answer = parse_qs(request.body.decode("utf-8", "replace")).get("answer", [""])[0]
            if answer in ("pay", "decline"):
                with self.store.transaction():
                    self._approve(self._order(id_), declines=answer == "decline")
                query = urlencode({"token": id_, "PayerID": _PAYER["account_id"]})
                return pages.see_other(f"{back}{'&' if '?' in back else '?'}{query}")
        amount = order["unit"]["amount"]
        saves = bool(order["source"].get("attributes", {}).get("vault"))
        text = "Promote may take later payments from this account until you take that back." if saves else ""
        return pages.asks(
            provider="PayPal",
            title="Pay with PayPal",
            text=text or "Signed in as payer@example.com.",
            facts={order["unit"].get("description", ""): f"{amount['currency_code']} {amount['value']}"},
            choices={"pay": "Agree and pay" if saves else "Pay now", "decline": "Pay with a card that is declined"},
            way_back=context.get("cancel_url", ""),
            shop_urls=[back],
        )

    def _approve(self, order: dict[str, Any], *, declines: bool = False, pends: bool = False) -> None:
        self.store.update(order, status="APPROVED", declines=declines, pends=pends)
        self.emit("CHECKOUT.ORDER.APPROVED", self._shown(order))

    # controls

    def act(self, request: Request, asked: dict[str, Any]) -> dict[str, Any] | None:
        """`POST /_ctl/payments/{id}/pay {decline?, pending?, vaults_late?, amount?, currency?, reference?}`: approves,
        also wrongly; `…/vault`: what was to be saved is, which with `vaults_late` it was not when the money was taken;
        `…/settle {status}`: what became of a pending capture; `…/refund {amount?}`: by hand, on PayPal's own pages;
        `…/dispute`, and `POST /_ctl/disputes/{id}/close {outcome}`."""
        call = f"{request.method} {request.path}"
        if closed := re.fullmatch(r"POST /_ctl/disputes/([\w-]+)/close", call):
            with self.store.transaction():
                return account.close_dispute(self, closed[1], asked["outcome"])
        found = re.fullmatch(r"POST /_ctl/payments/(\w+)/(pay|vault|settle|refund|dispute)", call)
        if found is None:
            return None
        with self.store.transaction():
            order = self.payment(found[1])
            if order is None:
                raise control.Told("There is no such order.")
            if found[2] == "vault":
                self._vault(order)
                self.store.update(order)
                return dict(order["vault"])
            if found[2] == "dispute":
                return account.open_dispute(self, order)
            if found[2] == "refund":
                return dict(account.refund(self, order["captures"][0]["id"], asked).body)
            if found[2] == "settle":
                (capture,) = order["captures"]
                capture["status"] = asked.get("status", "COMPLETED")
                if capture["status"] == "COMPLETED":
                    self._book(capture)
                self.store.update(order)
                self.emit(f"PAYMENT.CAPTURE.{capture['status']}", self._told(order, capture))
                return {"status": capture["status"]}
            for name, field in _FALSE.items():
                order["unit"]["amount"][field] = asked.get(name, order["unit"]["amount"][field])
            order["unit"]["custom_id"] = asked.get("reference", order["unit"]["custom_id"])
            order["vaults_late"] = asked.get("vaults_late", False)
            self._approve(order, declines=asked.get("decline", False), pends=asked.get("pending", False))
            return {"status": order["status"]}
