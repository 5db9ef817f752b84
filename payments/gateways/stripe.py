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

from payments.gateways import said, stripe_account, stripe_cards
from payments.gateways.base import (
    BadNotice,
    Declined,
    Fetched,
    GatewayAway,
    GatewayRefused,
    Line,
    NoticeFacts,
    PaidThere,
    PaymentState,
    Purchase,
    Returned,
    SavedGone,
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
_INTENTS = "pi_"
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
        publishable_key=options["publishable_key"],
    )


class StripeGateway:
    notice_headers = ("Stripe-Signature",)

    def __init__(
        self, *, secret_key: str, webhook_secrets: Sequence[str], api_base: str = "", publishable_key: str = ""
    ) -> None:
        self.publishable_key = publishable_key
        self.is_live = not secret_key.startswith(("sk_test_", "rk_test_"))
        self._webhook_secrets = [secret for secret in webhook_secrets if secret]
        self._client = stripe.StripeClient(
            secret_key,
            stripe_version=API_VERSION,
            base_addresses={"api": api_base} if api_base else {},
            max_network_retries=_RETRIES,
            http_client=stripe.RequestsClient(timeout=_TIMEOUT_S, session=_way_to(api_base or _API)),
        )

    def start(self, purchase: Purchase, *, key: str) -> Started:
        if purchase.currency in _OTHER_UNITS:
            raise GatewayRefused(f"amounts of {purchase.currency} are written otherwise at Stripe")
        return self._from_saved(purchase, key=key) if purchase.saved else self._page(purchase, key=key)

    def fetch(self, provider_ref: str) -> Fetched:
        """Read from the plain answer: this is asked for every notice, and the SDK's objects cost more than all else."""
        if provider_ref.startswith(_INTENTS):
            return self._fetch_payment(provider_ref)
        path = f"/v1/checkout/sessions/{quote(provider_ref, safe='')}"
        expand = ["payment_intent.payment_method"]
        session = _ask(lambda: self._client.raw_request("get", path, expand=expand)).data
        if not isinstance(session, dict) or session.get("object") != "checkout.session":
            raise GatewayAway("GET /v1/checkout/sessions: no session came back")
        found = session["payment_intent"]
        intent = found if isinstance(found, dict) else {}
        state = _state(session, intent.get("status", ""))
        told = _with_more_to_tell(intent)
        return Fetched(
            state=state,
            amount_minor=session["amount_total"] or 0,
            currency=(session["currency"] or "").upper(),
            reference=session["client_reference_id"] or "",
            payment_ref=intent.get("id", ""),
            is_live=session["livemode"],
            saved=stripe_cards.kept(told) if state == PaymentState.PAID else None,
            failure=stripe_cards.reason_of(told.last_payment_error) if told else "",
        )

    def find(self, purchase: Purchase) -> Started | None:
        """Among the latest payments of its customer, each of which names our top-up."""
        asked: Any = {"customer": purchase.payer_ref, "limit": 100}
        listed = _ask(lambda: self._client.v1.payment_intents.list(asked))
        named = [one.id for one in listed.data if _top_up_of(one) == purchase.reference]
        return Started(provider_ref=named[0]) if named else None

    def cancel(self, provider_ref: str) -> None:
        if provider_ref.startswith(_INTENTS):
            intent = _ask(lambda: self._client.v1.payment_intents.retrieve(provider_ref))
            if not stripe_cards.waits_in_app(intent):
                raise GatewayRefused(f"{provider_ref} was taken from a saved card")
            _ask(lambda: self._client.v1.payment_intents.cancel(provider_ref))
            return
        _ask(lambda: self._client.v1.checkout.sessions.expire(provider_ref))

    def forget(self, token: str) -> None:
        try:
            _ask(lambda: self._client.v1.payment_methods.detach(token))
        except GatewayRefused:
            if not self._is_detached(token):
                raise

    def keeps(self, token: str) -> bool:
        return not self._is_detached(token)

    def _page(self, purchase: Purchase, *, key: str) -> Started:
        """A page of Stripe's. Who has let their card be kept before is the same customer there, and finds it."""
        session = _ask(lambda: self._client.v1.checkout.sessions.create(_session(purchase), {"idempotency_key": key}))
        if not session.url:
            raise GatewayRefused(f"session {session.id} has no page: it is {said.code(session.status)}")
        return Started(redirect_url=session.url, provider_ref=session.id)

    def _from_saved(self, purchase: Purchase, *, key: str) -> Started:
        """Where the bank wants to see its customer, they answer in the app, if it can; else that payment is given up,
        and a page takes its place.
        """
        in_app = purchase.confirms_in_app and bool(self.publishable_key)
        asked = stripe_cards.payment(purchase, in_app=in_app)
        try:
            intent = _ask(lambda: self._client.v1.payment_intents.create(asked, {"idempotency_key": key}))
        except GatewayRefused as refused:
            error = refused.__cause__
            if isinstance(error, stripe.CardError) and stripe_cards.wants_its_holder(error):
                if in_app:
                    return self._in_app(error, purchase)
                self._give_up(error, purchase)
                return self._page(purchase, key=f"{key}:page")
            if isinstance(error, stripe.CardError):
                raise Declined(str(refused), reason=stripe_cards.reason_of(error)) from error
            if self._is_detached(purchase.saved):
                raise SavedGone(str(refused)) from error
            raise
        return Started(provider_ref=intent.id)

    def _give_up(self, error: stripe.CardError, purchase: Purchase) -> None:
        """Nobody can pay it any more: only the page takes money now. Any number of times."""
        ref = self._payment_of(error, purchase)
        try:
            _ask(lambda: self._client.v1.payment_intents.cancel(ref))
        except GatewayRefused:
            if _ask(lambda: self._client.v1.payment_intents.retrieve(ref)).status != "canceled":
                raise

    def _in_app(self, error: stripe.CardError, purchase: Purchase) -> Started:
        """The payment stays open for the app, which confirms it with its holder there."""
        intent = _ask(lambda: self._client.v1.payment_intents.retrieve(self._payment_of(error, purchase)))
        return Started(provider_ref=intent.id, client_secret=intent.client_secret or "")

    def _payment_of(self, error: stripe.CardError, purchase: Purchase) -> str:
        told = error.error.payment_intent if error.error else None
        return _id(told) or (found.provider_ref if (found := self.find(purchase)) else "")

    def _fetch_payment(self, ref: str) -> Fetched:
        intent = _ask(lambda: self._client.v1.payment_intents.retrieve(ref))
        state = stripe_cards.state_of(intent)
        if state == PaymentState.OPEN and stripe_cards.is_over(intent, now=datetime.now(UTC)):
            # A payment has no end of its own, as a page has: nobody can pay it any more.
            _ask(lambda: self._client.v1.payment_intents.cancel(ref))
            state = PaymentState.EXPIRED
        return Fetched(
            state=state,
            amount_minor=intent.amount,
            currency=intent.currency.upper(),
            reference=_top_up_of(intent),
            payment_ref=intent.id,
            is_live=intent.livemode,
            failure=stripe_cards.reason_of(intent.last_payment_error),
        )

    def _is_detached(self, token: str) -> bool:
        try:
            return not _ask(lambda: self._client.v1.payment_methods.retrieve(token)).customer
        except GatewayRefused as refused:
            error = refused.__cause__
            return isinstance(error, stripe.InvalidRequestError) and error.code == "resource_missing"

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
        named = about in ("warning", "saved") or subject.get("object") in ("checkout.session", "payment_intent")
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


def _session(purchase: Purchase) -> Any:
    taken: dict[str, Any] = {"metadata": {"top_up": purchase.reference}, "description": purchase.title}
    payer: dict[str, Any] = {}
    if purchase.saves:
        taken["setup_future_usage"] = "off_session"
        payer = {"customer_creation": "always"}
    if purchase.payer_ref:
        known = {"allow_redisplay_filters": ["always", "limited"]}  # ours are limited: shown where we ask for them
        payer = {"customer": purchase.payer_ref, "saved_payment_method_options": known}
    return {
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
        "payment_intent_data": taken,
        "success_url": purchase.return_url,
        "cancel_url": purchase.cancel_url,
        "expires_at": int(purchase.expires_at.timestamp()),
        "locale": purchase.language if purchase.language in _LOCALES else "auto",
        **payer,
    }


def _about(kind: str) -> str:
    if kind in _CONFIRMING:
        return "payment"
    if kind in _ABOUT_RETURNS:
        return "return"
    if kind == "payment_method.detached":
        return "saved"
    return "warning" if kind.startswith(_WARNINGS) else ""


def _way_to(base: str) -> requests.Session:
    """The way to Stripe is read from the environment once, not for each call."""
    session = requests.Session()
    session.proxies.update(requests.utils.get_environ_proxies(base))
    session.trust_env = False
    return session


def _with_more_to_tell(intent: Mapping[str, Any]) -> stripe.PaymentIntent | None:
    """A payment that keeps a card, or was refused; of others there is nothing more to read."""
    if intent.get("setup_future_usage") or intent.get("last_payment_error"):
        return stripe.PaymentIntent.construct_from(dict(intent), None)
    return None


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


def _top_up_of(intent: stripe.PaymentIntent) -> str:
    return str(intent.metadata.to_dict().get("top_up", ""))


def _id(found: Any) -> str:
    """Of an object, or the id that stands in its place where it was not expanded."""
    return str(getattr(found, "id", found) or "")


def _ask(call: Callable[[], Answer]) -> Answer:
    """The SDK's errors, as far as they differ for us: may it be asked again, or not."""
    try:
        return call()
    except (stripe.APIConnectionError, stripe.RateLimitError) as error:
        raise GatewayAway(_told(error)) from error
    except stripe.StripeError as error:
        # Below 400 it is an answer that nobody can read: what was asked for may have been done.
        if error.http_status is None or not 400 <= error.http_status < 500 or error.http_status == 409:
            raise GatewayAway(_told(error)) from error
        raise GatewayRefused(_told(error)) from error


def _told(error: stripe.StripeError) -> str:
    """Its kind, status and code: Stripe's sentence names the token that it is about, or who would not pay."""
    body = error.error
    found = (getattr(body, "decline_code", None), error.code)
    codes = " ".join(said.code(one) for one in found if one)
    return f"Stripe: {type(error).__name__} {error.http_status or ''} {codes}".strip()
