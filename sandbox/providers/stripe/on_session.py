"""What Stripe's SDK does in an app: it reads a payment by its client secret, confirms it, and has its holder answer.

Opened by a publishable key and the payment's own secret, as for any program in a user's hands; the SDK's parameters are
those of the API with `client_secret` beside them. Source: docs.stripe.com: payments/save-during-payment ("Start a
recovery flow"), api/payment_intents/confirm.
"""

from __future__ import annotations

import hmac
import re
from typing import Any

from . import cards, charges, forms, intents, params
from .errors import ApiError, invalid, missing
from .world import World

_PATH = re.compile(r"/v1/payment_intents/(pi_\w+)(/confirm)?")
_CONFIRMABLE = {"requires_payment_method", "requires_confirmation", "requires_action"}


def is_of_an_app(header: str) -> bool:
    return header.startswith("Bearer pk_test_")


def answer(world: World, method: str, path: str, text: str) -> dict[str, Any]:
    found, form = _PATH.fullmatch(path), forms.decode(text)
    if found is None or method != ("POST" if found[2] else "GET"):
        raise ApiError(401, "invalid_request_error", "This API call cannot be made with a publishable API key.")
    intent = world.store.get("payment_intent", found[1])
    if intent is None:
        raise missing("payment_intent", found[1], param="intent")
    secret = str(form.pop("client_secret", ""))
    if not hmac.compare_digest(secret.encode(), str(intent["client_secret"]).encode()):
        raise invalid("The client_secret provided does not match the PaymentIntent.", param="client_secret")
    if not found[2]:
        return intent
    return _confirm(world, intent, params.read("_payment_intent_confirm_params", form))


def _confirm(world: World, intent: dict[str, Any], asked: dict[str, Any]) -> dict[str, Any]:
    """Its bank is asked with its holder there, and wants to see them."""
    if intent["status"] not in _CONFIRMABLE:
        raise invalid(
            f"You cannot confirm this PaymentIntent because it has a status of {intent['status']}.",
            code="payment_intent_unexpected_state",
        )
    method = world.store.get("payment_method", asked.get("payment_method", ""))
    if method is None or method["customer"] != intent["customer"]:
        raise invalid("The payment method is not one of this PaymentIntent's customer.", param="payment_method")
    action = {"type": "use_stripe_sdk", "use_stripe_sdk": {"type": "three_d_secure_redirect"}}
    world.store.update(intent, status="requires_action", payment_method=method["id"], next_action=action)
    world.emit("payment_intent.requires_action", intent)
    return intent


def authenticate(world: World, id_: str, asked: dict[str, Any]) -> dict[str, Any]:
    """Its holder has answered the bank (`passes`), or could not."""
    intent = world.store.get("payment_intent", id_)
    if intent is None or intent["status"] != "requires_action":
        raise invalid("This PaymentIntent asks nobody.")
    method = world.store.get("payment_method", intent["payment_method"])
    assert method is not None
    if asked.get("passes", True):
        charge = charges.make(world, intent, method, None)
        intents.succeed(world, intent, method, charge["id"])
        return {"status": intent["status"]}
    code = "payment_intent_authentication_failure"
    error = {"code": code, "message": cards.MESSAGES["generic_decline"], "type": "card_error", "payment_method": method}
    intents.fail(world, intent, error, None)
    return {"status": intent["status"]}
