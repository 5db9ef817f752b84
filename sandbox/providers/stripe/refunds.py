"""Refunds: several and partial, to the card that paid, never more than it paid."""

from __future__ import annotations

from typing import Any

from . import charges, ids
from .errors import invalid, missing
from .world import Call, World


def create(world: World, asked: dict[str, Any], call: Call) -> dict[str, Any]:
    charge = _charge(world, asked)
    left = charge["amount"] - charge["amount_refunded"]
    if left == 0:
        raise invalid(f"Charge {charge['id']} has already been refunded.", code="charge_already_refunded")
    amount = asked.get("amount", left)
    if amount < 1:
        raise invalid("Invalid positive integer", param="amount", code="parameter_invalid_integer")
    if amount > left:
        message = f"Refund amount ({amount}) is greater than unrefunded amount on charge ({left})"
        raise invalid(message, param="amount", code="amount_too_large")
    body = _body(world, charge, amount, asked)
    body["balance_transaction"] = charges.balance_line(world, body, -amount, 0, "refund", "refund")
    world.store.insert("refund", body)
    refunded = charge["amount_refunded"] + amount
    before = {"amount_refunded": charge["amount_refunded"], "refunded": charge["refunded"]}
    world.store.update(charge, amount_refunded=refunded, refunded=refunded == charge["amount"])
    world.emit("charge.refunded", charge, call, **before)
    world.emit("refund.created", body, call)
    return body


def fail(world: World, id_: str, *, reason: str = "expired_or_canceled_card") -> dict[str, Any]:
    """The payer's bank sent the money back, perhaps long after it looked paid: it is on our balance again."""
    body = world.store.get("refund", id_)
    if body is None:
        raise missing("refund", id_, param="refund")
    if body["status"] == "failed":
        raise invalid("This refund has failed already.")
    charge = world.store.get("charge", body["charge"])
    assert charge is not None
    line = charges.balance_line(world, body, body["amount"], 0, "refund_failure", "refund_failure")
    before = body["status"]
    world.store.update(body, status="failed", failure_reason=reason, failure_balance_transaction=line)
    refunded = charge["amount_refunded"] - body["amount"]
    world.store.update(charge, amount_refunded=refunded, refunded=False)
    world.emit("refund.updated", body, status=before)
    world.emit("refund.failed", body)
    return body


def _charge(world: World, asked: dict[str, Any]) -> dict[str, Any]:
    if ("charge" in asked) == ("payment_intent" in asked):
        message = "One of the following params should be provided for this request: payment_intent or charge."
        raise invalid(message, code="parameter_missing")
    if "charge" in asked:
        charge = world.store.get("charge", asked["charge"])
        if charge is None:
            raise missing("charge", asked["charge"], param="charge")
    else:
        intent = world.store.get("payment_intent", asked["payment_intent"])
        if intent is None:
            raise missing("payment_intent", asked["payment_intent"], param="payment_intent")
        charge = world.store.get("charge", intent["latest_charge"] or "")
    if charge is None or not charge["paid"]:
        raise invalid("This payment does not have a successful charge to refund.", param="payment_intent")
    return charge


def _body(world: World, charge: dict[str, Any], amount: int, asked: dict[str, Any]) -> dict[str, Any]:
    return {
        "id": ids.new("re"),
        "object": "refund",
        "amount": amount,
        "balance_transaction": None,
        "charge": charge["id"],
        "created": world.now(),
        "currency": charge["currency"],
        "customer": charge["customer"],
        "customer_account": None,
        "destination_details": {
            "card": {
                "reference": None,
                "reference_status": "pending",
                "reference_type": "acquirer_reference_number",
                "type": "refund",
            },
            "type": "card",
        },
        "metadata": asked.get("metadata") or {},
        "payment_intent": charge["payment_intent"],
        "payment_method": charge["payment_method"],
        "reason": asked.get("reason"),
        "receipt_number": None,
        "source_transfer_reversal": None,
        "status": "succeeded",
        "transfer_reversal": None,
    }
