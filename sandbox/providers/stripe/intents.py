"""PaymentIntents: made when a payer first tries a card on the hosted page, as Checkout does, or from a saved card."""

from __future__ import annotations

import hashlib
from typing import Any

from . import cards, ids
from .cards import Entered, TestCard
from .world import World


def open_for(world: World, session: dict[str, Any]) -> dict[str, Any]:
    """The session's payment intent, made at the first try."""
    if session["payment_intent"]:
        found = world.store.get("payment_intent", session["payment_intent"])
        if found is not None:
            return found
    data = world.store.kept(session["id"]).get("payment_intent_data", {})
    shared = ("allowed_payment_method_types", "currency", "customer", "payment_method_types")
    body = make(world, {"amount": session["amount_total"], **data, **{name: session[name] for name in shared}})
    world.store.update(session, payment_intent=body["id"])
    world.emit("payment_intent.created", body)
    return body


def make(world: World, asked: dict[str, Any]) -> dict[str, Any]:
    id_ = ids.new("pi")
    body = {
        "id": id_,
        "object": "payment_intent",
        "allowed_payment_method_types": asked.get("allowed_payment_method_types"),
        "amount": asked["amount"],
        "amount_capturable": 0,
        "amount_details": {"tip": {}},
        "amount_received": 0,
        "application": None,
        "application_fee_amount": None,
        "automatic_payment_methods": None,
        "canceled_at": None,
        "cancellation_reason": None,
        "capture_method": "automatic_async",
        "client_secret": f"{id_}_secret_{ids.text(25)}",
        "confirmation_method": "automatic",
        "created": world.now(),
        "currency": asked["currency"],
        "customer": asked.get("customer"),
        "customer_account": None,
        "description": asked.get("description"),
        "excluded_payment_method_types": None,
        "last_payment_error": None,
        "latest_charge": None,
        "livemode": False,
        "metadata": asked.get("metadata") or {},
        "next_action": None,
        "on_behalf_of": None,
        "payment_method": None,
        "payment_method_configuration_details": None,
        "payment_method_options": {
            "card": {
                "installments": None,
                "mandate_options": None,
                "network": None,
                "request_three_d_secure": "automatic",
            }
        },
        "payment_method_types": asked.get("payment_method_types", ["card"]),
        "processing": None,
        "receipt_email": asked.get("receipt_email"),
        "review": None,
        "setup_future_usage": asked.get("setup_future_usage"),
        "shipping": None,
        "source": None,
        "statement_descriptor": asked.get("statement_descriptor"),
        "statement_descriptor_suffix": asked.get("statement_descriptor_suffix"),
        "status": "requires_payment_method",
        "transfer_data": None,
        "transfer_group": asked.get("transfer_group"),
    }
    world.store.insert("payment_intent", body)
    return body


def payment_method(world: World, entered: Entered, payer: dict[str, Any]) -> dict[str, Any]:
    id_ = ids.new("pm")
    body = {
        "id": id_,
        "object": "payment_method",
        "allow_redisplay": "limited",
        "billing_details": payer,
        "card": {**entered.details(), "fingerprint": fingerprint(entered.card)},
        "created": world.now(),
        "customer": None,
        "livemode": False,
        "metadata": {},
        "type": "card",
    }
    world.store.insert("payment_method", body)
    world.store.keep(id_, {"card": cards.name_of(entered.card)})
    return body


def fingerprint(card: TestCard) -> str:
    """The same for the same card, whoever saves it."""
    return hashlib.sha256(card.number.encode()).hexdigest()[:16]


def ask_to_authenticate(world: World, intent: dict[str, Any], method: dict[str, Any], url: str) -> None:
    action = {"type": "redirect_to_url", "redirect_to_url": {"url": url, "return_url": None}}
    world.store.update(intent, status="requires_action", payment_method=method["id"], next_action=action)
    world.emit("payment_intent.requires_action", intent)


def fail(world: World, intent: dict[str, Any], error: dict[str, Any], charge: str | None) -> None:
    world.store.update(
        intent,
        status="requires_payment_method",
        payment_method=None,
        next_action=None,
        latest_charge=charge,
        last_payment_error=error,
    )
    world.emit("payment_intent.payment_failed", intent)


def succeed(world: World, intent: dict[str, Any], method: dict[str, Any], charge: str) -> None:
    world.store.update(
        intent,
        status="succeeded",
        amount_received=intent["amount"],
        payment_method=method["id"],
        next_action=None,
        latest_charge=charge,
        last_payment_error=None,
    )
    world.emit("payment_intent.succeeded", intent)
