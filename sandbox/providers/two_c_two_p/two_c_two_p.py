"""The calls that 2C2P takes, its payers' page, and what happens to a payment."""

from __future__ import annotations

import json
import os
import re
import secrets
import time
from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal
from typing import Any
from urllib.parse import urlsplit

import jwt

from sandbox.providers.plumbing import control, pages
from sandbox.providers.plumbing.outbox import Message, Target
from sandbox.providers.plumbing.server import Request, Response
from sandbox.providers.plumbing.stand_in import Opening, Refused, StandIn, json_of
from sandbox.providers.two_c_two_p import actions

_BANGKOK = timezone(timedelta(hours=7))
_CHANNELS = {"LINE": "Rabbit LINE Pay", "TRUEMONEY": "TrueMoney", "123": "Bank transfer", "CC": "Card"}
_WORDS = {
    "0000": "Success",
    "0001": "Transaction is pending",
    "0003": "Transaction is cancelled",
    "2002": "Transaction not found",
    "4009": "Request in progress",
    "4051": "Insufficient funds",
    "4099": "Unable to complete the payment",
    "4110": "Settled",
    "4120": "Transaction is refunded",
    "4121": "Refund rejected",
    "5002": "Timeout",
    "5007": "Insufficient balance",
    "5009": "Payment expired",
    "5010": "Payment cancelled by its payer",
    "5014": "Authentication failed",
    "5015": "Paid amount is more than the invoice's",
    "5016": "Paid amount is less than the invoice's",
    "5017": "Paid after the expiry",
}
_TOKEN = {"merchantID", "invoiceNo", "description", "amount", "currencyCode", "paymentChannel", "paymentExpiry",
          "frontendReturnUrl", "backendReturnUrl", "userDefined1", "userDefined2", "userDefined3", "userDefined4",
          "userDefined5", "idempotencyID", "locale", "nonceStr"}  # fmt: skip
_NEEDED = {"merchantID", "invoiceNo", "description", "amount", "currencyCode"}


class TwoCTwoP(StandIn):
    """2C2P's stand-in. Keys by TWOC2P_MERCHANT_ID, TWOC2P_SECRET_KEY, SANDBOX_TWOC2P_PRIVATE_KEY (2C2P's own) and
    SANDBOX_TWOC2P_MERCHANT_KEY (the merchant's public one) in the environment."""

    api_paths = ("/payment/4.3/", actions.PATH)

    def __init__(self, opening: Opening) -> None:
        super().__init__(opening)
        self.merchant, self._secret = os.environ["TWOC2P_MERCHANT_ID"], os.environ["TWOC2P_SECRET_KEY"]
        self._actions = actions.Actions(self)

    # the API

    def api(self, request: Request) -> Response:
        if request.path == actions.PATH:
            return self._actions.answer(request)
        asked = self._opened(request)
        with self.store.transaction():
            if request.path == "/payment/4.3/paymentToken":
                return self._sealed(self._token(asked))
            if request.path == "/payment/4.3/paymentInquiry":
                return self._sealed(self._inquiry(asked))
        raise refusal("9057", "The API was not found")

    def _opened(self, request: Request) -> dict[str, Any]:
        """Numbers stay as they were written: an amount is judged by its digits."""
        wrapped = json_of(request, refusal("9004", "The value is not valid"))
        try:
            raw = jwt.api_jws.decode(str(wrapped["payload"]), self._secret, algorithms=["HS256"])
            asked: dict[str, Any] = json.loads(raw, parse_float=Decimal)
        except (jwt.InvalidTokenError, KeyError, ValueError):
            raise refusal("9042", "The payload's signature is not right") from None
        if asked.get("merchantID") != self.merchant:
            raise refusal("9015", "The merchant is not known")
        return asked

    def _sealed(self, claims: dict[str, Any]) -> Response:
        return Response(200, {"payload": self._seal(claims)})

    def _seal(self, claims: dict[str, Any]) -> str:
        # The amount is a number of JSON, in the digits that it was paid in.
        raw = re.sub(r'"amount": "([0-9.]+)"', r'"amount": \1', json.dumps(claims), count=1)
        return jwt.api_jws.encode(raw.encode(), self._secret, algorithm="HS256")

    def _token(self, asked: dict[str, Any]) -> dict[str, Any]:
        check(asked)
        invoice, amount, channels = str(asked["invoiceNo"]), asked["amount"], asked["paymentChannel"]
        known = self.payment(invoice)
        if known is not None:
            if known["idempotency"] and known["idempotency"] == asked.get("idempotencyID"):
                return self._page_of(known)
            raise refusal("9015", "The invoice number has been used")
        payment = {
            "id": invoice,
            "created": int(time.time()),
            "idempotency": asked.get("idempotencyID"),
            "description": asked["description"],
            "amount": f"{Decimal(amount):.2f}",
            "currency": asked["currencyCode"],
            "channel": channels[0],
            "until": _expiry(asked.get("paymentExpiry")),
            "frontend": asked.get("frontendReturnUrl", ""),
            "backend": asked.get("backendReturnUrl", ""),
            "token": secrets.token_urlsafe(24),
            "status": "2002",
            "paid": None,
        }
        return self._page_of(self.store.insert("payment", payment))

    def _page_of(self, payment: dict[str, Any]) -> dict[str, Any]:
        page = f"{self.base_url}/pay/{payment['id']}"
        return {"respCode": "0000", "respDesc": "Success", "paymentToken": payment["token"], "webPaymentUrl": page}

    def _inquiry(self, asked: dict[str, Any]) -> dict[str, Any]:
        payment = self.payment(str(asked.get("invoiceNo")))
        if payment is None or _code(payment) == "2002":
            return {"respCode": "2002", "respDesc": _WORDS["2002"]}
        return self._told(payment)

    def _told(self, payment: dict[str, Any]) -> dict[str, Any]:
        code, paid = _code(payment), payment["paid"] or {}
        return {
            "merchantID": self.merchant,
            "invoiceNo": paid.get("reference", payment["id"]),
            "amount": paid.get("amount", payment["amount"]),
            "currencyCode": paid.get("currency", payment["currency"]),
            "transactionDateTime": paid.get("at", ""),
            "agentCode": payment["channel"],
            "channelCode": payment["channel"],
            "referenceNo": paid.get("id", ""),
            "tranRef": paid.get("id", ""),
            "idempotencyID": payment["idempotency"] or "",
            "paymentID": payment["token"][:16],
            "respCode": code,
            "respDesc": _WORDS[code],
        }

    def tick(self) -> None:
        self._actions.tick()

    def compose(self, target: Target, event: dict[str, Any]) -> Message:
        if "refund" in event["payload"]:
            sealed = self._actions.sealed(event["payload"]["refund"]).encode()
            return Message(event["payload"]["url"], {"Content-Type": "text/plain"}, sealed)
        body = json.dumps({"payload": self._seal(event["payload"]["told"])}).encode()
        return Message(event["payload"]["url"] or target.url, {"Content-Type": "application/json"}, body)

    def _end(self, payment: dict[str, Any], code: str, **paid: str) -> None:
        """What became of it, told to the merchant. Inside the caller's transaction."""
        found = {"id": secrets.token_hex(8), "at": datetime.now(_BANGKOK).strftime("%Y%m%d%H%M%S"), **paid}
        self.store.update(payment, status=code, paid=found)
        url = payment["backend"] or self.outbox.target.url
        self.emit(f"backend.{code}", {"url": url, "told": self._told(payment)})

    # the payer

    def page(self, request: Request) -> Response:
        found = re.fullmatch(r"/pay/(\w+)", request.path)
        payment = self.payment(found[1]) if found else None
        if payment is None:
            return pages.closed(404, provider="2C2P", title="There is no such page", text="No payment is here.")
        back = payment["frontend"]
        if _code(payment) not in ("2002", "0001"):
            is_paid = _code(payment) in ("0000", "4120")
            text = "This payment has been made." if is_paid else "The time for this payment is over."
            title = "You're all done here" if is_paid else "This payment is over"
            return pages.closed(200 if is_paid else 410, provider="2C2P", title=title, text=text, way_back=back)
        answer = request.body.decode("utf-8", "replace").rpartition("answer=")[2] if request.method == "POST" else ""
        with self.store.transaction():
            payment = self.payment(payment["id"]) or payment
            if answer in ("pay", "decline") and _code(payment) in ("2002", "0001"):
                self._end(payment, "0000" if answer == "pay" else "0003")
                return pages.see_other(back)
            self.store.update(payment, status="0001")
        is_transfer = payment["channel"] == "123"
        text = (
            "Transfer this amount with the reference below; one press does what your bank would." if is_transfer else ""
        )
        facts = {payment["description"]: f"{payment['currency']} {payment['amount']}"}
        if is_transfer:
            facts["Reference"] = payment["token"][:12].upper()
        return pages.asks(
            provider="2C2P",
            title=f"Pay with {_CHANNELS[payment['channel']]}",
            text=text if is_transfer else "Your wallet's app would ask you now.",
            facts=facts,
            choices={"pay": "Transfer as my bank would" if is_transfer else "Pay", "decline": "Refuse the payment"},
            way_back=back,
            shop_urls=[back],
        )

    def act(self, request: Request, asked: dict[str, Any]) -> dict[str, Any] | None:
        """`POST /_ctl/payments/{id}/pay {code?, amount?, currency?, reference?}`: pays, also wrongly; `…/lapse`: its
        time is over; `…/refund {amount}`: by hand, on 2C2P's own pages; `…/refund-ends {status}`: RF paid, RR not."""
        call = f"{request.method} {request.path}"
        found = re.fullmatch(r"POST /_ctl/payments/(\w+)/(pay|lapse|refund|refund-ends)", call)
        if found is None:
            return None
        with self.store.transaction():
            payment = self.payment(found[1])
            if payment is None:
                raise control.Told("There is no such payment.")
            if found[2] == "refund":
                return self._actions.by_hand(payment, asked["amount"])
            if found[2] == "refund-ends":
                return self._actions.end(payment, asked["status"])
            if found[2] == "pay":
                self._end(payment, asked.pop("code", "0000"), **asked)
            else:
                self.store.update(payment, status="0001", until=time.time() - 1)
            return {"status": _code(payment)}


def check(asked: dict[str, Any]) -> None:
    """What a payment token may say, as 4.3 documents it. Raises Refused."""
    for name in asked:
        if name not in _TOKEN:
            raise refusal("9004", f"The value is not valid: {name}")
    for name in sorted(_NEEDED):
        if not asked.get(name):
            raise refusal("9003", f"Mandatory: {name}")
    _check_amount(asked)
    if not re.fullmatch(r"[A-Za-z0-9]{1,50}", str(asked["invoiceNo"])) or len(str(asked["description"])) > 250:
        raise refusal("9004", "The value is not valid: invoiceNo, description")
    channels = asked.get("paymentChannel", [])
    if not channels or any(channel not in _CHANNELS for channel in channels):
        raise refusal("9004", "The value is not valid: paymentChannel")
    for name in ("frontendReturnUrl", "backendReturnUrl"):
        if asked.get(name) and urlsplit(str(asked[name])).scheme not in ("http", "https"):
            raise refusal("9004", f"The value is not valid: {name}")


def _check_amount(asked: dict[str, Any]) -> None:
    amount = asked["amount"]
    if not isinstance(amount, (int, Decimal)) or isinstance(amount, bool) or amount <= 0:
        raise refusal("9004", "The value is not valid: amount")
    if asked["currencyCode"] != "THB" or -Decimal(amount).as_tuple().exponent > 2:  # type: ignore[operator]
        raise refusal("9004", "The value is not valid: currencyCode, amount")


def _code(payment: dict[str, Any]) -> str:
    if payment["status"] in ("2002", "0001") and payment["until"] <= time.time():
        return "5009"
    return str(payment["status"])


def _expiry(text: Any) -> float:
    """Of Bangkok's clock; half an hour where none is given."""
    if text is None:
        return time.time() + 1800
    try:
        at = datetime.strptime(str(text), "%Y-%m-%d %H:%M:%S").replace(tzinfo=_BANGKOK)
    except ValueError:
        raise refusal("9004", "The value is not valid: paymentExpiry") from None
    if at <= datetime.now(UTC):
        raise refusal("9004", "The value is not valid: paymentExpiry")
    return at.timestamp()


def refusal(code: str, words: str) -> Refused:
    return Refused(200, {"respCode": code, "respDesc": words})
