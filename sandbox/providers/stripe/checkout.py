"""What a payer does on the hosted page: try a card, authenticate, be declined, pay."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from . import cards, charges, customers, intents, off_session, sessions
from .cards import MESSAGES, Entered
from .errors import missing
from .world import Call, World


@dataclass(frozen=True)
class Outcome:
    """`paid`, `declined` with the sentence for the payer, `challenge`, or `closed`: the session was not open."""

    state: str
    message: str = ""


def find(world: World, id_: str) -> dict[str, Any]:
    sessions.expire_due(world)
    session = world.store.get("checkout.session", id_)
    if session is None:
        raise missing("checkout.session", id_)
    return session


def pay(world: World, id_: str, entered: Entered, *, email: str | None, name: str | None) -> Outcome:
    """Try the card. A second submit of a paid page changes nothing: the session is judged inside the transaction."""
    with world.store.transaction():
        session = find(world, id_)
        if session["status"] != "open":
            return Outcome("closed")
        email = email or (session["customer_details"] or {}).get("email")
        session["customer_details"] = sessions.payer(email, name)
        world.store.update(session)
        method = intents.payment_method(world, entered, billing(email, name))
        return _try(world, session, method, entered.card)


def pay_with_kept(world: World, id_: str, method_id: str) -> Outcome:
    """Try a card that the session's customer keeps."""
    with world.store.transaction():
        session = find(world, id_)
        method = next((one for one in off_session.kept_for(world, session) if one["id"] == method_id), None)
        card = cards.named(world.store.kept(method_id).get("card")) if method else None
        if session["status"] != "open" or method is None or card is None:
            return Outcome("closed")
        return _try(world, session, method, card)


def _try(world: World, session: dict[str, Any], method: dict[str, Any], card: cards.TestCard) -> Outcome:
    intent = intents.open_for(world, session)
    if card.challenge:
        intents.ask_to_authenticate(world, intent, method, f"{world.base_url}/c/pay/{session['id']}/challenge")
        return Outcome("challenge")
    if card.decline_code:
        return _decline(world, intent, method, card.error_code, card.decline_code)
    complete(world, session, intent, method)
    return Outcome("paid")


def answer_challenge(world: World, id_: str, *, passed: bool) -> Outcome:
    with world.store.transaction():
        session = find(world, id_)
        intent = world.store.get("payment_intent", session["payment_intent"] or "")
        if session["status"] != "open" or intent is None or intent["status"] != "requires_action":
            return Outcome("closed")
        method = world.store.get("payment_method", intent["payment_method"])
        if method is None:
            return Outcome("closed")
        if passed:
            complete(world, session, intent, method)
            return Outcome("paid")
        message = "We are unable to authenticate your payment method. Please choose a different one and try again."
        error = {"code": "payment_intent_authentication_failure", "message": message, "type": "card_error"}
        intents.fail(world, intent, error, None)
        return Outcome("declined", message)


def complete(
    world: World,
    session: dict[str, Any],
    intent: dict[str, Any],
    method: dict[str, Any],
) -> None:
    """The card is charged and the session is done. Inside the caller's transaction."""
    if session["customer"] is None and session["customer_creation"] == "always":
        payer = session["customer_details"] or {}
        made = customers.create(world, {"email": payer.get("email"), "name": payer.get("name")}, Call())
        world.store.update(session, customer=made["id"])
        world.store.update(intent, customer=made["id"])
    if intent["setup_future_usage"] and intent["customer"]:
        off_session.keep_for(world, method, intent["customer"])
    charge = charges.make(world, intent, method, None)
    intents.succeed(world, intent, method, charge["id"])
    world.store.update(session, status="complete", payment_status="paid", url=None)
    world.emit("checkout.session.completed", session)


def _decline(world: World, intent: dict[str, Any], method: dict[str, Any], code: str, reason: str) -> Outcome:
    charge = charges.make(world, intent, method, reason)
    message = MESSAGES[reason]
    error = {
        "charge": charge["id"],
        "code": code,
        "doc_url": f"https://stripe.com/docs/error-codes/{code.replace('_', '-')}",
        "message": message,
        "payment_method": method,
        "type": "card_error",
    }
    if code == "card_declined":
        error["decline_code"] = reason
    intents.fail(world, intent, error, charge["id"])
    return Outcome("declined", message)


def billing(email: str | None, name: str | None) -> dict[str, Any]:
    address = dict.fromkeys(("city", "country", "line1", "line2", "postal_code", "state"))
    return {"address": address, "email": email, "name": name, "phone": None, "tax_id": None}
