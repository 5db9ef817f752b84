"""Payments from a card that a customer keeps: made and confirmed in one call, while its holder is away.

Source: docs.stripe.com: payments/save-during-payment, testing (3D Secure), declines/codes.
"""

from __future__ import annotations

from typing import Any

from . import cards, charges, customers, intents
from .errors import ApiError, invalid, missing
from .world import Call, World

ASKS_ITS_HOLDER = "Your card was declined. This transaction requires authentication."
_GONE = (
    "The provided PaymentMethod was previously used with a PaymentIntent without Customer attachment, shared with a "
    "connected account without Customer attachment, or was detached from a Customer. It may not be used again. To use "
    "a PaymentMethod multiple times, you must attach it to a Customer first."
)
_CANCELABLE = {"requires_payment_method", "requires_confirmation", "requires_action", "requires_capture", "processing"}


def create(world: World, asked: dict[str, Any], call: Call) -> dict[str, Any] | ApiError:
    """The payment; or its refusal, which is an answer too: the payment and its failed charge stay."""
    method = _method(world, asked)
    intent = intents.make(world, asked)
    world.emit("payment_intent.created", intent, call)
    reason = world.store.kept(method["id"]).get("declines") or _of_the_card(world, method)
    if reason is None:
        charge = charges.make(world, intent, method, None)
        if world.store.kept(method["id"]).get("is_slow"):
            world.store.update(intent, status="processing", payment_method=method["id"])
            return intent
        intents.succeed(world, intent, method, charge["id"])
        return intent
    charge = charges.make(world, intent, method, reason)
    asks = reason == "authentication_required"
    code = reason if asks or reason in ("expired_card", "processing_error") else "card_declined"
    message = ASKS_ITS_HOLDER if asks else cards.MESSAGES.get(reason, cards.MESSAGES["generic_decline"])
    error = {"charge": charge["id"], "code": code, "decline_code": reason, "message": message, "type": "card_error"}
    intents.fail(world, intent, {**error, "payment_method": method}, charge["id"])
    more = {"charge": charge["id"], "decline_code": reason, "payment_intent": intent, "payment_method": method}
    return ApiError(402, "card_error", message, code=code, **more)


def cancel(world: World, asked: dict[str, Any], call: Call, id_: str) -> dict[str, Any]:
    intent = world.store.get("payment_intent", id_)
    if intent is None:
        raise missing("payment_intent", id_, param="intent")
    if intent["status"] not in _CANCELABLE:
        raise invalid(
            "You cannot cancel this PaymentIntent because it has a status of "
            f"{intent['status']}. Only a PaymentIntent with one of the following statuses may be canceled: "
            f"{', '.join(sorted(_CANCELABLE))}.",
            code="payment_intent_unexpected_state",
        )
    why = asked.get("cancellation_reason")
    world.store.update(intent, status="canceled", canceled_at=world.now(), cancellation_reason=why)
    world.emit("payment_intent.canceled", intent, call)
    return intent


def attach(world: World, asked: dict[str, Any], call: Call, id_: str) -> dict[str, Any]:
    customers.must_exist(world, asked["customer"])
    method = _found(world, id_)
    if method["customer"] not in (None, asked["customer"]):
        raise invalid("The payment method you provided has already been attached to a customer.")
    return keep_for(world, method, asked["customer"], call)


def detach(world: World, asked: dict[str, Any], call: Call, id_: str) -> dict[str, Any]:
    method = _found(world, id_)
    if method["customer"] is None:
        raise invalid("The payment method you provided is not attached to a customer so detachment is impossible.")
    was = method["customer"]
    world.store.update(method, customer=None)
    world.emit("payment_method.detached", method, call, customer=was)
    return method


def keep_for(world: World, method: dict[str, Any], customer: str, call: Call | None = None) -> dict[str, Any]:
    """The card is the customer's from now on."""
    world.store.update(method, customer=customer)
    world.emit("payment_method.attached", method, call)
    return method


def kept_for(world: World, session: dict[str, Any]) -> list[dict[str, Any]]:
    """The cards that a page offers to a customer who comes again: those that the session's filter lets through."""
    options = session["saved_payment_method_options"] or {}
    if not session["customer"]:
        return []
    shown = options.get("allow_redisplay_filters") or ["always"]
    mine = "json_extract(body, '$.customer') = ? AND json_extract(body, '$.type') = 'card'"
    found = world.store.find("payment_method", where=mine, values=(session["customer"],), tail="ORDER BY seq DESC")
    return [method for method in found if method["allow_redisplay"] in shown]


def control(world: World, id_: str, asked: dict[str, Any]) -> dict[str, Any]:
    """From now on its bank declines it (`declines`: the code), or takes its time (`is_slow`)."""
    _found(world, id_)
    kept = {name: asked.get(name) for name in ("declines", "is_slow")}
    world.store.keep(id_, {**world.store.kept(id_), **kept})
    return kept


def _method(world: World, asked: dict[str, Any]) -> dict[str, Any]:
    """The card, where its customer is named and still keeps it."""
    _only_off_session(asked)
    method = world.store.get("payment_method", asked["payment_method"])
    if method is None:
        raise missing("PaymentMethod", asked["payment_method"], param="payment_method", status=400)
    if "customer" in asked:
        customers.must_exist(world, asked["customer"])
    if method["customer"] is None:
        raise invalid(_GONE, param="payment_method")
    if method["customer"] != asked.get("customer"):
        raise invalid(
            f"The payment method {method['id']} belongs to Customer {method['customer']}. Please include the Customer "
            "in the `customer` parameter on the PaymentIntent.",
            param="payment_method",
        )
    return method


def _only_off_session(asked: dict[str, Any]) -> None:
    if not asked.get("confirm"):
        if "off_session" in asked:
            raise invalid("`off_session` can only be used with `confirm=true`.", param="off_session")
        raise invalid("This stand-in knows confirm=true only.", param="confirm")
    if not asked.get("off_session"):
        raise invalid("This stand-in knows off_session=true only.", param="off_session")
    if asked["amount"] < 1:
        raise invalid("Invalid positive integer", param="amount", code="parameter_invalid_integer")
    if "payment_method" not in asked:
        raise invalid("You must provide a payment method when confirming.", param="payment_method")
    if "card" not in asked.get("allowed_payment_method_types", ["card"]):
        raise invalid("The payment method's type is not allowed here.", param="payment_method")


def _of_the_card(world: World, method: dict[str, Any]) -> str | None:
    """What the published test card does while its holder is away."""
    card = cards.named(world.store.kept(method["id"]).get("card"))
    if card is None or card.decline_code:
        return card.decline_code if card else None
    return "authentication_required" if card.always_asks else None


def _found(world: World, id_: str) -> dict[str, Any]:
    found = world.store.get("payment_method", id_)
    if found is None:
        raise missing("PaymentMethod", id_, param="payment_method")
    return found
