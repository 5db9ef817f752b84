"""What DOKU says of money that went back of a payment, in the words of base.py: SNAP's `refundHistory`.

Source: payments.md 4.1; SNAP BI, direct debit payment status and refund. It stands in the payment's status, and in
notices. Fees and payouts are in settlement files alone.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from payments.gateways import amounts, said
from payments.gateways.answered import Dated
from payments.gateways.base import GatewayAway, Returned, ReturnedState

_STATES = {
    "00": ReturnedState.DONE,
    "03": ReturnedState.UNDER_WAY,
    "05": ReturnedState.UNDONE,
    "06": ReturnedState.UNDONE,
}
_REFUNDED, _OURS = "04", "wdl"


def number(reference: str) -> str:
    """Our leg's id as DOKU takes it: `wdl_…` → `wdl…`."""
    return reference.replace("_", "")


def tells_of_refunds(body: Mapping[str, Any]) -> bool:
    return body.get("latestTransactionStatus") == _REFUNDED or bool(body.get("refundHistory"))


def refunds_of(body: Mapping[str, Any]) -> list[Dated]:
    """Of a payment's status, each with its time. Raises GatewayAway where it can't be read."""
    try:
        return [(_returned(one), moment(one.get("refundDate"))) for one in body.get("refundHistory") or []]
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise GatewayAway(f"a refund of DOKU that can't be read: {said.unreadable(error)}") from error


def moment(text: Any) -> datetime | None:
    return datetime.fromisoformat(text) if isinstance(text, str) and text else None


def _returned(told: Mapping[str, Any]) -> Returned:
    """Its own number is our leg's id where we asked for it."""
    amount, theirs = told["refundAmount"], str(told.get("partnerReferenceNo") or "")
    ours = theirs.startswith(_OURS) and len(theirs) == len(_OURS) + 32
    state = _STATES[str(told["refundStatus"])]
    return Returned(
        ref=str(told["refundNo"]),
        kind="refund",
        state=state,
        amount_minor=amounts.to_minor(amount["value"], amount["currency"]),
        currency=amount["currency"],
        reference=f"{_OURS}_{theirs[len(_OURS) :]}" if ours else "",
        why=str(told.get("reason") or ""),
        failure="refused by the wallet" if state == ReturnedState.UNDONE else "",
    )
