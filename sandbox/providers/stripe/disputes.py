"""Disputes: a payer's bank takes the money back, and the merchant may win it again. Card networks warn of fraud."""

from __future__ import annotations

from typing import Any

from . import charges, ids
from .errors import invalid, missing
from .world import World

FEE = 1500
"""What a dispute costs, in minor units; it stays lost."""

REASON = "fraudulent"


def open_(world: World, charge_id: str, amount: int | None) -> dict[str, Any]:
    """The bank has taken the money: the balance falls at once, and the merchant is asked for evidence."""
    charge = world.store.get("charge", charge_id)
    if charge is None or not charge["paid"]:
        raise missing("charge", charge_id, param="charge")
    body = _body(world, charge, amount or charge["amount"])
    body["balance_transactions"] = [
        charges.balance_line(world, body, -body["amount"], FEE, "adjustment", "dispute"),
    ]
    world.store.insert("dispute", body)
    world.store.update(charge, disputed=True)
    world.emit("charge.dispute.created", body)
    world.emit("charge.dispute.funds_withdrawn", body)
    return body


def close(world: World, id_: str, *, won: bool) -> dict[str, Any]:
    body = world.store.get("dispute", id_)
    if body is None:
        raise missing("dispute", id_, param="dispute")
    if body["status"] != "needs_response":
        raise invalid("This dispute is already closed.")
    lines = body["balance_transactions"]
    if won:
        lines = [*lines, charges.balance_line(world, body, body["amount"], 0, "adjustment", "dispute_reversal")]
    before = body["status"]
    world.store.update(body, status="won" if won else "lost", balance_transactions=lines)
    world.emit("charge.dispute.closed", body, status=before)
    if won:
        world.emit("charge.dispute.funds_reinstated", body)
    return body


def warn(world: World, session_id: str) -> dict[str, Any]:
    """The card network says early that a session's payer may not have been the card's owner; no money moves."""
    charge = _charge_of(world, session_id)
    body = {
        "id": ids.new("issfr"),
        "object": "radar.early_fraud_warning",
        "actionable": True,
        "charge": charge["id"],
        "created": world.now(),
        "fraud_type": "unauthorized_use_of_card",
        "livemode": False,
        "payment_intent": charge["payment_intent"],
    }
    world.store.insert("radar.early_fraud_warning", body)
    world.emit("radar.early_fraud_warning.created", body)
    return body


def _body(world: World, charge: dict[str, Any], amount: int) -> dict[str, Any]:
    return {
        "id": ids.new("du"),
        "object": "dispute",
        "amount": amount,
        "balance_transactions": [],
        "charge": charge["id"],
        "created": world.now(),
        "currency": charge["currency"],
        "enhanced_eligibility_types": [],
        "evidence": {},
        "evidence_details": {
            "due_by": world.now() + 7 * 24 * 3600,
            "enhanced_eligibility": {},
            "has_evidence": False,
            "past_due": False,
            "submission_count": 0,
        },
        "is_charge_refundable": False,
        "livemode": False,
        "metadata": {},
        "payment_intent": charge["payment_intent"],
        "payment_method_details": {
            "card": {"brand": "visa", "case_type": "chargeback", "network_reason_code": "10"},
            "type": "card",
        },
        "reason": REASON,
        "status": "needs_response",
    }


def _charge_of(world: World, session_id: str) -> dict[str, Any]:
    session = world.store.get("checkout.session", session_id) or {}
    intent = world.store.get("payment_intent", session.get("payment_intent") or "") or {}
    charge = world.store.get("charge", intent.get("latest_charge") or "")
    if charge is None:
        raise missing("charge", session_id)
    return charge
