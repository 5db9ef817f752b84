"""Charges of an order that were found invalid go back, unasked: while it has an escrow into that, then to its owner."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from django.db import transaction

from orders import lifecycle, notices
from orders.models import Status
from orders.states import FINAL
from payments import charge_returns
from payments.charge_returns import GivenBack, NotInvoicedYet

__all__ = ["Invalid", "NotInvoicedYet", "give_back"]


@dataclass(frozen=True, slots=True)
class Invalid:
    """So many charges, what they cost, and why they are invalid, in words for the owner."""

    impressions: int
    micros: int
    reason: str


def give_back(*, order_id: UUID, invalid: Invalid, returned_micros: int, ref: str, now: datetime) -> GivenBack:
    """Moves what invalid charges cost, once per `ref`, and tells the owner, in the caller's transaction.

    `returned_micros`: what earlier returns after the settlement took off its charges. Raises NotInvoicedYet.
    """
    with transaction.atomic():
        order = lifecycle.locked(order_id)
        assert order.escrow_id is not None  # order_is_funded
        if order.status in FINAL:
            assert order.charged_micros is not None  # order_final_is_settled
            was = order.charged_micros - returned_micros
            back = charge_returns.after_settlement(
                escrow_id=order.escrow_id,
                owner=order.account_id,
                order_ref=order.public_id,
                was_micros=was,
                is_micros=was - invalid.micros,
                ref=ref,
                now=now,
            )
        else:
            back = charge_returns.to_escrow(
                escrow_id=order.escrow_id, micros=invalid.micros, order_ref=order.public_id, ref=ref, now=now
            )
        order.note(why="charges_returned", by=None, now=now, ref=ref, times=invalid.impressions, micros=invalid.micros)
        kind = "order_charges_returned" if order.status == Status.SETTLED else "order_charges_credited"
        notices.tell(order, kind, now=now, times=invalid.impressions, coins=back.coins, reason=invalid.reason)
        return back
