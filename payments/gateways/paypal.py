"""PayPal by Orders v2 and Vault v3, over plain HTTP: its SDK knows no webhooks and only its maker's two addresses.

The payer approves an order on PayPal's page, and we take the money by a second call: what is not taken in time costs
nobody anything. A saved PayPal pays within the first call. Source: payments.md 4.6.
"""

import json
import re
import zlib
from base64 import b64decode
from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import urlencode, urlsplit

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding, rsa

from payments.gateways import amounts, calls, paypal_account, said
from payments.gateways.base import (
    BadNotice,
    Fetched,
    GatewayAway,
    GatewayRefused,
    Line,
    NoticeFacts,
    PaidThere,
    PaymentState,
    Purchase,
    Returned,
    Saved,
    SavedGone,
    Started,
)
from payments.gateways.tokens import Token

LIVE = "https://api-m.paypal.com"
LATE, EARLY = timedelta(days=3), timedelta(minutes=5)
"""How old a notice may be (its retries may carry the first time), and how far in the future."""

_TAKES = frozenset({"AUD", "BRL", "CAD", "CZK", "DKK", "EUR", "GBP", "HKD", "HUF", "ILS", "JPY", "MXN", "MYR", "NOK",
                    "NZD", "PHP", "PLN", "SEK", "SGD", "CHF", "THB", "TWD", "USD"})  # fmt: skip
_WITHOUT_DECIMALS_HERE = frozenset({"HUF", "TWD"})  # unlike ISO 4217; no market of ours, so refused, not guessed
_ORDERS = {
    "CREATED": PaymentState.OPEN,
    "SAVED": PaymentState.OPEN,
    "PAYER_ACTION_REQUIRED": PaymentState.OPEN,
    "APPROVED": PaymentState.APPROVED,
    "VOIDED": PaymentState.FAILED,
}
_CAPTURES = {
    "COMPLETED": PaymentState.PAID,
    "PARTIALLY_REFUNDED": PaymentState.PAID,
    "PENDING": PaymentState.SETTLING,
    "DECLINED": PaymentState.FAILED,
    "FAILED": PaymentState.FAILED,
    "REFUNDED": PaymentState.FAILED,
}
_DECLINED = frozenset({"INSTRUMENT_DECLINED", "PAYER_CANNOT_PAY", "TRANSACTION_REFUSED", "PAYER_ACCOUNT_RESTRICTED",
                       "PAYER_ACCOUNT_LOCKED_OR_CLOSED", "COMPLIANCE_VIOLATION"})  # fmt: skip
_GONE = frozenset({"TOKEN_NOT_FOUND", "TOKEN_ID_NOT_FOUND", "INVALID_RESOURCE_ID", "VAULT_INSTRUCTION_REQUIRED"})
_THEIR_CERTIFICATE = re.compile(r"https://(?:[a-z0-9-]+\.)+paypal\.com(?::443)?/[A-Za-z0-9._~/-]+", re.ASCII)
_PATH = re.compile(r"/[A-Za-z0-9._~/-]+", re.ASCII)
_CERTIFICATES_KEPT = 8
_LISTED_AT_ONCE, _LISTED_DAYS = 500, timedelta(days=31)


def build(options: Mapping[str, Any]) -> "PaypalGateway":
    return PaypalGateway(
        client_id=options["client_id"],
        client_secret=options["client_secret"],
        webhook_id=options["webhook_id"],
        api_base=options["api_base"],
    )


class PaypalGateway:
    notice_headers = ("Paypal-Transmission-Id", "Paypal-Transmission-Time", "Paypal-Cert-Url", "Paypal-Auth-Algo")

    def __init__(self, *, client_id: str, client_secret: str, webhook_id: str, api_base: str = "") -> None:
        self._base = api_base or LIVE
        self.is_live = self._base == LIVE
        self._keys, self._webhook_id = (client_id, client_secret), webhook_id
        self._token = Token(self._new_token, ("access_token", "expires_in"))
        self._certificates: dict[str, x509.Certificate] = {}

    def start(self, purchase: Purchase, *, key: str) -> Started:
        if purchase.currency not in _TAKES or purchase.currency in _WITHOUT_DECIMALS_HERE:
            raise GatewayRefused(f"PayPal takes no {purchase.currency}")
        answer = self._ask("POST", "/v2/checkout/orders", _order(purchase), key=key)
        if answer.status >= 300:
            raise (SavedGone if _issue(answer) in _GONE else GatewayRefused)(_issue(answer))
        return _started(answer.body)

    def fetch(self, provider_ref: str) -> Fetched:
        return self._read(self._get(f"/v2/checkout/orders/{provider_ref}"))

    def take(self, provider_ref: str, *, key: str) -> Fetched:
        answer = self._ask("POST", f"/v2/checkout/orders/{provider_ref}/capture", {}, key=key)
        if answer.status < 300:
            # Its answer is short: the amount and our own id are read where they always stand.
            return self.fetch(provider_ref)
        issue = _issue(answer)
        if issue in _DECLINED:
            return replace(self.fetch(provider_ref), state=PaymentState.FAILED)
        if issue in ("ORDER_ALREADY_CAPTURED", "ORDER_NOT_APPROVED"):
            return self.fetch(provider_ref)
        raise GatewayRefused(issue)

    def forget(self, token: str) -> None:
        answer = self._ask("DELETE", f"/v3/vault/payment-tokens/{token}")
        if answer.status >= 300 and answer.status != 404:
            raise GatewayRefused(_issue(answer))

    def keeps(self, token: str) -> bool:
        answer = self._ask("GET", f"/v3/vault/payment-tokens/{token}")
        if answer.status >= 300 and answer.status != 404:
            raise GatewayRefused(_issue(answer))
        return answer.status != 404

    def parse_notice(self, headers: Mapping[str, str], raw: bytes, *, path: str, now: datetime) -> NoticeFacts:
        self._check_signature(headers, raw, now=now)
        try:
            event = json.loads(raw)
            event_id, kind, resource = event["id"], event["event_type"], event["resource"]
            if not (isinstance(event_id, str) and isinstance(kind, str) and isinstance(resource, dict)):
                raise TypeError
        except (ValueError, KeyError, TypeError) as error:
            raise BadNotice("not an event of PayPal", reason="unreadable") from error
        return paypal_account.told(event_id, kind, resource)

    def refund(self, paid: PaidThere, *, amount_minor: int, currency: str, reference: str, key: str) -> Returned:
        asked = {
            "amount": {"currency_code": currency, "value": amounts.to_decimal(amount_minor, currency)},
            "custom_id": reference,
            "invoice_id": reference,
        }
        answer = self._ask("POST", f"/v2/payments/captures/{paid.payment_ref}/refund", asked, key=key)
        if answer.status >= 300:
            raise GatewayRefused(_issue(answer))
        return paypal_account.read(lambda: paypal_account.returned(answer.body))

    def returns_of(self, paid: PaidThere) -> list[Returned]:
        order = self._get(f"/v2/checkout/orders/{paid.provider_ref}")
        refunds = paypal_account.read(lambda: paypal_account.refunds_of(order, payment_ref=paid.payment_ref))
        found = self._disputes(paid.payment_ref)
        return refunds + paypal_account.read(lambda: paypal_account.disputes_of(found))

    def lines(self, *, since: datetime, until: datetime) -> Iterator[Line]:
        """By the search of transactions, which takes a month at a time and may be three hours late."""
        while since < until:
            end = min(until, since + _LISTED_DAYS)
            page, pages = 1, 1
            while page <= pages:
                found = self._transactions(since, end, page)
                pages = int(found.get("total_pages") or 1)
                yield from self._lines_in(found)
                page += 1
            since = end

    def _lines_in(self, found: Mapping[str, Any]) -> list[Line]:
        return paypal_account.read(lambda: paypal_account.lines(found, self._disputes))

    def _transactions(self, since: datetime, until: datetime, page: int) -> dict[str, Any]:
        asked = {
            "start_date": since.strftime("%Y-%m-%dT%H:%M:%SZ"),
            "end_date": until.strftime("%Y-%m-%dT%H:%M:%SZ"),
            "fields": "transaction_info",
            "balance_affecting_records_only": "Y",
            "page_size": _LISTED_AT_ONCE,
            "page": page,
        }
        return self._get(f"/v1/reporting/transactions?{urlencode(asked)}")

    def _disputes(self, payment_ref: str) -> list[dict[str, Any]]:
        """Every dispute of a payment: the list has their ids, each by itself says how it ended."""
        listed = self._get(f"/v1/customer/disputes?{urlencode({'disputed_transaction_id': payment_ref})}")
        ids = [one["dispute_id"] for one in listed.get("items") or [] if isinstance(one, dict)]
        return [self._get(f"/v1/customer/disputes/{id_}") for id_ in ids]

    def _get(self, path: str) -> dict[str, Any]:
        answer = self._ask("GET", path)
        if answer.status >= 300:
            raise GatewayRefused(_issue(answer))
        return answer.body

    def _check_signature(self, headers: Mapping[str, str], raw: bytes, *, now: datetime) -> None:
        """Of id, time, our webhook's own id and the body's checksum: one sent to another account has another id."""
        try:
            notice_id, at_text = headers["Paypal-Transmission-Id"], headers["Paypal-Transmission-Time"]
            signature = b64decode(headers["Paypal-Transmission-Sig"], validate=True)
            at = datetime.fromisoformat(at_text)
            is_known = headers["Paypal-Auth-Algo"] == "SHA256withRSA" and at.tzinfo is not None
            certificate_url = headers["Paypal-Cert-Url"]
        except (KeyError, ValueError) as error:
            raise BadNotice("no readable signature of PayPal", reason="signature") from error
        if not is_known:
            raise BadNotice("signed in a way that is not known", reason="signature")
        if not now - LATE <= at <= now + EARLY:
            raise BadNotice(f"its time is {at}, ours {now}", reason="time")
        signed = f"{notice_id}|{at_text}|{self._webhook_id}|{zlib.crc32(raw)}".encode()
        certificate = self._certificate(certificate_url)
        if not certificate.not_valid_before_utc <= now <= certificate.not_valid_after_utc:
            raise BadNotice("its certificate is not valid now", reason="signature")
        public_key = certificate.public_key()
        try:
            if not isinstance(public_key, rsa.RSAPublicKey):
                raise BadNotice("its certificate has another kind of key", reason="signature")
            public_key.verify(signature, signed, padding.PKCS1v15(), hashes.SHA256())
        except InvalidSignature as error:
            raise BadNotice("not signed by PayPal for this webhook", reason="signature") from error

    def _certificate(self, url: str) -> x509.Certificate:
        """PayPal's, from its own hosts only: whoever names another address signs for themselves."""
        if not self._is_theirs(url):
            raise BadNotice("its certificate lies elsewhere", reason="signature")
        if url not in self._certificates:
            try:
                found = x509.load_pem_x509_certificate(calls.download(url))
            except ValueError as error:
                raise GatewayAway(f"{url} is no certificate now") from error
            if len(self._certificates) >= _CERTIFICATES_KEPT:
                self._certificates.clear()
            self._certificates[url] = found
        return self._certificates[url]

    def _is_theirs(self, url: str) -> bool:
        """By how it is written, letter by letter: what one reader of addresses takes for a host's name, another takes
        for a path below somebody else's (`https://evil.example\\.paypal.com/`).
        """
        if (urlsplit(self._base).hostname or "").endswith(".paypal.com"):
            return _THEIR_CERTIFICATE.fullmatch(url) is not None
        return url.startswith(f"{self._base}/") and _PATH.fullmatch(url.removeprefix(self._base)) is not None

    def _read(self, order: Mapping[str, Any]) -> Fetched:
        try:
            (unit,) = order["purchase_units"]
            captures = unit.get("payments", {}).get("captures", [])
            capture = captures[-1] if captures else None
            amount = (capture or unit)["amount"]
            state = _CAPTURES[capture["status"]] if capture else _ORDERS[order["status"]]
            return Fetched(
                state=state,
                amount_minor=amounts.to_minor(amount["value"], amount["currency_code"]),
                currency=amount["currency_code"],
                reference=unit.get("custom_id", ""),
                payment_ref=capture["id"] if capture else "",
                is_live=self.is_live,
                saved=_saved(order),
            )
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise GatewayAway(f"an order of PayPal that can't be read: {said.unreadable(error)}") from error

    def _ask(self, method: str, path: str, body: Mapping[str, Any] | None = None, *, key: str = "") -> calls.Answered:
        raw = None if body is None else calls.compact(body)
        once = {"PayPal-Request-Id": key, "Prefer": "return=representation"} if method == "POST" else {}

        def send(token: str) -> calls.Answered:
            headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json", **once}
            return calls.call(method, self._base + path, headers=headers, raw=raw)

        return self._token.call(send)

    def _new_token(self) -> calls.Answered:
        headers = {"Content-Type": "application/x-www-form-urlencoded"}
        url = f"{self._base}/v1/oauth2/token"
        return calls.call("POST", url, headers=headers, raw=b"grant_type=client_credentials", auth=self._keys)


def _order(purchase: Purchase) -> dict[str, Any]:
    amount = {
        "currency_code": purchase.currency,
        "value": amounts.to_decimal(purchase.amount_minor, purchase.currency),
    }
    unit = {
        "reference_id": "default",
        "custom_id": purchase.reference,
        "invoice_id": purchase.reference,
        "description": purchase.title[:127],
        "amount": amount,
    }
    return {"intent": "CAPTURE", "purchase_units": [unit], "payment_source": {"paypal": _source(purchase)}}


def _source(purchase: Purchase) -> dict[str, Any]:
    if purchase.saved:
        credential = {"payment_initiator": "CUSTOMER", "usage": "SUBSEQUENT", "usage_pattern": "IMMEDIATE"}
        return {"vault_id": purchase.saved, "stored_credential": credential}
    page = {
        "brand_name": "Promote",
        "shipping_preference": "NO_SHIPPING",
        "user_action": "PAY_NOW",
        "return_url": purchase.return_url,
        "cancel_url": purchase.cancel_url,
    }
    if not purchase.saves:
        return {"experience_context": page}
    vault = {"store_in_vault": "ON_SUCCESS", "usage_type": "MERCHANT", "customer_type": "CONSUMER"}
    return {"experience_context": page, "attributes": {"vault": vault}}


def _started(order: Mapping[str, Any]) -> Started:
    links = order.get("links") or []
    pages = [link["href"] for link in links if link.get("rel") in ("payer-action", "approve")]
    if not isinstance(order.get("id"), str):
        raise GatewayAway("an order of PayPal without its id")
    if order.get("status") == "COMPLETED":
        return Started(provider_ref=order["id"])
    if not pages:
        raise GatewayRefused(f"order {order['id']} has no page: it is {said.code(order.get('status'))}")
    return Started(provider_ref=order["id"], redirect_url=pages[0])


def _saved(order: Mapping[str, Any]) -> Saved | None:
    """What PayPal keeps from this payment, once it says so."""
    source = order.get("payment_source", {}).get("paypal", {})
    vault = source.get("attributes", {}).get("vault", {})
    if vault.get("status") != "VAULTED" or not vault.get("id"):
        return None
    return Saved(token=vault["id"], label=source.get("email_address", ""))


def _issue(answer: calls.Answered) -> str:
    """PayPal's word for what is wrong: the first detail's, else the error's own name."""
    details = answer.body.get("details")
    first = details[0] if isinstance(details, list) and details and isinstance(details[0], dict) else {}
    return said.code(first.get("issue"), answer.body.get("name"), answer.body.get("error"), answer.status)
