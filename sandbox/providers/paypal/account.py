"""Money that goes back, and the account's own lines: refunds, disputes, and the search of transactions.

As payments/v2, customer-disputes/v1 and transaction-search/v1 document them.
"""

from __future__ import annotations

import secrets
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs

from sandbox.providers.paypal import orders
from sandbox.providers.plumbing import control
from sandbox.providers.plumbing.server import Request, Response

if TYPE_CHECKING:
    from sandbox.providers.paypal.paypal import Paypal

_REFUND = {"amount", "custom_id", "invoice_id", "note_to_payer", "payment_instruction"}
_SHARE, _FIXED = Decimal("0.034"), Decimal("0.30")
_LOST = {"RESOLVED_BUYER_FAVOUR", "RESOLVED_WITH_PAYOUT"}
_FORM = "%Y-%m-%dT%H:%M:%SZ"


def now() -> str:
    return datetime.now(UTC).strftime(_FORM)


def book(paypal: Paypal, code: str, amount: Decimal, currency: str, *, of: str = "", id_: str = "") -> None:
    """A line of the account; `of` is the payment that it is about. A payment (`T0006`) costs its fee."""
    fee = (amount * _SHARE + _FIXED).quantize(Decimal("0.01")) if code == "T0006" else Decimal()
    told = {
        "transaction_id": id_ or _id(),
        "transaction_event_code": code,
        "transaction_initiation_date": datetime.now(UTC).isoformat(timespec="seconds"),
        "transaction_amount": {"currency_code": currency, "value": str(amount)},
        "fee_amount": {"currency_code": currency, "value": str(-fee)},
        "transaction_status": "S",
    }
    if of:
        told |= {"paypal_reference_id": of, "paypal_reference_id_type": "TXN"}
    created = int(datetime.now(UTC).timestamp())
    paypal.store.insert("line", {"id": f"line-{secrets.token_hex(8)}", "created": created, "told": told})


def refund(paypal: Paypal, capture_id: str, asked: dict[str, Any]) -> Response:
    """Raises Refused."""
    order, capture = _captured(paypal, capture_id)
    orders.known(asked, _REFUND, "")
    left = Decimal(capture["amount"]["value"]) - _given_back(order)
    amount = asked.get("amount") or {"currency_code": capture["amount"]["currency_code"], "value": str(left)}
    orders.amount(amount, "/amount")
    if capture["status"] not in ("COMPLETED", "PARTIALLY_REFUNDED"):
        raise orders.unprocessable("CAPTURE_FULLY_REFUNDED" if not left else "REFUND_NOT_PERMITTED")
    if amount["currency_code"] != capture["amount"]["currency_code"]:
        raise orders.unprocessable("REFUND_CAPTURE_CURRENCY_MISMATCH", "/amount/currency_code")
    if Decimal(amount["value"]) > left:
        raise orders.unprocessable("REFUND_AMOUNT_EXCEEDED", "/amount/value")
    made = {
        "id": _id(),
        "status": "COMPLETED",
        "amount": amount,
        "custom_id": asked.get("custom_id", order["unit"].get("custom_id")),
        "invoice_id": asked.get("invoice_id", ""),
        "create_time": now(),
        "links": [{"href": f"{paypal.base_url}/v2/payments/captures/{capture_id}", "rel": "up", "method": "GET"}],
    }
    capture["status"] = "REFUNDED" if Decimal(amount["value"]) == left else "PARTIALLY_REFUNDED"
    paypal.store.update(order, refunds=[*order.get("refunds", []), made])
    book(paypal, "T1107", -Decimal(amount["value"]), amount["currency_code"], of=capture_id, id_=made["id"])
    paypal.emit("PAYMENT.CAPTURE.REFUNDED", made)
    return Response(201, made)


def answer(paypal: Paypal, request: Request) -> Response:
    """What is asked of the account, but refunds. Raises Refused."""
    if request.path == "/v1/reporting/transactions":
        return transactions(paypal, request)
    id_ = request.path.removeprefix("/v1/customer/disputes").strip("/")
    return Response(200, _dispute(paypal, id_)["told"]) if id_ else disputes(paypal, request)


def disputes(paypal: Paypal, request: Request) -> Response:
    wanted = parse_qs(request.query).get("disputed_transaction_id", [""])[0]
    found = [one for one in paypal.store.find("dispute") if _disputed(one["told"]) == wanted]
    names = ("dispute_id", "create_time", "reason", "status", "dispute_amount")
    return Response(200, {"items": [{name: one["told"][name] for name in names} for one in found], "links": []})


def transactions(paypal: Paypal, request: Request) -> Response:
    """Raises Refused."""
    asked = {name: values[0] for name, values in parse_qs(request.query).items()}
    try:
        since, until = (datetime.fromisoformat(asked[name]) for name in ("start_date", "end_date"))
        size, page = int(asked.get("page_size", 100)), int(asked.get("page", 1))
    except (KeyError, ValueError):
        raise orders.invalid("INVALID_REQUEST", "start_date, end_date") from None
    if not timedelta() <= until - since <= timedelta(days=31) or not 1 <= size <= 500:
        raise orders.invalid("INVALID_REQUEST", "end_date, page_size")
    found = [
        one["told"]
        for one in paypal.store.find("line", tail="ORDER BY seq")
        if since <= datetime.fromisoformat(one["told"]["transaction_initiation_date"]) <= until
    ]
    shown = found[(page - 1) * size : page * size]
    return Response(
        200,
        {
            "transaction_details": [{"transaction_info": one} for one in shown],
            "total_items": len(found),
            "total_pages": max(1, -(-len(found) // size)),
            "page": page,
        },
    )


def open_dispute(paypal: Paypal, order: dict[str, Any]) -> dict[str, Any]:
    """The buyer claims: PayPal holds the money, and the seller has ten days to answer."""
    (capture,) = order["captures"]
    id_ = f"PP-R-{secrets.token_hex(4).upper()}"
    told = {
        "dispute_id": id_,
        "create_time": now(),
        "disputed_transactions": [{"seller_transaction_id": capture["id"], "custom": order["unit"].get("custom_id")}],
        "reason": "UNAUTHORISED",
        "status": "WAITING_FOR_SELLER_RESPONSE",
        "dispute_life_cycle_stage": "CHARGEBACK",
        "dispute_channel": "INTERNAL",
        "dispute_amount": capture["amount"],
        "seller_response_due_date": (datetime.now(UTC) + timedelta(days=10)).strftime(_FORM),
    }
    paypal.store.insert("dispute", {"id": id_, "created": int(datetime.now(UTC).timestamp()), "told": told})
    book(paypal, "T1110", -Decimal(capture["amount"]["value"]), capture["amount"]["currency_code"], of=capture["id"])
    paypal.emit("CUSTOMER.DISPUTE.CREATED", told)
    return told


def close_dispute(paypal: Paypal, id_: str, outcome: str) -> dict[str, Any]:
    found = _dispute(paypal, id_)
    told = found["told"] | {"status": "RESOLVED", "dispute_outcome": {"outcome_code": outcome}}
    paypal.store.update(found, told=told)
    of, amount = _disputed(told), told["dispute_amount"]
    book(paypal, "T1111", Decimal(amount["value"]), amount["currency_code"], of=of)
    if outcome in _LOST:
        book(paypal, "T1106", -Decimal(amount["value"]), amount["currency_code"], of=of)
    paypal.emit("CUSTOMER.DISPUTE.RESOLVED", told)
    return told


def _captured(paypal: Paypal, capture_id: str) -> tuple[dict[str, Any], dict[str, Any]]:
    for order in paypal.store.find("payment"):
        for capture in order["captures"]:
            if capture["id"] == capture_id:
                return order, capture
    raise orders.problem(404, "RESOURCE_NOT_FOUND", "INVALID_RESOURCE_ID", "capture_id")


def _given_back(order: dict[str, Any]) -> Decimal:
    return sum((Decimal(one["amount"]["value"]) for one in order.get("refunds", [])), Decimal())


def _dispute(paypal: Paypal, id_: str) -> dict[str, Any]:
    found = paypal.store.get("dispute", id_)
    if found is None:
        raise control.Told("There is no such dispute.")
    return found


def _disputed(told: dict[str, Any]) -> str:
    return str(told["disputed_transactions"][0]["seller_transaction_id"])


def _id() -> str:
    return secrets.token_hex(9)[:17].upper()
