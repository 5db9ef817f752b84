"""Payouts: what stands on the balance of a currency goes to the merchant's bank."""

from __future__ import annotations

from typing import Any

from . import charges, ids
from .errors import invalid
from .world import World


def pay_out(world: World, currency: str) -> dict[str, Any]:
    """All of it, however young: a real provider waits until it is available."""
    rows = world.store.find("balance_transaction", where="json_extract(body, '$.currency') = ?", values=(currency,))
    amount = sum(row["net"] for row in rows)
    if amount <= 0:
        raise invalid("There is nothing to pay out in this currency.", param="currency")
    body = _body(world, currency, amount)
    body["balance_transaction"] = charges.balance_line(world, body, -amount, 0, "payout", "payout")
    world.store.insert("payout", body)
    world.emit("payout.created", body)
    world.emit("payout.paid", body)
    return body


def _body(world: World, currency: str, amount: int) -> dict[str, Any]:
    return {
        "id": ids.new("po"),
        "object": "payout",
        "amount": amount,
        "application_fee": None,
        "application_fee_amount": None,
        "arrival_date": world.now(),
        "automatic": True,
        "balance_transaction": None,
        "created": world.now(),
        "currency": currency,
        "description": "STRIPE PAYOUT",
        "destination": None,
        "failure_balance_transaction": None,
        "failure_code": None,
        "failure_message": None,
        "livemode": False,
        "metadata": {},
        "method": "standard",
        "original_payout": None,
        "payout_method": None,
        "reconciliation_status": "completed",
        "reversed_by": None,
        "source_type": "card",
        "statement_descriptor": None,
        "status": "paid",
        "trace_id": None,
        "type": "bank_account",
    }
