"""DOKU by SNAP, Indonesia's payment standard: DANA, OVO, and bank transfer to a virtual account of the payment's own.

By plain HTTP, since its SDK can't be imported; how both sides sign is in doku_keys.py. Source: payments.md 4.1.
"""

import hashlib
import json
import secrets
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta, timezone
from typing import Any
from uuid import UUID

from payments import virtual_accounts
from payments.gateways import amounts, answered, calls, doku_account, rsa_keys, said
from payments.gateways.base import (
    BadNotice,
    Fetched,
    GatewayAway,
    GatewayRefused,
    Instructions,
    Line,
    NoticeFacts,
    PaidThere,
    PaymentState,
    Purchase,
    Reply,
    Returned,
    Started,
)
from payments.gateways.doku_keys import Keys
from payments.gateways.tokens import Token
from promote import ids
from promote.refusals import NotFound

LIVE = "https://api.doku.com"
BANK, BANK_CHANNEL = "BCA", "VIRTUAL_ACCOUNT_BCA"

_TOKEN = "/authorization/v1/access-token/b2b"  # noqa: S105  (paths)
_CUSTOMER_TOKEN = "/authorization/v1/access-token/b2b2c"  # noqa: S105
_CREATE_VA = "/virtual-accounts/bi-snap-va/v1.1/transfer-va/create-va"
_VA_STATUS = "/orders/v1.0/transfer-va/status"
_BIND = "/direct-debit/core/v1/registration-account-binding"
_DEBIT = "/direct-debit/core/v1/debit/payment-host-to-host"
_DEBIT_STATUS = "/orders/v1.0/debit/status"
_REFUND = "/direct-debit/core/v1/debit/refund"
_JAKARTA = timezone(timedelta(hours=7))
_CHANNELS = {"dana": "EMONEY_DANA_SNAP", "ovo": "EMONEY_OVO_SNAP"}
_WAYS = {"doku_bank_transfer": "va", "dana": "dana", "ovo": "ovo"}
# 06, failed, is no end: the customer may try again until the payment's own time is over.
_DEBITS = {
    "00": PaymentState.PAID,
    "01": PaymentState.OPEN,
    "02": PaymentState.OPEN,
    "03": PaymentState.OPEN,
    "04": PaymentState.FAILED,
    "05": PaymentState.FAILED,
    "06": PaymentState.OPEN,
    "07": PaymentState.OPEN,
}
_OUR_BANK = "bank_transfer"
_TRANSFERS = {"success": PaymentState.PAID, "expired": PaymentState.EXPIRED}


def build(options: Mapping[str, Any]) -> "DokuGateway":
    return DokuGateway(
        client_id=options["client_id"],
        secret_key=options["secret_key"],
        private_key=options["private_key"],
        public_key=options["public_key"],
        partner_service_id=options["partner_service_id"],
        api_base=options["api_base"],
    )


class DokuGateway:
    """`private_key` (ours) and `public_key` (DOKU's) are base64 of DER, which is a PEM without its first and last line.

    A payment's `provider_ref` is the way it is paid by and our own id's digits: `va.…`, `dana.…`, `ovo.…`.
    """

    notice_headers = ("X-Partner-Id", "X-External-Id", "X-Timestamp")

    def __init__(
        self,
        *,
        client_id: str,
        secret_key: str,
        private_key: str,
        public_key: str,
        partner_service_id: str,
        api_base: str = "",
    ) -> None:
        self._base = api_base or LIVE
        self.is_live = self._base == LIVE
        self._keys = Keys(
            client_id,
            secret_key.encode(),
            ours=rsa_keys.private(private_key, name="DOKU_PRIVATE_KEY"),
            theirs=rsa_keys.public(public_key, name="DOKU_PUBLIC_KEY"),
        )
        self._service = partner_service_id.strip().rjust(8)
        self._token = Token(self._new_token, ("accessToken", "expiresIn"))

    def start(self, purchase: Purchase, *, key: str) -> Started:
        if purchase.currency != "IDR":
            raise GatewayRefused(f"DOKU takes rupiah, not {purchase.currency}")
        if purchase.method == "doku_bank_transfer":
            return self._virtual_account(purchase, key=key)
        if purchase.method == "ovo":
            return self._bind(purchase, key=key)
        return self._debit(purchase, key=key)

    def go_on(self, purchase: Purchase, query: Mapping[str, str], *, key: str) -> Started | None:
        """OVO's payer comes back with a code for their account; with it the payment itself is started."""
        code = query.get("authCode", "")
        if purchase.method != "ovo" or not code:
            return None
        timestamp = _now()
        headers = {**self._keys.headers(timestamp), "Content-Type": "application/json"}
        body = {"grantType": "authorization_code", "authCode": code}
        answer = calls.call("POST", self._base + _CUSTOMER_TOKEN, headers=headers, raw=calls.compact(body))
        if answer.status >= 300 or not isinstance(answer.body.get("accessToken"), str):
            raise GatewayRefused(_code(answer))
        return self._debit(purchase, key=key, customer=answer.body["accessToken"])

    def fetch(self, provider_ref: str) -> Fetched:
        way, _, digits = provider_ref.partition(".")
        if way == "va":
            return self._fetch_transfer(digits)
        if way in _CHANNELS:
            return self._fetch_debit(way, digits)
        raise GatewayRefused(f"no payment of DOKU: {provider_ref}")

    # payments

    def _virtual_account(self, purchase: Purchase, *, key: str) -> Started:
        digits = _digits(purchase.reference)
        account = self._account(virtual_accounts.take(_payment(digits)))
        body = {
            **account,
            "virtualAccountName": "Promote",
            "trxId": digits,
            "totalAmount": _amount(purchase),
            "virtualAccountTrxType": "C",
            "expiredDate": purchase.expires_at.astimezone(_JAKARTA).isoformat(timespec="seconds"),
            "additionalInfo": {"channel": BANK_CHANNEL, "virtualAccountConfig": {"reusableStatus": False}},
        }
        answer = self._ask(_CREATE_VA, body, external_id=_external(key))
        if answer.status == 409:
            answer = self._first_try(account, purchase) or self._ask(_CREATE_VA, body, external_id=_fresh())
        if answer.status >= 300:
            raise GatewayRefused(_code(answer))
        data: Any = answer.body.get("virtualAccountData")
        more: Any = data.get("additionalInfo") if isinstance(data, dict) else None
        help_url = more.get("howToPayPage") if isinstance(more, dict) else ""
        instructions = Instructions(
            bank=BANK,
            account_number=account["virtualAccountNo"].strip(),
            account_name="Promote",
            expires_at=purchase.expires_at,
            help_url=help_url if isinstance(help_url, str) else "",
        )
        return Started(provider_ref=f"va.{digits}", instructions=instructions)

    def _first_try(self, account: Mapping[str, str], purchase: Purchase) -> calls.Answered | None:
        """After a conflict: the account that our own first try made, whose answer was lost. None where DOKU has none of
        this number, and knew the call's id alone. Raises GatewayRefused where it is another payment's.
        """
        answer = self._ask(_VA_STATUS, account, external_id=_fresh())
        if answer.status == 404:
            return None
        if answer.status >= 300:
            raise GatewayRefused(_code(answer))
        there, asked = self._read_transfer(answer), (purchase.reference, purchase.amount_minor, purchase.currency)
        if (there.reference, there.amount_minor, there.currency) != asked:
            raise GatewayRefused("DOKU has this virtual account for another payment")
        return answer

    def _bind(self, purchase: Purchase, *, key: str) -> Started:
        phone = f"62{purchase.phone[1:]}" if purchase.phone.startswith("0") else purchase.phone
        body = {
            "phoneNo": phone,
            "additionalInfo": {
                "channel": _CHANNELS["ovo"],
                "custIdMerchant": purchase.payer,
                "successRegistrationUrl": purchase.return_url,
                "failedRegistrationUrl": purchase.cancel_url,
            },
        }
        answer = self._ask(_BIND, body, external_id=_external(key))
        page = answer.body.get("redirectUrl")
        if answer.status >= 300 or not isinstance(page, str):
            raise GatewayRefused(_code(answer))
        return Started(provider_ref=f"ovo.{_digits(purchase.reference)}", redirect_url=page)

    def _debit(self, purchase: Purchase, *, key: str, customer: str = "") -> Started:
        digits = _digits(purchase.reference)
        body: dict[str, Any] = {
            "partnerReferenceNo": digits,
            "amount": _amount(purchase),
            "validUpTo": purchase.expires_at.astimezone(_JAKARTA).isoformat(timespec="seconds"),
            "pointOfInitiation": "mweb",
            "urlParam": [{"url": purchase.return_url, "type": "PAY_RETURN", "isDeepLink": "N"}],
            "additionalInfo": {
                "channel": _CHANNELS[purchase.method],
                "orderTitle": purchase.title,
                "supportDeepLinkCheckoutUrl": False,
            },
        }
        headers: dict[str, str] = {}
        if customer:
            headers["Authorization-Customer"] = f"Bearer {customer}"
            body["feeType"] = "OUR"
            body["payOptionDetails"] = [
                {"payMethod": "CASH", "transAmount": body["amount"], "feeAmount": {"value": "0.00", "currency": "IDR"}}
            ]
            body["additionalInfo"]["paymentType"] = "SALE"
        answer = self._ask(_DEBIT, body, external_id=_external(key), **headers)
        page = answer.body.get("webRedirectUrl")
        if answer.status >= 300 or not isinstance(page, str):
            raise GatewayRefused(_code(answer))
        return Started(provider_ref=f"{_WAYS[purchase.method]}.{digits}", redirect_url=page)

    def _fetch_transfer(self, digits: str) -> Fetched:
        number = virtual_accounts.number_of(_payment(digits))
        if number is None:
            raise GatewayRefused(f"top_{digits} has no virtual account")
        answer = self._ask(_VA_STATUS, self._account(number), external_id=_fresh())
        if answer.status >= 300:
            raise GatewayRefused(_code(answer))
        return self._read_transfer(answer)

    def _read_transfer(self, answer: calls.Answered) -> Fetched:
        try:
            data = answer.body["virtualAccountData"]
            flag = data["paymentFlagReason"]["english"].lower()
            state = _TRANSFERS.get(flag, PaymentState.OPEN)
            money = data["paidAmount"] if state == PaymentState.PAID else data["billAmount"]
            return self._read(state, money, data["trxId"], str(data.get("paymentRequestId") or ""))
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise GatewayAway(f"a virtual account of DOKU that can't be read: {said.unreadable(error)}") from error

    def _fetch_debit(self, way: str, digits: str) -> Fetched:
        body = self._debit_status(way, digits)
        if body is None:  # an OVO account that was not linked yet
            return Fetched(PaymentState.OPEN, 0, "", "", "", self.is_live)
        try:
            state = _DEBITS[body["latestTransactionStatus"]]
            if "expired" in str(body.get("transactionStatusDesc", "")).lower():
                state = PaymentState.EXPIRED
            paid_as = str(body.get("originalReferenceNo") or "")
            return self._read(state, body["transAmount"], body["originalPartnerReferenceNo"], paid_as)
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise GatewayAway(f"a payment of DOKU that can't be read: {said.unreadable(error)}") from error

    def _debit_status(self, way: str, digits: str) -> dict[str, Any] | None:
        asked = {
            "originalPartnerReferenceNo": digits,
            "serviceCode": "55",
            "additionalInfo": {"channel": _CHANNELS[way]},
        }
        answer = self._ask(_DEBIT_STATUS, asked, external_id=_fresh())
        if answer.status == 404:
            return None
        if answer.status >= 300:
            raise GatewayRefused(_code(answer))
        return answer.body

    def _read(self, state: PaymentState, money: Mapping[str, Any], digits: str, payment_ref: str) -> Fetched:
        return Fetched(
            state=state,
            amount_minor=amounts.to_minor(money["value"], money["currency"]),
            currency=money["currency"],
            reference=f"top_{digits}",
            payment_ref=payment_ref if state == PaymentState.PAID else "",
            is_live=self.is_live,
        )

    def _account(self, customer: str) -> dict[str, str]:
        return {
            "partnerServiceId": self._service,
            "customerNo": customer,
            "virtualAccountNo": self._service + customer,
        }

    # money that goes back: of wallets; a virtual account's goes from our own bank (payments.md 4.1)

    def paid_to_named_by(self, method: str) -> str:
        return _OUR_BANK if _WAYS.get(method) == "va" else ""

    def refund(self, paid: PaidThere, *, amount_minor: int, currency: str, reference: str, key: str) -> Returned:
        way, _, digits = paid.provider_ref.partition(".")
        if way not in _CHANNELS:
            raise GatewayRefused("a transfer can't be paid back by DOKU")
        number = doku_account.number(reference)
        body = {
            "originalPartnerReferenceNo": digits,
            "originalReferenceNo": paid.payment_ref,
            "partnerRefundNo": number,
            "refundAmount": {"value": amounts.to_decimal(amount_minor, currency), "currency": currency},
            "reason": "Withdrawal",
            "additionalInfo": {"channel": _CHANNELS[way]},
        }
        answer = self._ask(_REFUND, body, external_id=_external(key))
        if answer.status >= 300 and answer.status != 409:
            raise GatewayRefused(_code(answer))
        # A conflict is our own first try, whose answer was lost. What became of it stands with the payment, also now.
        made = next((one for one in self.returns_of(paid) if one.reference == reference), None)
        if made is None:
            raise GatewayAway(f"a refund that DOKU took and does not list: {number}")
        return made

    def returns_of(self, paid: PaidThere) -> list[Returned]:
        return [one for one, _ in doku_account.refunds_of(self._status_of(paid))]

    def lines_of(self, paid: PaidThere) -> list[Line]:
        status = self._status_of(paid)
        refunds, taken = doku_account.refunds_of(status), self.fetch(paid.provider_ref)
        if taken.state != PaymentState.PAID and not refunds:
            return []
        at = doku_account.moment(status.get("paidTime"))
        return answered.lines(paid, amount_minor=taken.amount_minor, currency=taken.currency, at=at, refunds=refunds)

    def _status_of(self, paid: PaidThere) -> dict[str, Any]:
        """Of a wallet's payment; nothing of a transfer's, which has no refunds."""
        way, _, digits = paid.provider_ref.partition(".")
        return (self._debit_status(way, digits) or {}) if way in _CHANNELS else {}

    # notices

    def parse_notice(self, headers: Mapping[str, str], raw: bytes, *, path: str, now: datetime) -> NoticeFacts | Reply:
        if path.endswith(_TOKEN):
            return self._keys.give_token(headers, now=now)
        self._keys.check_notice(headers, raw, path=path, now=now)
        try:
            body = json.loads(raw)
            is_transfer = path.endswith("/v1/transfer-va/payment")
            digits = body["trxId"] if is_transfer else body["originalPartnerReferenceNo"]
            sent_as = str(body["paymentRequestId"] if is_transfer else body["originalReferenceNo"])
            status = "paid" if is_transfer else str(body["latestTransactionStatus"])
            if not isinstance(digits, str):
                raise TypeError
        except (ValueError, KeyError, TypeError) as error:
            bad = Reply(400, {"responseCode": "4002501", "responseMessage": "Invalid Field Format"})
            raise BadNotice("not a notice of DOKU", reason="unreadable", reply=bad) from error
        is_back = not is_transfer and doku_account.tells_of_refunds(body)
        return NoticeFacts(
            event_id=f"{headers.get('X-External-Id', '')}:{sent_as}:{status}"[:255],
            kind="transfer-va.payment" if is_transfer else "debit.notify",
            provider_ref="",
            reference=f"top_{digits}"[:255],
            about="return" if is_back else "payment",
            payment_ref=sent_as[:255] if is_back else "",
            reply=_thanks(body) if is_transfer else _PROCESSED,
        )

    def payer_in(self, raw: bytes) -> str:
        """Of a transfer: a wallet's notice names nobody."""
        try:
            more = json.loads(raw)["additionalInfo"]
            name = more.get("senderName")
        except (ValueError, KeyError, TypeError, AttributeError):
            return ""
        return name.strip() if isinstance(name, str) else ""

    # calls

    def _ask(self, path: str, body: Mapping[str, Any], *, external_id: str, **more: str) -> calls.Answered:
        raw = calls.compact(body)

        def send(token: str) -> calls.Answered:
            timestamp = _now()
            headers = {
                "Content-Type": "application/json",
                "Authorization": f"Bearer {token}",
                "X-PARTNER-ID": self._keys.client_id,
                "X-EXTERNAL-ID": external_id,
                "X-TIMESTAMP": timestamp,
                "X-SIGNATURE": self._keys.mac("POST", path, token, raw, timestamp),
                "CHANNEL-ID": "H2H",
                "X-DEVICE-ID": "promote",
                "X-IP-ADDRESS": "10.10.100.100",  # of ten characters or more, as DANA wants it; no payer's
                **more,
            }
            return calls.call("POST", self._base + path, headers=headers, raw=raw)

        return self._token.call(send)

    def _new_token(self) -> calls.Answered:
        headers = {**self._keys.headers(_now()), "Content-Type": "application/json"}
        raw = calls.compact({"grantType": "client_credentials", "additionalInfo": ""})
        return calls.call("POST", self._base + _TOKEN, headers=headers, raw=raw)


_PROCESSED = Reply(200, {"responseCode": "2005600", "responseMessage": "Request has been processed successfully"})


def _thanks(body: Mapping[str, Any]) -> Reply:
    repeated = ("partnerServiceId", "customerNo", "virtualAccountNo", "virtualAccountName", "trxId", "paymentRequestId")
    data = {name: body[name] for name in repeated if name in body}
    return Reply(200, {"responseCode": "2002500", "responseMessage": "success", "virtualAccountData": data})


def _amount(purchase: Purchase) -> dict[str, str]:
    return {
        "value": amounts.to_decimal(purchase.amount_minor, purchase.currency),
        "currency": purchase.currency,
    }


def _digits(reference: str) -> str:
    """Our id without its prefix: OVO takes 32 characters."""
    return reference.removeprefix("top_")


def _payment(digits: str) -> UUID:
    try:
        return ids.parse("top", f"top_{digits}")
    except NotFound:
        raise GatewayRefused("no payment of ours has this reference") from None


def _external(key: str) -> str:
    """One a day for each thing asked for: a repeated call is known by it."""
    return str(int.from_bytes(hashlib.sha256(key.encode()).digest()[:14]))


def _fresh() -> str:
    return str(secrets.randbits(112))


def _now() -> str:
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _code(answer: calls.Answered) -> str:
    return f"DOKU: {said.code(answer.body.get('responseCode'), answer.status)}"
