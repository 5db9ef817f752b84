"""Payment actions: a refund (R), and what became of refunds (RS), in XML that is signed and sealed both ways.

As 2C2P documents payment maintenance. A wallet's refund is taken at once and paid later, which the merchant is told.
"""

from __future__ import annotations

import json
import os
import re
import secrets
import time
from base64 import b64decode
from datetime import datetime, timedelta, timezone
from decimal import Decimal
from typing import TYPE_CHECKING, Any
from xml.etree import ElementTree as ET
from xml.sax.saxutils import escape

from cryptography.hazmat.primitives import serialization
from jwcrypto import jwe, jwk, jws
from jwcrypto.common import JWException

from sandbox.providers.plumbing.server import Request, Response

if TYPE_CHECKING:
    from sandbox.providers.two_c_two_p.two_c_two_p import TwoCTwoP

PATH = "/2C2PFrontend/PaymentAction/2.0/action"
PAID_AFTER_S = 20
_BANGKOK = timezone(timedelta(hours=7))
_BANK = "123"
_ACCOUNT = ("bankCode", "accountName", "accountNumber")
# The numbers that banks of Thailand use among themselves, as the Bank of Thailand gives them out.
_BANKS = frozenset(
    {"002", "004", "006", "011", "014", "017", "018", "020", "022", "024", "025", "030", "033", "034", "066", "067"}
    | {"069", "070", "071", "073"}
)


class Actions:
    """2C2P's side of the envelope, and the refunds of its payments."""

    def __init__(self, here: TwoCTwoP) -> None:
        self._here = here
        ours: Any = serialization.load_der_private_key(
            b64decode(os.environ["SANDBOX_TWOC2P_PRIVATE_KEY"]), password=None
        )
        self._ours = jwk.JWK.from_pyca(ours)
        merchant: Any = serialization.load_der_public_key(b64decode(os.environ["SANDBOX_TWOC2P_MERCHANT_KEY"]))
        self._merchants = jwk.JWK.from_pyca(merchant)

    def answer(self, request: Request) -> Response:
        asked = self._opened(request)
        if asked is None:
            return Response(400, b"", {"Content-Type": "text/plain"})
        with self._here.store.transaction():
            told = self._act(asked)
        return Response(200, self.sealed(told).encode(), {"Content-Type": "text/plain"})

    def sealed(self, told: str) -> str:
        body = f"<PaymentProcessResponse><version>4.3</version>{told}</PaymentProcessResponse>"
        inner = jwe.JWE(body.encode(), json.dumps({"alg": "RSA-OAEP", "enc": "A256GCM"}))
        inner.add_recipient(self._merchants)
        outer = jws.JWS(inner.serialize(compact=True))
        outer.add_signature(self._ours, protected=json.dumps({"alg": "PS256", "typ": "JWT"}))
        return str(outer.serialize(compact=True))

    def by_hand(self, payment: dict[str, Any], amount: str) -> dict[str, Any]:
        """On 2C2P's own pages: paid at once, and nobody is told."""
        return self._book(payment, amount, status="RF")

    def end(self, payment: dict[str, Any], status: str) -> dict[str, Any]:
        """The wallet has paid its last refund, or rejected it."""
        made = payment["refunds"][-1]
        made["status"] = status
        self._here.store.update(payment)
        if made["notify"]:
            self._here.emit(f"refund.{status}", {"url": made["notify"], "refund": _fields(self._facts(payment, made))})
        return dict(made)

    def tick(self) -> None:
        for payment in self._here.store.find("payment"):
            waits = [one for one in payment.get("refunds", []) if one["status"] == "RP"]
            if waits and waits[-1]["at_s"] + PAID_AFTER_S <= time.time():
                with self._here.store.transaction():
                    self.end(payment, "RF")

    def _opened(self, request: Request) -> dict[str, str] | None:
        try:
            outer = jws.JWS()
            outer.allowed_algs = ["PS256"]
            outer.deserialize(request.body.decode(), key=self._merchants)
            inner = jwe.JWE()
            inner.allowed_algs = ["RSA-OAEP", "A256GCM"]
            inner.deserialize(outer.payload.decode(), key=self._ours)
            document = ET.fromstring(inner.payload.decode())  # noqa: S314  (the merchant's own)
        except (JWException, ValueError, ET.ParseError):
            return None
        return {one.tag: one.text or "" for one in document}

    def _act(self, asked: dict[str, str]) -> str:
        payment = self._here.payment(asked.get("invoiceNo", ""))
        if asked.get("merchantID") != self._here.merchant:
            return _fields({"respCode": "02", "respDesc": "Invalid merchant"})
        if payment is None or payment["paid"] is None:
            return _fields({"respCode": "13", "respDesc": "Transaction not found"})
        if asked.get("processType") == "RS":
            return self._status(payment)
        if asked.get("processType") != "R":
            return _fields({"respCode": "03", "respDesc": "Invalid process type"})
        return self._refund(payment, asked)

    def _refund(self, payment: dict[str, Any], asked: dict[str, str]) -> str:
        key = asked.get("idempotencyID", "")
        known = next((one for one in payment.get("refunds", []) if key and one["key"] == key), None)
        if known is None:
            if payment["channel"] == _BANK and (refused := _unknown_account(asked)):
                return _fields(refused)
            if not re.fullmatch(r"\d{1,10}\.\d{2}", asked.get("actionAmount", "")):
                return _fields({"respCode": "04", "respDesc": "Invalid amount"})
            if not 0 < Decimal(asked["actionAmount"]) <= _left(payment):
                return _fields({"respCode": "15", "respDesc": "The refund is more than what is left"})
            account = {name: asked[name] for name in _ACCOUNT} if payment["channel"] == _BANK else {}
            known = self._book(
                payment, asked["actionAmount"], key=key, notify=asked.get("notifyURL", ""), account=account
            )
        return _fields({"respCode": "00", "respDesc": "Success", "processType": "R", **self._facts(payment, known)})

    def _status(self, payment: dict[str, Any]) -> str:
        found = payment.get("refunds", [])
        if not found:
            return _fields({"respCode": "16", "respDesc": "There are no refunds", "processType": "RS"})
        listed = "".join(f"<refund>{_fields(_shown(one))}</refund>" for one in found)
        told = {"respCode": "00", "respDesc": "Success", "processType": "RS", "merchantID": self._here.merchant}
        return f"{_fields({**told, 'invoiceNo': payment['id']})}<refundList>{listed}</refundList>"

    def _book(
        self,
        payment: dict[str, Any],
        amount: str,
        *,
        status: str = "RP",
        key: str = "",
        notify: str = "",
        account: dict[str, str] | None = None,
    ) -> dict[str, Any]:
        made = {
            "referenceNo": secrets.token_hex(8),
            "amount": amount,
            "status": status,
            "dateTime": datetime.now(_BANGKOK).strftime("%Y%m%d%H%M%S"),
            "key": key,
            "notify": notify,
            "at_s": time.time(),
            "account": account or {},
        }
        code = "4120" if Decimal(amount) == _left(payment) else payment["status"]
        self._here.store.update(payment, refunds=[*payment.get("refunds", []), made], status=code)
        return made

    def _facts(self, payment: dict[str, Any], made: dict[str, Any]) -> dict[str, str]:
        return {"merchantID": self._here.merchant, "invoiceNo": payment["id"], **_shown(made)}


def _unknown_account(asked: dict[str, str]) -> dict[str, str] | None:
    """A transfer goes back to an account of the buyer's, which the merchant has to name."""
    missing = [name for name in _ACCOUNT if not asked.get(name, "").strip()]
    if missing:
        return {"respCode": "10", "respDesc": f"Missing compulsory values: {', '.join(missing)}"}
    known = asked["bankCode"] in _BANKS and re.fullmatch(r"[0-9]{10,20}", asked["accountNumber"])
    if not known or len(asked["accountName"]) > 50:
        return {"respCode": "11", "respDesc": "Request validation failed: the buyer's bank account"}
    return None


def _shown(made: dict[str, Any]) -> dict[str, str]:
    names = ("referenceNo", "amount", "status", "dateTime")
    return {**{name: str(made[name]) for name in names}, "idempotencyID": made["key"]}


def _left(payment: dict[str, Any]) -> Decimal:
    standing = (one for one in payment.get("refunds", []) if not one["status"].startswith("RR"))
    return Decimal(payment["amount"]) - sum((Decimal(one["amount"]) for one in standing), Decimal())


def _fields(told: dict[str, str]) -> str:
    return "".join(f"<{name}>{escape(value)}</{name}>" for name, value in told.items())
