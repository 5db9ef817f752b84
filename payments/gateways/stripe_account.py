"""What Stripe says of money that went back, and of our account there, in the words of base.py.

Source: docs.stripe.com/api/refunds, /disputes, /balance_transactions; reports/balance-transaction-types.
"""

from datetime import UTC, datetime
from typing import Any

import stripe

from payments.gateways.base import Line, LineKind, Returned, ReturnedState

WITHOUT_MONEY = {"warning_needs_response", "warning_under_review", "warning_closed", "prevented"}
"""Disputes that are announced only: the money stays with us."""

_REFUND_STATES = {
    "succeeded": ReturnedState.DONE,
    "failed": ReturnedState.UNDONE,
    "canceled": ReturnedState.UNDONE,
}
_DISPUTE_STATES = {"won": ReturnedState.UNDONE, "lost": ReturnedState.DONE}
_KINDS = {
    "charge": LineKind.PAYMENT,
    "payment": LineKind.PAYMENT,
    "refund": LineKind.REFUND,
    "payment_refund": LineKind.REFUND,
    "refund_failure": LineKind.REFUND_FAILED,
    "payment_failure_refund": LineKind.REFUND_FAILED,
    "payout": LineKind.PAYOUT,
    "payout_failure": LineKind.PAYOUT,
    "payout_cancel": LineKind.PAYOUT,
    "stripe_fee": LineKind.FEE,
    "network_cost": LineKind.FEE,
}
_DISPUTES = {"dispute": LineKind.DISPUTE, "dispute_reversal": LineKind.DISPUTE_WON}


def returned(refund: stripe.Refund) -> Returned:
    metadata = refund.metadata.to_dict() if refund.metadata else {}
    return Returned(
        ref=refund.id,
        kind="refund",
        state=_REFUND_STATES.get(refund.status or "", ReturnedState.UNDER_WAY),
        amount_minor=refund.amount,
        currency=refund.currency.upper(),
        reference=str(metadata.get("withdrawal", "")),
        why=refund.reason or "",
        failure=getattr(refund, "failure_reason", None) or "",
    )


def disputed(dispute: stripe.Dispute) -> Returned:
    return Returned(
        ref=dispute.id,
        kind="dispute",
        state=_DISPUTE_STATES.get(dispute.status, ReturnedState.UNDER_WAY),
        amount_minor=dispute.amount,
        currency=dispute.currency.upper(),
        why=dispute.reason,
        answer_by=_answer_by(dispute),
    )


def line(txn: stripe.BalanceTransaction) -> Line:
    """`txn.source` is expanded: a charge, a refund, a dispute or a payout, or nothing."""
    source: Any = txn.source
    kind = _KINDS.get(txn.type) or _DISPUTES.get(txn.reporting_category, LineKind.OTHER)
    return Line(
        ref=txn.id,
        kind=kind,
        at=datetime.fromtimestamp(txn.created, UTC),
        amount_minor=txn.amount,
        fee_minor=txn.fee,
        currency=txn.currency.upper(),
        payment_ref=str(getattr(source, "payment_intent", None) or ""),
        subject=str(getattr(source, "id", None) or source or ""),
        method=_method(source),
    )


def _answer_by(dispute: stripe.Dispute) -> datetime | None:
    due = dispute.evidence_details.due_by if dispute.status == "needs_response" else None
    return datetime.fromtimestamp(due, UTC) if due else None


def _method(source: Any) -> str:
    details = getattr(source, "payment_method_details", None)
    return str(getattr(details, "type", None) or "")
