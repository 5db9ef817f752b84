"""Cards that Stripe keeps: what we may know of one, the payment that is taken from it, and Stripe's words for a no.

Source: payments.md 2.2; docs.stripe.com: payments/save-during-payment, declines/codes.
"""

import calendar
from datetime import date, datetime
from typing import Any

import stripe

from payments.gateways.base import PaymentState, Purchase, Saved

_BRANDS = {
    "amex": "American Express",
    "cartes_bancaires": "Cartes Bancaires",
    "diners": "Diners Club",
    "eftpos_au": "eftpos",
    "jcb": "JCB",
    "unionpay": "UnionPay",
}
_REASONS = {
    "insufficient_funds": "no_funds",
    "card_velocity_exceeded": "over_its_limit",
    "withdrawal_count_limit_exceeded": "over_its_limit",
    "amount_too_large": "over_its_limit",
    "expired_card": "expired",
    "card_not_supported": "not_supported",
    "currency_not_supported": "not_supported",
    "transaction_not_allowed": "not_supported",
    "service_not_allowed": "not_supported",
    "authentication_required": "not_confirmed",
    "payment_intent_authentication_failure": "not_confirmed",
    "processing_error": "bank_away",
    "issuer_not_available": "bank_away",
    "try_again_later": "bank_away",
}
_OPEN_UNTIL = "open_until"
_UNCONFIRMED = ("requires_payment_method", "requires_confirmation", "requires_action")
_STATES = {
    "succeeded": PaymentState.PAID,
    "processing": PaymentState.SETTLING,
    "canceled": PaymentState.FAILED,
    "requires_payment_method": PaymentState.FAILED,
}


def payment(purchase: Purchase, *, in_app: bool) -> Any:
    """Of a card that is saved: at once, without its holder, as they agreed when they saved it.

    `in_app` says that the payment stays open until its time is over, where its bank wants to see them.
    """
    until = {_OPEN_UNTIL: str(int(purchase.expires_at.timestamp()))} if in_app else {}
    return {
        "amount": purchase.amount_minor,
        "currency": purchase.currency.lower(),
        "customer": purchase.payer_ref,
        "payment_method": purchase.saved,
        "allowed_payment_method_types": ["card"],
        "off_session": True,
        "confirm": True,
        "description": purchase.title,
        "metadata": {"top_up": purchase.reference, **until},
    }


def state_of(intent: stripe.PaymentIntent) -> PaymentState:
    """Of a payment that was taken from a saved card, which has no page."""
    if waits_in_app(intent):
        return PaymentState.OPEN
    return _STATES.get(intent.status, PaymentState.OPEN)


def waits_in_app(intent: stripe.PaymentIntent) -> bool:
    """Whether its holder may still answer their bank in the app, again too where that went wrong."""
    return intent.status in _UNCONFIRMED and _OPEN_UNTIL in intent.metadata.to_dict()


def is_over(intent: stripe.PaymentIntent, *, now: datetime) -> bool:
    """Whether the time is over in which its holder could have answered."""
    until = intent.metadata.to_dict().get(_OPEN_UNTIL)
    return waits_in_app(intent) and now.timestamp() >= int(until or 0)


def wants_its_holder(error: stripe.CardError) -> bool:
    """The bank would pay, but wants to see its customer."""
    return "authentication_required" in _codes(error)


def reason_of(error: Any) -> str:
    """Of an error or of a payment's last one, in a word of declines.py."""
    codes = _codes(error) if error is not None else []
    return next((_REASONS[code] for code in codes if code in _REASONS), "declined" if codes else "")


def kept(intent: stripe.PaymentIntent | None) -> Saved | None:
    """The card that Stripe keeps from a payment whose payer agreed to it."""
    method = intent.payment_method if intent else None
    if intent is None or intent.setup_future_usage != "off_session" or not isinstance(method, stripe.PaymentMethod):
        return None
    card, customer = method.card, method.customer
    if card is None or not customer:
        return None
    brand = _BRANDS.get(card.brand, card.brand.replace("_", " ").title())
    last_day = calendar.monthrange(card.exp_year, card.exp_month)[1]
    return Saved(
        token=method.id,
        label=f"{brand} •••• {card.last4}",
        payer_ref=str(getattr(customer, "id", customer)),
        expires_on=date(card.exp_year, card.exp_month, last_day),
    )


def _codes(error: Any) -> list[str]:
    """The finer one first. An exception of the SDK has the decline's own code in its body only."""
    told = getattr(error, "error", None) or error
    found = [getattr(told, "decline_code", None), getattr(told, "code", None)]
    return [code for code in found if code]
