"""Where a payment stands, in SNAP's two digits, and how a call is refused."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from sandbox.providers.plumbing.stand_in import Refused


def state_of(payment: dict[str, Any]) -> str:
    """SNAP's two digits: 00 paid, 01 begun, 04 paid back, 05 over, 06 failed and to be tried again."""
    if payment["status"] in ("01", "06") and datetime.fromisoformat(payment["until"]) <= datetime.now(UTC):
        return "05"
    return str(payment["status"])


def refusal(status: int, service: str, case: str, message: str) -> Refused:
    return Refused(status, {"responseCode": f"{status}{service}{case}", "responseMessage": message})
