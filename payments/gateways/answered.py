"""A payment and what went back of it as lines of an account, for providers that list none but answer for each."""

from collections.abc import Sequence
from datetime import datetime

from payments.gateways.base import Line, LineKind, PaidThere, Returned, ReturnedState

Dated = tuple[Returned, datetime | None]


def lines(
    paid: PaidThere, *, amount_minor: int, currency: str, at: datetime | None, refunds: Sequence[Dated]
) -> list[Line]:
    """Without fees and payouts, which such providers tell by file alone."""
    first = _line(paid, LineKind.PAYMENT, paid.payment_ref, amount_minor, currency, at)
    return [first] + [line for refund, then in refunds for line in _of_refund(paid, refund, then)]


def _of_refund(paid: PaidThere, refund: Returned, at: datetime | None) -> list[Line]:
    """A refund, and where it failed its way back."""
    gone = _line(paid, LineKind.REFUND, refund.ref, -refund.amount_minor, refund.currency, at)
    if refund.state != ReturnedState.UNDONE:
        return [gone]
    return [gone, _line(paid, LineKind.REFUND_FAILED, refund.ref, refund.amount_minor, refund.currency, at)]


def _line(paid: PaidThere, kind: LineKind, subject: str, amount_minor: int, currency: str, at: datetime | None) -> Line:
    return Line(
        ref=f"{subject}:{kind}",
        kind=kind,
        at=at or paid.at,
        amount_minor=amount_minor,
        fee_minor=0,
        currency=currency,
        payment_ref=paid.payment_ref,
        subject=subject,
    )
