"""2C2P's gateway 4.3: Rabbit LINE Pay, TrueMoney and bank transfer in Thailand, on 2C2P's own page.

Every body is a JWT under our shared secret, ours and theirs alike; its notices carry no time, so what stops a replay is
that each is taken once and that we ask. By plain HTTP: the packages are dead. Source: payments.md 4.2.
"""

import json
import re
from collections.abc import Mapping
from datetime import datetime, timedelta, timezone
from decimal import Decimal
from typing import Any
from xml.etree.ElementTree import Element

import jwt
from jwt import api_jws

from payments.gateways import amounts, answered, calls, said
from payments.gateways import two_c_two_p_action as action
from payments.gateways.base import (
    BadNotice,
    Fetched,
    GatewayAway,
    GatewayRefused,
    Line,
    NamedAccount,
    NoticeFacts,
    PaidThere,
    PaymentState,
    Purchase,
    Returned,
    Started,
)

NAME = "2c2p"
LIVE = "https://pgw.2c2p.com"
REFUNDS = "/refunds"
"""Below the address of our notices: where those of refunds go, which are sealed in another way."""

_BANGKOK = timezone(timedelta(hours=7))
_BANK = "123"
_CHANNELS = {"rabbit_line_pay": "LINE", "truemoney": "TRUEMONEY", "2c2p_bank_transfer": _BANK}
_LOCALES = {"en": "en", "th": "th", "ja": "ja", "id": "id", "vi": "vi"}
# 5015 to 5017, paid too much, too little, too late, are paid: the amount tells what is wrong, and ops is told.
_STATES = {
    "0000": PaymentState.PAID,
    "0001": PaymentState.OPEN,
    "2001": PaymentState.OPEN,
    "2002": PaymentState.OPEN,  # nobody has opened the page yet
    "0003": PaymentState.FAILED,
    "0999": PaymentState.FAILED,
    "4009": PaymentState.OPEN,
    "4110": PaymentState.PAID,  # settled, as every payment is a day or two after it
    "4120": PaymentState.FAILED,
    "4121": PaymentState.PAID,  # a refund, or a chargeback, that came to nothing
    "4122": PaymentState.PAID,
    "4130": PaymentState.FAILED,
    "4131": PaymentState.PAID,
    "4132": PaymentState.PAID,
    "5002": PaymentState.OPEN,
    "5009": PaymentState.EXPIRED,
    "5015": PaymentState.PAID,
    "5016": PaymentState.PAID,
    "5017": PaymentState.PAID,
}
# The payer's bank or wallet, or the payer, said no: 4051 and 5007 no money, 4017 and 5010 the payer went back, 4099 …
_DECLINED = re.compile(r"40(?!00|09|10|11|16|32|45|47)\d\d|50(07|1[0-4]|19)|9035")


def build(options: Mapping[str, Any]) -> "TwoCTwoPGateway":
    return TwoCTwoPGateway(
        merchant_id=options["merchant_id"],
        secret_key=options["secret_key"],
        envelope=action.Envelope(private_key=options["private_key"], public_key=options["public_key"]),
        notice_url=f"{options['public_url']}/webhooks/2c2p",
        api_base=options["api_base"],
    )


class TwoCTwoPGateway:
    notice_headers = ()

    def __init__(
        self, *, merchant_id: str, secret_key: str, envelope: action.Envelope, notice_url: str, api_base: str = ""
    ) -> None:
        self._base = api_base or LIVE
        self.is_live = self._base == LIVE
        self._merchant, self._secret, self._notice_url = merchant_id, secret_key, notice_url
        self._envelope = envelope

    def start(self, purchase: Purchase, *, key: str) -> Started:
        invoice = _invoice(purchase.reference)
        asked = {
            "merchantID": self._merchant,
            "invoiceNo": invoice,
            "description": purchase.title[:250],
            "amount": amounts.to_decimal(purchase.amount_minor, purchase.currency),
            "currencyCode": purchase.currency,
            "paymentChannel": [_CHANNELS[purchase.method]],
            "paymentExpiry": purchase.expires_at.astimezone(_BANGKOK).strftime("%Y-%m-%d %H:%M:%S"),
            "frontendReturnUrl": purchase.return_url,
            "backendReturnUrl": self._notice_url,
            "idempotencyID": key[:100],
            "locale": _LOCALES.get(purchase.language, "en"),
        }
        answer = self._ask("/payment/4.3/paymentToken", asked)
        page = answer.get("webPaymentUrl")
        if answer.get("respCode") != "0000" or not isinstance(page, str):
            raise GatewayRefused(_code(answer))
        return Started(provider_ref=invoice, redirect_url=page)

    def fetch(self, provider_ref: str) -> Fetched:
        return self._read(self._inquire(provider_ref))

    def _inquire(self, provider_ref: str) -> dict[str, Any]:
        asked = {"merchantID": self._merchant, "invoiceNo": provider_ref, "locale": "en"}
        return self._ask("/payment/4.3/paymentInquiry", asked)

    def _read(self, answer: Mapping[str, Any]) -> Fetched:
        code = str(answer.get("respCode"))
        state = _STATES.get(code) or (PaymentState.FAILED if _DECLINED.fullmatch(code) else None)
        if state is None:
            raise GatewayRefused(_code(answer))
        if answer.get("respCode") == "2002":
            return Fetched(PaymentState.OPEN, 0, "", "", "", self.is_live)
        try:
            if answer["merchantID"] != self._merchant:
                raise GatewayRefused("an answer about another merchant")
            return Fetched(
                state=state,
                amount_minor=amounts.to_minor(answer["amount"], answer["currencyCode"]),
                currency=answer["currencyCode"],
                reference=_reference(answer["invoiceNo"]),
                payment_ref=str(answer.get("tranRef") or "") if state == PaymentState.PAID else "",
                is_live=self.is_live,
            )
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise GatewayAway(f"a payment of 2C2P that can't be read: {said.unreadable(error)}") from error

    def paid_to_named_by(self, method: str) -> str:
        return NAME if _CHANNELS.get(method) == _BANK else ""

    def refund(self, paid: PaidThere, *, amount_minor: int, currency: str, reference: str, key: str) -> Returned:
        return self._refund(paid, amounts.to_decimal(amount_minor, currency), reference)

    def refund_to(
        self, paid: PaidThere, *, to: NamedAccount, amount_minor: int, currency: str, reference: str, key: str
    ) -> Returned:
        account = {"bankCode": to.bank, "accountName": to.holder, "accountNumber": to.number}
        return self._refund(paid, amounts.to_decimal(amount_minor, currency), reference, **account)

    def _refund(self, paid: PaidThere, amount: str, reference: str, **account: str) -> Returned:
        found = self._act(
            paid,
            processType="R",
            actionAmount=amount,
            **account,
            notifyURL=self._notice_url + REFUNDS,
            idempotencyID=reference.replace("_", ""),
        )
        action.refuse_unless_done(found)
        # Taken is not paid: wallets answer later, and where it stands is told with the payment.
        made = next((one for one in self.returns_of(paid) if one.reference == reference), None)
        if made is None:
            raise GatewayAway(f"a refund that 2C2P took and does not list: {reference}")
        return made

    def returns_of(self, paid: PaidThere) -> list[Returned]:
        return [one for one, _ in action.refunds_of(self._act(paid, processType="RS"))]

    def lines_of(self, paid: PaidThere) -> list[Line]:
        """By the payment's own state and its refunds: 2C2P lists its settlements in files alone."""
        answer = self._inquire(paid.provider_ref)
        refunds = action.refunds_of(self._act(paid, processType="RS"))
        taken = self._read(answer)
        if taken.state != PaymentState.PAID and not refunds:
            return []
        at = _moment(answer.get("transactionDateTime"))
        return answered.lines(paid, amount_minor=taken.amount_minor, currency=taken.currency, at=at, refunds=refunds)

    def _act(self, paid: PaidThere, **asked: str) -> Element:
        return action.ask(
            self._envelope,
            base=self._base,
            asked={"merchantID": self._merchant, "invoiceNo": paid.provider_ref, **asked},
        )

    def parse_notice(self, headers: Mapping[str, str], raw: bytes, *, path: str, now: datetime) -> NoticeFacts:
        if path.endswith(REFUNDS):
            return self._refund_notice(raw)
        try:
            told = self._open(json.loads(raw)["payload"])
            invoice, code = told["invoiceNo"], told["respCode"]
            if not (isinstance(invoice, str) and isinstance(code, str)):
                raise TypeError
        except jwt.InvalidTokenError as error:
            raise BadNotice("not signed by 2C2P", reason="signature") from error
        except (ValueError, KeyError, TypeError) as error:
            raise BadNotice("not a notice of 2C2P", reason="unreadable") from error
        if told.get("merchantID") != self._merchant:
            raise BadNotice("for another merchant", reason="other_account")
        return NoticeFacts(
            event_id=f"{invoice}:{told.get('tranRef', '')}:{code}"[:255],
            kind=f"backend.{code}"[:96],
            provider_ref=invoice[:255],
            reference=_reference(invoice)[:255],
            about="payment",
        )

    def _refund_notice(self, raw: bytes) -> NoticeFacts:
        try:
            told = action.read(self._envelope.open(raw.decode("ascii", "replace").strip()))
        except action.NotSealed as error:
            raise BadNotice("a refund's notice that 2C2P did not seal", reason="signature") from error
        except ValueError as error:
            raise BadNotice("not a refund's notice of 2C2P", reason="unreadable") from error
        if action.text(told, "merchantID") != self._merchant:
            raise BadNotice("for another merchant", reason="other_account")
        invoice, status = action.text(told, "invoiceNo"), action.text(told, "status")
        return NoticeFacts(
            event_id=f"{invoice}:{action.text(told, 'referenceNo')}:{status}"[:255],
            kind=f"refund.{status}"[:96],
            provider_ref=invoice[:255],
            reference=_reference(invoice)[:255],
            about="return",
        )

    def _ask(self, path: str, asked: Mapping[str, Any]) -> dict[str, Any]:
        """The answer's claims, signed as ours are; a bare code where 2C2P could not read us."""
        # An amount is a number there, and no float of ours: its digits stand as they are.
        claims = re.sub(rb'"amount":"([0-9.]+)"', rb'"amount":\1', calls.compact(asked), count=1)
        body = calls.compact({"payload": api_jws.encode(claims, self._secret, algorithm="HS256")})
        answer = calls.call("POST", self._base + path, headers={"Content-Type": "application/json"}, raw=body)
        if "payload" not in answer.body:
            raise GatewayRefused(_code(answer.body))
        try:
            return self._open(answer.body["payload"])
        except (jwt.InvalidTokenError, ValueError, TypeError) as error:
            raise GatewayAway(f"an answer that 2C2P did not sign: {type(error).__name__}") from error

    def _open(self, payload: Any) -> dict[str, Any]:
        """HS256 alone. The claims are 2C2P's own: none of them is a time to judge by."""
        if not isinstance(payload, str):
            raise TypeError("no payload")
        claims = json.loads(api_jws.decode(payload, self._secret, algorithms=["HS256"]), parse_float=Decimal)
        if not isinstance(claims, dict):
            raise TypeError("no object in the payload")
        return claims


def _invoice(reference: str) -> str:
    """2C2P takes letters and digits: `top_…` → `top…`."""
    return reference.replace("_", "")


def _reference(invoice: str) -> str:
    return f"top_{invoice.removeprefix('top')}"


def _moment(text: Any) -> datetime | None:
    return datetime.strptime(text, "%Y%m%d%H%M%S").replace(tzinfo=_BANGKOK) if isinstance(text, str) and text else None


def _code(answer: Mapping[str, Any]) -> str:
    return f"2C2P: {said.code(answer.get('respCode'))}"
