"""Apple's App Store by its own library: StoreKit 2 transactions, App Store Server Notifications V2 and its Server API.

The app buys a consumable with our account as `appAccountToken` and hands in the transaction that Apple signed. What
became of it is asked of Apple's server, whose answer is signed likewise. Source: payments.md 3.1.
"""

import json
import logging
import re
from base64 import b64decode
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from fractions import Fraction
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

import requests
from appstoreserverlibrary.api_client import APIException, AppStoreServerAPIClient
from appstoreserverlibrary.models.ConsumptionRequest import ConsumptionRequest
from appstoreserverlibrary.models.DeliveryStatus import DeliveryStatus
from appstoreserverlibrary.models.Environment import Environment
from appstoreserverlibrary.models.JWSTransactionDecodedPayload import JWSTransactionDecodedPayload as Transaction
from appstoreserverlibrary.models.NotificationHistoryRequest import NotificationHistoryRequest
from appstoreserverlibrary.models.RefundPreference import RefundPreference
from appstoreserverlibrary.signed_data_verifier import SignedDataVerifier, VerificationException, VerificationStatus
from cattrs import BaseValidationError
from cryptography.hazmat.primitives import serialization

from payments.gateways import calls
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

log = logging.getLogger(__name__)

ROOT = Path(__file__).parent / "apple_roots" / "AppleRootCA-G3.cer"
WHOLE = 100_000
"""A hundred percent in Apple's thousandths of a percent."""

_HISTORY, _SOON = timedelta(days=179), timedelta(minutes=1)
# Xcode and LocalTesting are not among them: the library checks no signature there.
_ENVIRONMENTS = {"Production": Environment.PRODUCTION, "Sandbox": Environment.SANDBOX}
_TRANSACTION_ID = re.compile(r"\d{1,20}", re.ASCII)
_ABOUT = {
    "ONE_TIME_CHARGE": "payment",
    "REFUND": "return",
    "REFUND_REVERSED": "return",
    "REVOKE": "return",
    "CONSUMPTION_REQUEST": "use",
}
_REASONS = {
    VerificationStatus.INVALID_APP_IDENTIFIER: "other_app",
    VerificationStatus.INVALID_ENVIRONMENT: "test_purchase",
}
_UNREADABLE = (BaseValidationError, ValueError, TypeError, KeyError, AttributeError)

Answer = TypeVar("Answer")


def build(options: Mapping[str, Any]) -> "AppleGateway":
    return AppleGateway(
        bundle_id=options["bundle_id"],
        app_id=int(options["app_id"]),
        issuer_id=options["issuer_id"],
        key_id=options["key_id"],
        private_key=options["private_key"],
        environment=options["environment"],
        api_base=options["api_base"],
        root_certificate=options["root_certificate"],
    )


class AppleGateway:
    """`private_key` (ours, of App Store Connect) is base64 of DER: its .p8 file without the first and last line.

    `root_certificate`, base64 of DER, is a test system's own instead of Apple's. Raises ValueError for an environment
    in which nothing is signed.
    """

    notice_headers = ()

    def __init__(
        self,
        *,
        bundle_id: str,
        app_id: int,
        issuer_id: str,
        key_id: str,
        private_key: str,
        environment: str,
        api_base: str = "",
        root_certificate: str = "",
    ) -> None:
        if environment not in _ENVIRONMENTS:
            raise ValueError(f"{environment!r} is not an environment in which Apple signs")
        here = _ENVIRONMENTS[environment]
        self.is_live = here == Environment.PRODUCTION and not api_base and not root_certificate
        roots = [b64decode(root_certificate) if root_certificate else ROOT.read_bytes()]
        # Whether Apple has revoked a certificate is asked of Apple, which knows nothing of a test system's.
        self._verifier = SignedDataVerifier(roots, not root_certificate, here, bundle_id, app_id)
        self._client = _Client(_pem(private_key), key_id, issuer_id, bundle_id, here, base=api_base)

    def start(self, purchase: Purchase, *, key: str) -> Started:
        raise GatewayRefused("a purchase in the App Store is started by the app")

    def purchase_of(self, proof: str) -> str:
        found = self._read(self._verifier.verify_and_decode_signed_transaction, proof)
        if not found.transactionId:
            raise BadProof("a transaction without its id", reason="unreadable")
        return str(found.transactionId)

    def fetch(self, provider_ref: str) -> Fetched:
        found = self._transaction(provider_ref)
        (price, currency), back = _price(found), _share(found)
        return Fetched(
            state=PaymentState.FAILED if back == 1 else PaymentState.PAID,
            amount_minor=price,
            currency=currency,
            reference=(found.appAccountToken or "").lower(),
            payment_ref=provider_ref,
            is_live=self.is_live,
            product_id=found.productId or "",
            quantity=found.quantity or 1,
            is_partly_back=0 < back < 1,
        )

    def revoked(self, payment_ref: str) -> list[Revoked]:
        found = self._transaction(payment_ref)
        share = _share(found)
        if not share:
            return []
        why = "app_issue" if found.rawRevocationReason == 1 else "other"
        return [Revoked(_revocation(found), "refund", share, _from_ms(found.revocationDate), why)]

    def lines_of(self, paid: PaidThere) -> list[Line]:
        """Of Apple's history of what it told about the purchase, which also has what was reversed.

        Apple's commission, and what it pays out, stand in its reports alone.
        """
        bought, ref = self._transaction(paid.payment_ref), paid.payment_ref
        price, currency = _price(bought)
        at = _from_ms(bought.purchaseDate)
        lines = [Line(ref, LineKind.PAYMENT, at, price, 0, currency, payment_ref=ref, subject=ref)]
        stands: Line | None = None
        for kind, told_at, then in self._told_of(ref, since=at):
            subject, amount = _revocation(then), int(price * _share(then))
            if stands is not None and (kind == "REFUND_REVERSED" or subject != stands.subject):
                back = replace(stands, ref=f"{stands.subject}:back", kind=LineKind.REFUND_FAILED, at=told_at)
                lines.append(replace(back, amount_minor=-stands.amount_minor))
                stands = None
            if stands is None and kind != "REFUND_REVERSED" and amount:
                stands = Line(subject, LineKind.REFUND, told_at, -amount, 0, currency, payment_ref=ref, subject=subject)
                lines.append(stands)
        return lines

    def tell_use(self, payment_ref: str, *, used: Fraction) -> None:
        wish = RefundPreference.DECLINE if used == 1 else RefundPreference.GRANT_PRORATED
        told = ConsumptionRequest(
            customerConsented=True,
            sampleContentProvided=False,
            deliveryStatus=DeliveryStatus.DELIVERED,
            consumptionPercentage=int(used * WHOLE),
            refundPreference=wish if used else RefundPreference.GRANT_FULL,
        )
        _ask(lambda: self._client.send_consumption_information(payment_ref, told))

    def parse_notice(self, headers: Mapping[str, str], raw: bytes, *, path: str, now: datetime) -> NoticeFacts:
        try:
            signed = json.loads(raw)["signedPayload"]
            told = self._read(self._verifier.verify_and_decode_notification, signed)
            about = _ABOUT.get(told.rawNotificationType or "", "")
            inner = told.data.signedTransactionInfo if about and told.data else None
            bought = self._read(self._verifier.verify_and_decode_signed_transaction, inner) if inner else None
            event_id = told.notificationUUID
            if not isinstance(event_id, str):
                raise TypeError("a notice without its id")
        except BadProof as bad:
            reason = "other_account" if bad.reason == "other_app" else bad.reason
            raise BadNotice(str(bad), reason=reason) from bad
        except (ValueError, KeyError, TypeError) as error:
            raise BadNotice("not a notice of Apple's", reason="unreadable") from error
        ref = str(bought.transactionId) if bought else ""
        return NoticeFacts(
            event_id=event_id[:255],
            kind=str(told.rawNotificationType)[:96],
            provider_ref=ref,
            reference="",
            about=about if ref else "",
            payment_ref=ref if about in ("return", "use") else "",
        )

    def untold(self, *, since: datetime, until: datetime) -> Iterator[tuple[NoticeFacts, bytes]]:
        """From Apple's history: those that did not reach us, also while Apple still tries."""
        for signed in self._history(startDate=_ms(since), endDate=_ms(until), onlyFailures=True):
            raw = calls.compact({"signedPayload": signed})
            try:
                yield self.parse_notice({}, raw, path="", now=until), raw
            except BadNotice as bad:
                log.error("a notice of Apple's history is not Apple's: %s", bad)

    def _told_of(self, transaction_id: str, *, since: datetime) -> list[tuple[str, datetime, Transaction]]:
        """What Apple told of refunds of one transaction, in order, each with the transaction as it was then."""
        found, now = [], datetime.now(UTC)
        begin, end = _ms(max(since, now - _HISTORY)), _ms(now + _SOON)
        for signed in self._history(startDate=begin, endDate=end, transactionId=transaction_id):
            try:
                told = self._read(self._verifier.verify_and_decode_notification, signed)
                inner = told.data.signedTransactionInfo if told.data else None
                if _ABOUT.get(told.rawNotificationType or "") != "return":
                    continue
                then = self._read(self._verifier.verify_and_decode_signed_transaction, inner)
            except BadProof as bad:
                raise GatewayRefused(f"Apple's history is not signed for us: {bad}") from bad
            if then.transactionId == transaction_id:  # it has the customer's others too
                found.append((str(told.rawNotificationType), _from_ms(told.signedDate), then))
        return sorted(found, key=lambda one: one[1])

    def _history(self, **asked: Any) -> Iterator[str]:
        request, page = NotificationHistoryRequest(**asked), None
        while True:
            found = _ask(partial(self._client.get_notification_history, page, request))
            for item in found.notificationHistory or []:
                yield str(item.signedPayload)
            page = found.paginationToken
            if not found.hasMore or not page:
                return

    def _transaction(self, transaction_id: str) -> Transaction:
        if not _TRANSACTION_ID.fullmatch(transaction_id):
            raise NoSuchPurchase("not an id of a transaction")
        answer = _ask(lambda: self._client.get_transaction_info(transaction_id))
        try:
            found = self._read(self._verifier.verify_and_decode_signed_transaction, answer.signedTransactionInfo)
        except BadProof as bad:
            raise NoSuchPurchase(f"Apple's answer is not signed for us: {bad}") from bad
        if found.transactionId != transaction_id:
            raise NoSuchPurchase("Apple's answer is about another transaction")
        return found

    def _read(self, decode: Callable[[str], Answer], signed: object) -> Answer:
        """What Apple signed. Raises BadProof, and GatewayAway where Apple does not say now whether its key is valid."""
        if not isinstance(signed, str):
            raise BadProof("nothing signed", reason="unreadable")
        try:
            return decode(signed)
        except VerificationException as error:
            if error.status == VerificationStatus.RETRYABLE_VERIFICATION_FAILURE:
                raise GatewayAway("Apple does not say whether its certificate is valid") from error
            raise BadProof(f"not signed by Apple for this app: {error.status.name}", reason=_reason(error)) from error
        except _UNREADABLE as error:
            raise BadProof(f"signed, but can't be read: {type(error).__name__}", reason="unreadable") from error


class _Client(AppStoreServerAPIClient):
    """Apple's own, bounded in time, at an address of its own where a test system is asked."""

    def __init__(self, *given: Any, base: str) -> None:
        super().__init__(*given)
        self._base_url = base or self._base_url

    def _execute_request(self, method: str, url: str, params: Any, headers: Any, json: Any, data: Any) -> Any:
        return requests.request(
            method,
            url,
            params=params,
            headers=headers,
            json=json,
            data=data,
            timeout=calls.TIMEOUT_S,
            allow_redirects=False,
        )


def _ask(question: Callable[[], Answer]) -> Answer:
    """Raises GatewayAway, GatewayRefused."""
    try:
        return question()
    except APIException as error:
        told = f"App Store: {error.http_status_code} {error.raw_api_error or ''}".strip()
        if error.http_status_code >= 500 or error.http_status_code == 429:
            raise GatewayAway(told) from error
        raise (NoSuchPurchase if error.http_status_code == 404 else GatewayRefused)(told) from error
    except (requests.RequestException, OSError) as error:
        raise GatewayAway(f"App Store: {type(error).__name__}") from error
    except _UNREADABLE as error:
        raise GatewayAway(f"App Store: an answer that can't be read: {type(error).__name__}") from error


def _price(found: Transaction) -> tuple[int, str]:
    """In minor units; Apple counts in thousandths of the unit. 0 where it does not say."""
    currency = found.currency or ""
    return (found.price or 0) * 10 ** exponent(currency) // 1000, currency


def _revocation(found: Transaction) -> str:
    """One refund of a transaction: it may be reversed, and refunded again."""
    return f"{found.transactionId}:{found.revocationDate}"


def _share(found: Transaction) -> Fraction:
    """How much of it is taken back now: 0 to 1."""
    if not found.revocationDate:
        return Fraction(0)
    if found.rawRevocationType == "REFUND_PRORATED" and found.revocationPercentage is not None:
        return min(Fraction(1), Fraction(max(0, found.revocationPercentage), WHOLE))
    return Fraction(1)


def _reason(error: VerificationException) -> str:
    return _REASONS.get(error.status, "signature")


def _ms(at: datetime) -> int:
    return int(at.timestamp()) * 1000


def _from_ms(ms: int | None) -> datetime:
    return datetime.fromtimestamp((ms or 0) / 1000, UTC)


def _pem(private_key: str) -> bytes:
    key = serialization.load_der_private_key(b64decode(private_key), password=None)
    form = serialization.PrivateFormat.PKCS8
    return key.private_bytes(serialization.Encoding.PEM, form, serialization.NoEncryption())
