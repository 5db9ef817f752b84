"""Refunds of DANA and OVO as SNAP documents them: in part or whole, to the wallet, never more than it paid."""

from __future__ import annotations

import re
import secrets
from datetime import UTC, datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from sandbox.providers.doku.states import refusal, state_of

if TYPE_CHECKING:
    from sandbox.providers.doku.doku import Doku


def make(doku: Doku, asked: dict[str, Any]) -> dict[str, Any]:
    """Raises Refused."""
    payment = doku.payment(str(asked.get("originalPartnerReferenceNo")))
    if payment is None or payment["way"] == "transfer":
        raise refusal(404, "58", "01", "Transaction Not Found")
    if asked.get("additionalInfo", {}).get("channel") != payment["channel"]:
        raise refusal(400, "58", "01", "Invalid Field Format additionalInfo.channel")
    number, money = str(asked.get("partnerRefundNo", "")), asked.get("refundAmount")
    if not 1 <= len(number) <= 64 or not 1 <= len(str(asked.get("reason", ""))) <= 256:
        raise refusal(400, "58", "02", "Invalid Mandatory Field partnerRefundNo, reason")
    if not isinstance(money, dict) or not re.fullmatch(r"\d{1,16}\.\d{2}", str(money.get("value"))):
        raise refusal(400, "58", "01", "Invalid Field Format refundAmount")
    made = _book(doku, payment, value=money["value"], currency=str(money.get("currency")), number=number, reason="")
    return {
        "refundAmount": made["refundAmount"],
        "originalPartnerReferenceNo": payment["id"],
        "originalReferenceNo": payment["reference"],
        "refundNo": made["refundNo"],
        "partnerRefundNo": number,
        "refundTime": made["refundDate"],
    }


def by_hand(doku: Doku, payment: dict[str, Any], value: str) -> dict[str, Any]:
    number = f"BO{secrets.token_hex(6)}"
    made = _book(doku, payment, value=value, currency="IDR", number=number, reason="By the merchant's staff")
    doku.emit("debit.notify", {"payment": payment["id"]})
    return made


def fail(doku: Doku, payment: dict[str, Any]) -> dict[str, Any]:
    made = payment["refunds"][-1]
    made["refundStatus"] = "06"
    doku.store.update(payment, status="00")
    doku.emit("debit.notify", {"payment": payment["id"]})
    return dict(made)


def _book(
    doku: Doku, payment: dict[str, Any], *, value: str, currency: str, number: str, reason: str
) -> dict[str, Any]:
    standing = [one for one in payment.get("refunds", []) if one["refundStatus"] == "00"]
    left = Decimal(payment["amount"]["value"]) - sum(Decimal(one["refundAmount"]["value"]) for one in standing)
    if state_of(payment) != "00" or currency != payment["amount"]["currency"] or not 0 < Decimal(value) <= left:
        raise refusal(403, "58", "02", "Exceeds Transaction Amount Limit")
    if any(one["partnerReferenceNo"] == number for one in payment.get("refunds", [])):
        raise refusal(409, "58", "01", "Duplicate partnerRefundNo")
    made = {
        "refundNo": secrets.token_hex(10),
        "partnerReferenceNo": number,
        "refundAmount": {"value": value, "currency": currency},
        "refundStatus": "00",
        "refundDate": datetime.now(UTC).isoformat(timespec="seconds"),
        "reason": reason,
    }
    status = "04" if Decimal(value) == left else "00"
    doku.store.update(payment, refunds=[*payment.get("refunds", []), made], status=status)
    return made
