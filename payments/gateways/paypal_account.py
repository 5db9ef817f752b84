"""What PayPal says of money that went back, and of our account there, in the words of base.py.

Source: payments.md 4.6; developer.paypal.com: payments/v2 refunds, customer-disputes/v1, transaction-search/v1 and its
event codes. A refund of ours carries our leg's id as `custom_id`.
"""

from collections.abc import Callable, Iterable, Mapping
from datetime import datetime
from typing import Any, TypeVar

from payments.gateways import amounts, said
from payments.gateways.base import GatewayAway, Line, LineKind, NoticeFacts, Returned, ReturnedState

_OURS = "wdl_"
_REFUNDS = {
    "COMPLETED": ReturnedState.DONE,
    "PENDING": ReturnedState.UNDER_WAY,
    "FAILED": ReturnedState.UNDONE,
    "CANCELLED": ReturnedState.UNDONE,
}
_LOST = {"RESOLVED_BUYER_FAVOUR", "RESOLVED_WITH_PAYOUT", "ACCEPTED"}
_WON = {"RESOLVED_SELLER_FAVOUR", "CANCELED_BY_BUYER", "DENIED"}
_BOOKED = {"S", "V", "F"}
"""Done; done and later reversed, or in part: what reversed it is a line of its own."""

# By event code, else by its group.
_KINDS = {"T1107": LineKind.REFUND, "T1106": LineKind.DISPUTE, "T1110": LineKind.DISPUTE, "T1111": LineKind.DISPUTE_WON,
          "T1201": LineKind.DISPUTE, "T1202": LineKind.DISPUTE_WON, "T1108": LineKind.FEE}  # fmt: skip
_GROUPS = {"T00": LineKind.PAYMENT, "T01": LineKind.FEE, "T04": LineKind.PAYOUT}
_ABOUT_DISPUTES = {LineKind.DISPUTE, LineKind.DISPUTE_WON}

Answer = TypeVar("Answer")
Disputes = Callable[[str], list[dict[str, Any]]]


def read(how: Callable[[], Answer]) -> Answer:
    """Raises GatewayAway where PayPal says it otherwise than documented: nothing is made of half of it."""
    try:
        return how()
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise GatewayAway(f"an answer of PayPal that can't be read: {said.unreadable(error)}") from error


def told(event_id: str, kind: str, resource: Mapping[str, Any]) -> NoticeFacts:
    """What a notice is about: an order or its payment, what was saved or is no more, a refund, or a dispute."""
    if kind == "VAULT.PAYMENT-TOKEN.CREATED":
        metadata: Any = resource.get("metadata")
        order = metadata.get("order_id") if isinstance(metadata, dict) else ""
        return _facts(event_id, kind, "payment" if order else "", provider_ref=order)
    if kind == "VAULT.PAYMENT-TOKEN.DELETED":
        return _facts(event_id, kind, "saved", provider_ref=resource.get("id"))
    if kind.startswith("CUSTOMER.DISPUTE."):
        disputed: Any = resource.get("disputed_transactions")
        first = disputed[0] if isinstance(disputed, list) and disputed and isinstance(disputed[0], dict) else {}
        payment_ref, reference = first.get("seller_transaction_id"), first.get("custom")
        return _facts(event_id, kind, "return", reference=reference, payment_ref=payment_ref)
    if kind in ("PAYMENT.CAPTURE.REFUNDED", "PAYMENT.CAPTURE.REVERSED") or kind.startswith("PAYMENT.REFUND."):
        reference, payment_ref = resource.get("custom_id"), _capture_of(resource)
        return _facts(event_id, kind, "return", reference=reference, payment_ref=payment_ref)
    is_order = kind.startswith("CHECKOUT.ORDER.")
    related: Any = resource.get("supplementary_data")
    related = related.get("related_ids") if isinstance(related, dict) else None
    order = resource.get("id") if is_order else related.get("order_id") if isinstance(related, dict) else ""
    units: Any = resource.get("purchase_units")
    unit = units[0] if is_order and isinstance(units, list) and units and isinstance(units[0], dict) else resource
    about = "payment" if is_order or kind.startswith("PAYMENT.CAPTURE.") else ""
    return _facts(event_id, kind, about, provider_ref=order, reference=unit.get("custom_id"))


def refunds_of(order: Mapping[str, Any], *, payment_ref: str) -> list[Returned]:
    found = [one for unit in order["purchase_units"] for one in unit.get("payments", {}).get("refunds", [])]
    return [returned(one) for one in found if _capture_of(one) in ("", payment_ref)]


def returned(refund: Mapping[str, Any]) -> Returned:
    amount, ours = refund["amount"], str(refund.get("custom_id") or "")
    details = refund.get("status_details") or {}
    return Returned(
        ref=refund["id"],
        kind="refund",
        state=_REFUNDS[refund["status"]],
        amount_minor=amounts.to_minor(amount["value"], amount["currency_code"]),
        currency=amount["currency_code"],
        reference=ours if ours.startswith(_OURS) else "",
        failure=str(details.get("reason") or ("" if refund["status"] != "FAILED" else "failed")),
    )


def disputes_of(found: Iterable[Mapping[str, Any]]) -> list[Returned]:
    return [said for one in found if (said := _disputed(one)) is not None]


def lines(found: Mapping[str, Any], disputes: Disputes) -> list[Line]:
    """Of a page of transactions. `disputes` gives those of a payment."""
    listed = found.get("transaction_details") or []
    return [line for one in listed if (line := _line(one, disputes)) is not None]


def _disputed(dispute: Mapping[str, Any]) -> Returned | None:
    """None while buyer and seller only talk: PayPal holds no money yet."""
    outcome = _outcome(dispute)
    if dispute.get("dispute_life_cycle_stage") == "INQUIRY" and outcome not in _LOST:
        return None
    amount, due = dispute["dispute_amount"], dispute.get("seller_response_due_date")
    state = ReturnedState.UNDER_WAY
    if outcome:
        state = ReturnedState.DONE if outcome in _LOST else ReturnedState.UNDONE
    waits = dispute.get("status") == "WAITING_FOR_SELLER_RESPONSE"
    return Returned(
        ref=dispute["dispute_id"],
        kind="dispute",
        state=state,
        amount_minor=amounts.to_minor(amount["value"], amount["currency_code"]),
        currency=amount["currency_code"],
        why=str(dispute.get("reason") or "").lower(),
        answer_by=datetime.fromisoformat(due) if due and waits else None,
    )


def _line(transaction: Mapping[str, Any], disputes: Disputes) -> Line | None:
    """A line of our account. None for what has not moved it, or moves it there and back at once.

    A line of a dispute names the payment only: which dispute it is of is asked.
    """
    told = transaction["transaction_info"]
    if told["transaction_status"] not in _BOOKED:
        return None
    code, id_ = told["transaction_event_code"], told["transaction_id"]
    kind = _KINDS.get(code) or _GROUPS.get(code[:3], LineKind.OTHER)
    amount, fee = told["transaction_amount"], told.get("fee_amount")
    payment_ref = id_ if kind == LineKind.PAYMENT else str(told.get("paypal_reference_id") or "")
    subject = id_
    if kind in _ABOUT_DISPUTES:
        found = next(iter(disputes(payment_ref)), {})
        subject = found.get("dispute_id", id_)
        if _was_held(found) and _outcome(found) in _LOST and code in ("T1111", "T1106"):
            return None  # a hold that ends as a loss is released and taken in the same moment
    return Line(
        ref=f"{id_}:{code}",
        kind=kind,
        at=datetime.fromisoformat(told["transaction_initiation_date"]),
        amount_minor=amounts.to_minor_signed(amount["value"], amount["currency_code"]),
        fee_minor=-amounts.to_minor_signed(fee["value"], fee["currency_code"]) if fee else 0,
        currency=amount["currency_code"],
        payment_ref=payment_ref,
        subject=subject,
        method="paypal",
    )


def _was_held(dispute: Mapping[str, Any]) -> bool:
    """PayPal's own claims hold the money; a bank's chargeback takes it."""
    return bool(dispute.get("dispute_channel", "INTERNAL") == "INTERNAL")


def _outcome(dispute: Mapping[str, Any]) -> str:
    outcome = str((dispute.get("dispute_outcome") or {}).get("outcome_code") or "")
    return outcome if outcome in _LOST | _WON else ""


def _capture_of(refund: Mapping[str, Any]) -> str:
    """The payment of a refund, by the link that leads up to it."""
    links: Any = refund.get("links")
    up = [one.get("href", "") for one in links if one.get("rel") == "up"] if isinstance(links, list) else []
    return str(up[0]).rpartition("/")[2] if up else ""


def _facts(event_id: str, kind: str, about: str, **ids: Any) -> NoticeFacts:
    return NoticeFacts(
        event_id=event_id[:255],
        kind=kind[:96],
        about=about,
        provider_ref=str(ids.get("provider_ref") or "")[:255],
        reference=str(ids.get("reference") or "")[:255],
        payment_ref=str(ids.get("payment_ref") or "")[:255],
    )
