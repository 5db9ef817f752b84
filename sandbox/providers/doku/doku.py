"""The calls that DOKU takes, and what happens to a payment. `payers.py` has the pages, `notices.py` what it tells."""

from __future__ import annotations

import os
import re
import secrets
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

from sandbox.providers.doku import notices, payers, refunds, signing
from sandbox.providers.doku.states import refusal, state_of
from sandbox.providers.plumbing import control
from sandbox.providers.plumbing.outbox import Message, Target
from sandbox.providers.plumbing.server import Request, Response
from sandbox.providers.plumbing.stand_in import Opening, StandIn, json_of

_LIFE_S = 900
_CHANNELS = {"EMONEY_DANA_SNAP": "DANA", "EMONEY_OVO_SNAP": "OVO"}
_BANKS = {"VIRTUAL_ACCOUNT_BCA": "BCA", "VIRTUAL_ACCOUNT_BRI": "BRI", "VIRTUAL_ACCOUNT_BNI": "BNI"}


class Doku(StandIn):
    """DOKU's stand-in. Keys by DOKU_CLIENT_ID, DOKU_SECRET_KEY, SANDBOX_DOKU_PRIVATE_KEY (DOKU's own) and
    SANDBOX_DOKU_MERCHANT_KEY (the merchant's public one) in the environment."""

    api_paths = ("/authorization/", "/virtual-accounts/", "/direct-debit/", "/orders/")

    def __init__(self, opening: Opening) -> None:
        super().__init__(opening)
        self.client_id, self.secret = os.environ["DOKU_CLIENT_ID"], os.environ["DOKU_SECRET_KEY"]
        self.private_key = signing.private_key(os.environ["SANDBOX_DOKU_PRIVATE_KEY"])
        self._merchant_key = signing.public_key(os.environ["SANDBOX_DOKU_MERCHANT_KEY"])
        self._tokens: dict[str, float] = {}
        self._calls: dict[str, tuple[str, Callable[[dict[str, Any], Request], dict[str, Any]]]] = {
            "/virtual-accounts/bi-snap-va/v1.1/transfer-va/create-va": ("27", self._create_account),
            "/orders/v1.0/transfer-va/status": ("26", self._account_status),
            "/direct-debit/core/v1/registration-account-binding": ("07", self._bind),
            "/direct-debit/core/v1/debit/payment-host-to-host": ("54", self._debit),
            "/orders/v1.0/debit/status": ("55", self._debit_status),
            "/direct-debit/core/v1/debit/refund": ("58", lambda asked, _: refunds.make(self, asked)),
        }

    # the API

    def api(self, request: Request) -> Response:
        if request.path == "/authorization/v1/access-token/b2b":
            return self._token(request, "73", life_s=_LIFE_S)
        if request.path == "/authorization/v1/access-token/b2b2c":
            return self._token(request, "74", life_s=_LIFE_S, needs_code=True)
        known = self._calls.get(request.path)
        if known is None or request.method != "POST":
            raise refusal(404, "00", "00", "Not Found")
        service, answer = known
        asked = self._authenticated(request, service)
        with self.store.transaction():
            return Response(
                200, {"responseCode": f"200{service}00", "responseMessage": "Successful"} | answer(asked, request)
            )

    def _token(self, request: Request, service: str, *, life_s: int, needs_code: bool = False) -> Response:
        headers = request.headers
        timestamp = headers.get("x-timestamp", "")
        signed = f"{headers.get('x-client-key', '')}|{timestamp}"
        known = headers.get("x-client-key") == self.client_id and signing.is_fresh(timestamp)
        if not known or not signing.is_signed(self._merchant_key, signed, headers.get("x-signature", "")):
            raise refusal(401, service, "00", "Unauthorized. Invalid Signature")
        asked = json_of(request, refusal(400, service, "01", "Invalid Field Format"))
        if asked.get("grantType") != ("authorization_code" if needs_code else "client_credentials"):
            raise refusal(400, service, "02", "Invalid Mandatory Field grantType")
        token = secrets.token_urlsafe(32)
        if needs_code:
            binding = self.store.kept(f"code:{asked.get('authCode')}")
            if not binding:
                raise refusal(401, service, "00", "Unauthorized. Invalid authCode")
            self.store.keep(f"customer:{token}", binding)
        else:
            self._tokens[token] = time.monotonic() + life_s
        body = {"accessToken": token, "tokenType": "Bearer", "expiresIn": life_s}
        return Response(200, {"responseCode": f"200{service}00", "responseMessage": "Successful"} | body)

    def _authenticated(self, request: Request, service: str) -> dict[str, Any]:
        headers = request.headers
        kind, _, token = headers.get("authorization", "").partition(" ")
        if kind != "Bearer" or self._tokens.get(token, 0) < time.monotonic():
            raise refusal(401, service, "01", "Invalid Token (B2B)")
        timestamp, external = headers.get("x-timestamp", ""), headers.get("x-external-id", "")
        wanted = signing.mac(self.secret, request.path, token, request.body, timestamp)
        if not signing.is_fresh(timestamp) or not signing.same(wanted, headers.get("x-signature", "")):
            raise refusal(401, service, "00", "Unauthorized. Invalid Signature")
        if headers.get("x-partner-id") != self.client_id or headers.get("channel-id") not in ("H2H", "SDK"):
            raise refusal(400, service, "02", "Invalid Mandatory Field X-PARTNER-ID, CHANNEL-ID")
        if not re.fullmatch(r"\d{1,36}", external):
            raise refusal(400, service, "02", "Invalid Mandatory Field X-EXTERNAL-ID")
        asked = json_of(request, refusal(400, service, "01", "Invalid Field Format"))
        day = datetime.now(UTC).date().isoformat()
        if self.store.kept(f"external:{day}:{external}"):
            raise refusal(409, service, "00", "Conflict. Cannot use same X-EXTERNAL-ID in same day")
        self.store.keep(f"external:{day}:{external}", {"path": request.path})
        return asked

    def _create_account(self, asked: dict[str, Any], request: Request) -> dict[str, Any]:
        service, customer = str(asked.get("partnerServiceId")), str(asked.get("customerNo"))
        number, trx = asked.get("virtualAccountNo"), str(asked.get("trxId"))
        more = asked.get("additionalInfo", {})
        if len(service) != 8 or not re.fullmatch(r"\d{1,20}", customer) or number != service + customer:
            raise refusal(400, "27", "01", "Invalid Field Format virtualAccountNo")
        if not 1 <= len(trx) <= 64 or asked.get("virtualAccountTrxType") not in ("C", "O"):
            raise refusal(400, "27", "01", "Invalid Field Format trxId, virtualAccountTrxType")
        if not 1 <= len(str(asked.get("virtualAccountName", ""))) <= 255 or more.get("channel") not in _BANKS:
            raise refusal(400, "27", "01", "Invalid Field Format virtualAccountName, additionalInfo.channel")
        money, until = amount(asked.get("totalAmount"), "27"), moment(asked.get("expiredDate"), "27")
        if self.payment(trx) or self.store.kept(f"account:{number}"):
            raise refusal(409, "27", "00", "Conflict. The virtual account exists already")
        self.store.keep(f"account:{number}", {"trx": trx})
        self.store.insert(
            "payment",
            {
                "id": trx,
                "created": int(time.time()),
                "way": "transfer",
                "channel": more["channel"],
                "account": {name: asked[name] for name in ("partnerServiceId", "customerNo", "virtualAccountNo")},
                "amount": money,
                "until": until.isoformat(),
                "status": "01",
                "paid": None,
            },
        )
        page = f"{self.base_url}/how-to-pay/{trx}"
        return {"virtualAccountData": asked | {"additionalInfo": {"howToPayPage": page, "howToPayApi": page}}}

    def _account_status(self, asked: dict[str, Any], request: Request) -> dict[str, Any]:
        known = self.store.kept(f"account:{asked.get('virtualAccountNo')}")
        payment = self.payment(known.get("trx", ""))
        if payment is None:
            raise refusal(404, "26", "12", "Bill not found")
        flag = {"00": "Success", "05": "Expired"}.get(state_of(payment), "Pending")
        paid = payment["paid"] or {"amount": {"value": "0.00", "currency": "IDR"}, "id": ""}
        return {
            "virtualAccountData": {
                **payment["account"],
                "paymentFlagReason": {"english": flag, "indonesia": flag},
                "trxId": payment.get("told_as", payment["id"]),
                "paymentRequestId": paid["id"],
                "paidAmount": paid["amount"],
                "billAmount": payment["amount"],
                "additionalInfo": {"acquirer": {"id": "BCA"}},
            }
        }

    def _bind(self, asked: dict[str, Any], request: Request) -> dict[str, Any]:
        more = asked.get("additionalInfo", {})
        if not re.fullmatch(r"62\d{7,14}", str(asked.get("phoneNo"))):
            raise refusal(400, "07", "01", "Invalid Field Format phoneNo")
        if _CHANNELS.get(more.get("channel")) != "OVO" or not 1 <= len(str(more.get("custIdMerchant", ""))) <= 64:
            raise refusal(400, "07", "01", "Invalid Field Format additionalInfo")
        id_ = secrets.token_hex(16)
        names = ("successRegistrationUrl", "failedRegistrationUrl")
        self.store.keep(f"link:{id_}", {name: more[name] for name in names} | {"phone": asked["phoneNo"]})
        return {"referenceNo": id_, "redirectUrl": f"{self.base_url}/link/{id_}"}

    def _debit(self, asked: dict[str, Any], request: Request) -> dict[str, Any]:
        reference, more = str(asked.get("partnerReferenceNo")), asked.get("additionalInfo", {})
        wallet = _CHANNELS.get(more.get("channel"))
        if wallet is None:
            raise refusal(400, "54", "01", "Invalid Field Format additionalInfo.channel")
        if not 1 <= len(reference) <= (32 if wallet == "OVO" else 64):
            raise refusal(400, "54", "01", "Invalid Field Format partnerReferenceNo")
        if not (10 <= len(request.headers.get("x-ip-address", "")) <= 15 and request.headers.get("x-device-id")):
            raise refusal(400, "54", "02", "Invalid Mandatory Field X-IP-ADDRESS, X-DEVICE-ID")
        if wallet == "OVO":
            token = request.headers.get("authorization-customer", "").removeprefix("Bearer ")
            if not self.store.kept(f"customer:{token}"):
                raise refusal(401, "54", "02", "Invalid Customer Token")
            if asked.get("feeType") not in ("OUR", "BEN", "SHA") or not asked.get("payOptionDetails"):
                raise refusal(400, "54", "02", "Invalid Mandatory Field feeType, payOptionDetails")
        money, until = amount(asked.get("amount"), "54"), moment(asked.get("validUpTo"), "54")
        if self.payment(reference):
            raise refusal(409, "54", "01", "Duplicate partnerReferenceNo")
        payment = self.store.insert(
            "payment",
            {
                "id": reference,
                "created": int(time.time()),
                "way": wallet,
                "channel": more["channel"],
                "title": str(more.get("orderTitle", ""))[:100],
                "return_url": asked["urlParam"][0]["url"],
                "amount": money,
                "until": until.isoformat(),
                "status": "01",
                "reference": secrets.token_hex(10),
                "paid": None,
            },
        )
        page = f"{self.base_url}/pay/{reference}"
        return {
            "webRedirectUrl": page,
            "partnerReferenceNo": reference,
            "referenceNo": payment["reference"],
        }

    def _debit_status(self, asked: dict[str, Any], request: Request) -> dict[str, Any]:
        payment = self.payment(str(asked.get("originalPartnerReferenceNo")))
        if asked.get("serviceCode") != "55" or payment is None or payment["way"] == "transfer":
            raise refusal(404, "55", "01", "Transaction Not Found")
        told = notices.debit(payment)
        paid_at = {"paidTime": payment["paid"]["at"]} if payment["paid"] else {}
        return told | {"serviceCode": "55", "transAmount": told["amount"], **paid_at}

    def compose(self, target: Target, event: dict[str, Any]) -> Message:
        return notices.compose(self, target, event)

    def page(self, request: Request) -> Response:
        return payers.page(self, request)

    def pay(self, payment: dict[str, Any], **false: str) -> None:
        """The payer's money has arrived. Inside the caller's transaction."""
        money = {name: false.get(word, payment["amount"][name]) for name, word in _FALSE.items()}
        paid = {"amount": money, "id": secrets.token_hex(10), "at": datetime.now(UTC).isoformat(timespec="seconds")}
        self.store.update(payment, status="00", paid=paid)
        self.emit("transfer-va.payment" if payment["way"] == "transfer" else "debit.notify", {"payment": payment["id"]})

    def act(self, request: Request, asked: dict[str, Any]) -> dict[str, Any] | None:
        """`POST /_ctl/payments/{id}/pay {amount?, currency?, reference?}`: pays, also wrongly; `…/lapse`: its time is
        over; `…/decline`: the payer's wallet would not; `…/refund {value}`: by hand, on DOKU's own pages;
        `…/refund-fails`: its last refund came back."""
        call = f"{request.method} {request.path}"
        found = re.fullmatch(r"POST /_ctl/payments/(\w+)/(pay|lapse|decline|refund|refund-fails)", call)
        if found is None:
            return None
        with self.store.transaction():
            payment = self.payment(found[1])
            if payment is None:
                raise control.Told("There is no such payment.")
            if found[2] == "refund":
                return refunds.by_hand(self, payment, asked["value"])
            if found[2] == "refund-fails":
                return refunds.fail(self, payment)
            if found[2] == "pay":
                self.store.update(payment, told_as=asked.pop("reference", payment["id"]))
                self.pay(payment, **asked)
            elif found[2] == "lapse":
                self.store.update(payment, until=(datetime.now(UTC) - timedelta(seconds=1)).isoformat())
            else:
                self.store.update(payment, status="06")
            return {"status": state_of(payment)}


_FALSE = {"value": "amount", "currency": "currency"}


def amount(asked: Any, service: str) -> dict[str, str]:
    ok = isinstance(asked, dict) and set(asked) == {"value", "currency"} and asked["currency"] == "IDR"
    if not ok or not re.fullmatch(r"\d{1,16}\.\d{2}", str(asked["value"])) or not asked["value"].strip("0."):
        raise refusal(400, service, "01", "Invalid Field Format amount")
    return {"value": asked["value"], "currency": asked["currency"]}


def moment(text: Any, service: str) -> datetime:
    try:
        at = datetime.fromisoformat(str(text))
    except ValueError:
        raise refusal(400, service, "01", "Invalid Field Format time") from None
    if at.tzinfo is None or at <= datetime.now(UTC):
        raise refusal(400, service, "01", "Invalid Field Format time")
    return at
