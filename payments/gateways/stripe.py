"""Stripe Checkout by stripe-python: a hosted page, so that no card number or bank account ever comes near us.

The API version is pinned, with the parameters and answers that were tried against it. Idempotency keys are made of our
own ids. Source: payments.md 2.
"""

import json
import logging
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, TypeVar
from urllib.parse import quote

import requests
import stripe

from payments.gateways import stripe_account
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
    Started,
    Warned,
)

API_VERSION = "2026-10-28.endive"
NOTICE_TOLERANCE_S = 300
"""How far a notice's own time may be from ours, either way."""

_API = stripe.DEFAULT_API_BASE
_TIMEOUT_S = 8
_RETRIES = 1
_CONFIRMING = {
    "checkout.session.completed",
    "checkout.session.async_payment_succeeded",
    "checkout.session.async_payment_failed",
    "checkout.session.expired",
    "payment_intent.succeeded",
}
_ABOUT_RETURNS = {
    "refund.created",
    "refund.updated",
    "refund.failed",
    "charge.dispute.created",
    "charge.dispute.updated",
    "charge.dispute.funds_withdrawn",
    "charge.dispute.funds_reinstated",
    "charge.dispute.closed",
}
_WARNINGS = "radar.early_fraud_warning."
_TYPES = {"card": "card", "direct_debit": "us_bank_account"}
# Here Stripe counts in other units than ISO 4217 does; no market of ours needs them, so they are refused, not guessed.
_OTHER_UNITS = {"ISK", "MGA", "MRU", "UGX"}
# Languages of Stripe's page that our markets speak; any other is left to the browser.
_LOCALES = {"ar", "de", "en", "es", "fr", "id", "it", "ja", "ko", "ms", "pl", "pt-BR", "th", "tr", "vi"}

Answer = TypeVar("Answer")
logging.getLogger("stripe").setLevel(logging.WARNING)  # it tells of every request


def build(options: Mapping[str, Any]) -> "StripeGateway":
    return StripeGateway(
        secret_key=options["secret_key"],
        webhook_secrets=options["webhook_secrets"].split(","),
        api_base=options["api_base"],
    )


class StripeGateway:
    notice_headers = ("Stripe-Signature",)

    def __init__(self, *, secret_key: str, webhook_secrets: Sequence[str], api_base: str = "") -> None:
        self.is_live = not secret_key.startswith(("sk_test_", "rk_test_"))
        self._webhook_secrets = [secret for secret in webhook_secrets if secret]
        self._client = stripe.StripeClient(
            secret_key,
            stripe_version=API_VERSION,
            base_addresses={"api": api_base} if api_base else {},
            max_network_retries=_RETRIES,
            http_client=stripe.RequestsClient(timeout=_TIMEOUT_S, session=_session(api_base or _API)),
        )

    def start(self, purchase: Purchase, *, key: str) -> Started:
        if purchase.currency in _OTHER_UNITS:
            raise GatewayRefused(f"amounts of {purchase.currency} are written otherwise at Stripe")
        asked: Any = {
            "mode": "payment",
            "line_items": [
                {
                    "price_data": {
                        "currency": purchase.currency.lower(),
                        "unit_amount": purchase.amount_minor,
                        "product_data": {"name": purchase.title},
                    },
                    "quantity": 1,
                }
            ],
            "allowed_payment_method_types": [_TYPES[purchase.method]],
            "client_reference_id": purchase.reference,
            "metadata": {"top_up": purchase.reference},
            "payment_intent_data": {"metadata": {"top_up": purchase.reference}, "description": purchase.title},
            "success_url": purchase.return_url,
            "cancel_url": purchase.cancel_url,
            "expires_at": int(purchase.expires_at.timestamp()),
            "locale": purchase.language if purchase.language in _LOCALES else "auto",
        }
        session = _ask(lambda: self._client.v1.checkout.sessions.create(asked, {"idempotency_key": key}))
        if not session.url:
            raise GatewayRefused(f"session {session.id} has no page: it is {session.status}")
        return Started(redirect_url=session.url, provider_ref=session.id)

    def fetch(self, provider_ref: str) -> Fetched:
        """Read from the plain answer: this is asked for every notice, and the SDK's objects cost more than all else."""
        path = f"/v1/checkout/sessions/{quote(provider_ref, safe='')}"
        session = _ask(lambda: self._client.raw_request("get", path, expand=["payment_intent"])).data
        if not isinstance(session, dict) or session.get("object") != "checkout.session":
            raise GatewayAway(f"GET {path}: no session came back")
        found = session["payment_intent"]
        intent = found if isinstance(found, dict) else {}
        return Fetched(
            state=_state(session, intent.get("status", "")),
            amount_minor=session["amount_total"] or 0,
            currency=(session["currency"] or "").upper(),
            reference=session["client_reference_id"] or "",
            payment_ref=intent.get("id", ""),
            is_live=session["livemode"],
        )

    def warning(self, ref: str) -> Warned:
        expand: Any = {"expand": ["charge"]}
        found = _ask(lambda: self._client.v1.radar.early_fraud_warnings.retrieve(ref, expand))
        charge = found.charge
        if not isinstance(charge, stripe.Charge):
            raise GatewayRefused(f"{ref} came without its charge")
        return Warned(
            payment_ref=_id(charge.payment_intent),
            amount_minor=charge.amount,
            currency=charge.currency.upper(),
            reason=found.fraud_type,
            status="actionable" if found.actionable else "not_actionable",
            opened_at=datetime.fromtimestamp(found.created, UTC),
        )

    def parse_notice(self, headers: Mapping[str, str], raw: bytes, *, path: str, now: datetime) -> NoticeFacts:
        self._check_signature(headers.get("Stripe-Signature", ""), raw, now=now)
        try:
            event = json.loads(raw)
            subject, kind, event_id = event["data"]["object"], event["type"], event["id"]
            if not (isinstance(kind, str) and isinstance(event_id, str) and isinstance(subject, dict)):
                raise TypeError
        except (ValueError, KeyError, TypeError) as error:
            raise BadNotice("not an event of Stripe", reason="unreadable") from error
        metadata: Any = subject.get("metadata")
        repeated = metadata.get("top_up") if isinstance(metadata, dict) else None
        about = _about(kind)
        named = about == "warning" or subject.get("object") == "checkout.session"
        return NoticeFacts(
            event_id=event_id[:255],
            kind=kind[:96],
            provider_ref=str(subject.get("id") or "")[:255] if named else "",
            reference=str(subject.get("client_reference_id") or repeated or "")[:255],
            about=about,
            payment_ref=str(subject.get("payment_intent") or "")[:255] if about == "return" else "",
        )

    def refund(self, paid: PaidThere, *, amount_minor: int, currency: str, reference: str, key: str) -> Returned:
        asked: Any = {"payment_intent": paid.payment_ref, "amount": amount_minor, "metadata": {"withdrawal": reference}}
        return stripe_account.returned(_ask(lambda: self._client.v1.refunds.create(asked, {"idempotency_key": key})))

    def returns_of(self, paid: PaidThere) -> list[Returned]:
        asked: Any = {"payment_intent": paid.payment_ref, "limit": 100}
        refunds = _ask(lambda: list(self._client.v1.refunds.list(asked).auto_paging_iter()))
        disputes = _ask(lambda: list(self._client.v1.disputes.list(asked).auto_paging_iter()))
        return [stripe_account.returned(one) for one in refunds] + [
            stripe_account.disputed(one) for one in disputes if one.status not in stripe_account.WITHOUT_MONEY
        ]

    def lines(self, *, since: datetime, until: datetime) -> Iterator[Line]:
        # Stripe counts whole seconds: this very one belongs to what has happened.
        created = {"gte": int(since.timestamp()), "lte": int(until.timestamp())}
        asked: Any = {"created": created, "limit": 100, "expand": ["data.source"]}
        for line in _ask(lambda: list(self._client.v1.balance_transactions.list(asked).auto_paging_iter())):
            yield stripe_account.line(line)

    def _check_signature(self, header: str, raw: bytes, *, now: datetime) -> None:
        """By any of our secrets, while one replaces another. The SDK itself would take a time in the future."""
        try:
            parts = dict(part.split("=", 1) for part in header.split(",") if part.startswith("t="))
            at, text = int(parts["t"]), raw.decode()
        except (KeyError, ValueError) as error:
            raise BadNotice("no readable Stripe-Signature, or a body that is no text", reason="signature") from error
        if abs(now.timestamp() - at) > NOTICE_TOLERANCE_S:
            raise BadNotice(f"its time is {at}, ours {now.timestamp():.0f}", reason="time")
        for secret in self._webhook_secrets:
            try:
                stripe.WebhookSignature.verify_header(text, header, secret)
            except stripe.SignatureVerificationError:
                continue
            return
        raise BadNotice("not signed by Stripe", reason="signature")


def _about(kind: str) -> str:
    if kind in _CONFIRMING:
        return "payment"
    if kind in _ABOUT_RETURNS:
        return "return"
    return "warning" if kind.startswith(_WARNINGS) else ""


def _session(base: str) -> requests.Session:
    """The way to Stripe is read from the environment once, not for each call."""
    session = requests.Session()
    session.proxies.update(requests.utils.get_environ_proxies(base))
    session.trust_env = False
    return session


def _state(session: Mapping[str, Any], intent_status: str) -> PaymentState:
    if session["payment_status"] == "paid":
        return PaymentState.PAID
    if session["status"] == "expired":
        return PaymentState.EXPIRED
    if session["status"] == "complete" and intent_status in ("requires_payment_method", "canceled"):
        return PaymentState.FAILED  # a debit that was accepted first and bounced later
    if session["status"] == "complete":
        return PaymentState.SETTLING  # a debit takes days, and may bounce
    return PaymentState.OPEN


def _id(found: Any) -> str:
    """Of an object, or the id that stands in its place where it was not expanded."""
    return str(getattr(found, "id", found) or "")


def _ask(call: Callable[[], Answer]) -> Answer:
    """The SDK's errors, as far as they differ for us: may it be asked again, or not."""
    try:
        return call()
    except (stripe.APIConnectionError, stripe.RateLimitError) as error:
        raise GatewayAway(str(error)) from error
    except stripe.StripeError as error:
        if error.http_status is None or error.http_status >= 500 or error.http_status == 409:
            raise GatewayAway(str(error)) from error
        raise GatewayRefused(str(error)) from error
