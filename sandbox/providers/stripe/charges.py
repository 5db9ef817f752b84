"""Charges and their lines in the balance: what a card was asked for, and what reaches the merchant after the fee."""

from __future__ import annotations

from typing import Any

from . import ids
from .cards import MESSAGES
from .world import World

# 2.9 % and 30 minor units, rounded half up: a round figure, since real fees differ by country and card
FEE_PER_MILLE, FEE_FIXED = 29, 30
AVAILABLE_AFTER_S = 2 * 24 * 3600


def make(world: World, intent: dict[str, Any], method: dict[str, Any], decline_code: str | None) -> dict[str, Any]:
    """One attempt on a card: succeeded with its balance line, or failed with the reason."""
    paid = decline_code is None
    id_ = ids.new("ch")
    body = {
        "id": id_,
        "object": "charge",
        "amount": intent["amount"],
        "amount_captured": intent["amount"] if paid else 0,
        "amount_refunded": 0,
        "application": None,
        "application_fee": None,
        "application_fee_amount": None,
        "balance_transaction": None,
        "billing_details": method["billing_details"],
        "calculated_statement_descriptor": "PROMOTE",
        "captured": paid,
        "created": world.now(),
        "currency": intent["currency"],
        "customer": intent["customer"],
        "description": intent["description"],
        "disputed": False,
        "failure_balance_transaction": None,
        "failure_code": None if paid else "card_declined" if method["type"] == "card" else decline_code,
        "failure_message": None if paid else MESSAGES.get(decline_code or "", MESSAGES["generic_decline"]),
        "fraud_details": {},
        "livemode": False,
        "metadata": intent["metadata"],
        "on_behalf_of": None,
        "outcome": _outcome(decline_code),
        "paid": paid,
        "payment_intent": intent["id"],
        "payment_method": method["id"],
        "payment_method_details": {method["type"]: method[method["type"]], "type": method["type"]},
        "radar_options": {},
        "receipt_email": intent["receipt_email"],
        "receipt_number": None,
        "receipt_url": None,
        "refunded": False,
        "review": None,
        "shipping": None,
        "source": None,
        "source_transfer": None,
        "statement_descriptor": None,
        "statement_descriptor_suffix": None,
        "status": "succeeded" if paid else "failed",
        "transfer_data": None,
        "transfer_group": intent["transfer_group"],
    }
    if paid:
        fee = (body["amount"] * FEE_PER_MILLE + 500) // 1000 + FEE_FIXED
        body["balance_transaction"] = balance_line(world, body, body["amount"], fee, "charge", "charge")
    world.store.insert("charge", body)
    world.emit("charge.succeeded" if paid else "charge.failed", body)
    return body


def balance_line(world: World, source: dict[str, Any], amount: int, fee: int, type_: str, category: str) -> str:
    """A balance transaction in the charge's own currency; money is available two days later."""
    now = world.now()
    details = [{"amount": fee, "application": None, "currency": source["currency"],
                "description": "Stripe processing fees", "type": "stripe_fee"}]  # fmt: skip
    body = {
        "id": ids.new("txn"),
        "object": "balance_transaction",
        "amount": amount,
        "available_on": now + AVAILABLE_AFTER_S,
        "balance_type": "payments",
        "created": now,
        "currency": source["currency"],
        "description": source.get("description"),
        "exchange_rate": None,
        "fee": fee,
        "fee_details": details if fee else [],
        "net": amount - fee,
        "reporting_category": category,
        "source": source["id"],
        "status": "pending",
        "type": type_,
    }
    world.store.insert("balance_transaction", body)
    return str(body["id"])


def _outcome(decline_code: str | None) -> dict[str, Any]:
    if decline_code is None:
        return {
            "advice_code": None,
            "network_advice_code": None,
            "network_decline_code": None,
            "network_status": "approved_by_network",
            "reason": None,
            "risk_level": "normal",
            "risk_score": 20,
            "seller_message": "Payment complete.",
            "type": "authorized",
        }
    return {
        "advice_code": "try_again_later",
        "network_advice_code": "02",
        "network_decline_code": "05",
        "network_status": "declined_by_network",
        "reason": decline_code,
        "risk_level": "normal",
        "risk_score": 20,
        "seller_message": "The bank did not return any further details with this decline.",
        "type": "issuer_declined",
    }
