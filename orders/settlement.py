"""Settlement: what was spent is final; the rest returns to the very lots that paid, the coupon's to its campaign."""

import logging
from collections.abc import Sequence
from datetime import datetime, timedelta
from uuid import UUID

from django.db import OperationalError, transaction

from coupons import redemption
from orders import notices
from orders.models import Actor, EndReason, Order, OrderTransition, Status
from payments import escrow
from payments.escrow import EscrowToSettle, Settled
from promote import outbox
from promote.accounts.models import User
from promote.refusals import WrongState

log = logging.getLogger(__name__)
REASON_CHARACTERS = 2000


def settle_due(*, limit: int, now: datetime) -> int:
    """Settles up to `limit` ended orders whose last event is known, the oldest promise first. Returns how many.

    Two workers share the work (SKIP LOCKED). A batch that fails is halved down to the one order that can't be
    settled, which is set aside with an alert; the others get their refunds. Source: delivery.md 2, Settlement.
    """
    due = list(Order.objects.ready_to_settle().values_list("id", flat=True)[:limit])
    return _settle(due, now=now)


def _settle(order_ids: Sequence[UUID], *, now: datetime) -> int:
    if not order_ids:
        return 0
    try:
        with transaction.atomic():
            return _settle_batch(order_ids, now=now)
    except OperationalError:
        raise  # the database, not an order: all of them stay due
    except Exception as error:  # noqa: BLE001  (whatever it is, the other orders get their refunds)
        if len(order_ids) == 1:
            _set_aside(order_ids[0], error=error, now=now)
            return 0
        half = len(order_ids) // 2
        return _settle(order_ids[:half], now=now) + _settle(order_ids[half:], now=now)


def _settle_batch(order_ids: Sequence[UUID], *, now: datetime) -> int:
    orders = list(
        Order.objects.ready_to_settle()
        .filter(id__in=order_ids)
        .select_for_update(no_key=True, skip_locked=True, of=("self",))
        .select_related("account", "video", "live", "offer__campaign")
    )
    if not orders:
        return 0
    settled = escrow.settle(settlements=[_to_settle(order) for order in orders], now=now)
    for order in orders:
        _write(order, settled[_escrow_of(order)], to=Status.SETTLED, by=None, why="settled", now=now)
    return len(orders)


def call_off(order: Order, *, to: Status, reason: EndReason, by: Actor | None, now: datetime) -> None:
    """Ends an order that spent nothing, and returns everything at once, in the caller's transaction under its lock.

    Events that were under way are not billed any more. A CHECK refuses it for an order that spent.
    """
    settled = escrow.settle(settlements=[_to_settle(order)], now=now)[_escrow_of(order)]
    _write(
        order,
        settled,
        to=to,
        by=by,
        why=reason.value,
        now=now,
        end_reason=reason,
        ended_at=now,
        ending_at=now,
        closed_at=now,
        refund_due_at=refund_due_at(order, ended_at=now),
        stopped_at=None,
    )


def refund_due_at(order: Order, *, ended_at: datetime) -> datetime:
    """By when what is left must be back: the promise."""
    return ended_at + timedelta(seconds=order.market.refund_within_s)


def retry(*, order_id: UUID, by: User, now: datetime) -> None:
    """Puts an order that was set aside back in line. Raises WrongState where it is not."""
    with transaction.atomic():
        order = Order.objects.select_for_update(no_key=True, of=("self",)).select_related("account").get(id=order_id)
        if order.set_aside_at is None:
            raise WrongState
        order.set_aside_at, order.set_aside_reason = None, ""
        order.save(update_fields=["set_aside_at", "set_aside_reason"])
        order.note(why="settlement_retried", by=by, now=now)
        wake_when_committed()


def wake_when_committed() -> None:
    """Settles as soon as this transaction is committed; where the broker is down, beat does it a second later."""
    from orders.tasks import wake_settlement

    transaction.on_commit(wake_settlement, robust=True)


def _write(
    order: Order, settled: Settled, *, to: Status, by: Actor | None, why: str, now: datetime, **changes: object
) -> None:
    order.move(
        to=to,
        by=by,
        why=why,
        now=now,
        refunded_at=now,
        charged_micros=settled.charged_micros,
        coupon_spent_micros=settled.coupon_spent_micros,
        spent_coins=settled.user_spent_coins,
        refunded_coins=settled.refunded_coins,
        **changes,
    )
    if order.offer_id is not None:
        redemption.finish(offer_id=order.offer_id, spent_anything=settled.charged_micros > 0, now=now)
    outbox.record(
        "order_settled",
        {
            "order": str(order.id),
            "account": str(order.account_id),
            "spent_coins": settled.user_spent_coins,
            "refunded_coins": settled.refunded_coins,
            **_on_the_invoice(order),
        },
    )
    if to == Status.SETTLED:
        notices.tell(order, "order_settled", now=now, spent=settled.user_spent_coins, coins=settled.refunded_coins)


def _on_the_invoice(order: Order) -> dict[str, str | None]:
    """What the invoice says the order was; what it cost is read from the ledger."""
    return {
        "market": order.market_id,
        "title": str(order.target),
        "function": order.function,
        "objective": order.objective,
        "starts_at": order.starts_at.isoformat() if order.starts_at else None,
        "ended_at": order.ended_at.isoformat() if order.ended_at else None,
    }


def _to_settle(order: Order) -> EscrowToSettle:
    coupon = redemption.share_of(offer=order.offer, coupon_micros=order.coupon_micros)
    return EscrowToSettle(escrow_id=_escrow_of(order), coupon=coupon, ref=order.public_id)


def _escrow_of(order: Order) -> int:
    assert order.escrow_id is not None  # order_is_funded
    return order.escrow_id


def _set_aside(order_id: UUID, *, error: Exception, now: datetime) -> None:
    """Takes the order out of the line, so that it holds nobody up, and alerts."""
    log.error("settlement: order %s can't be settled and is set aside", order_id, exc_info=error)
    reason = f"{type(error).__name__}: {error}"[:REASON_CHARACTERS]
    with transaction.atomic():
        ending = Order.objects.filter(id=order_id, status=Status.ENDING)
        if not ending.update(set_aside_at=now, set_aside_reason=reason):
            return  # another worker settled it meanwhile
        OrderTransition.objects.create(
            order_id=order_id,
            from_status=Status.ENDING,
            to_status=Status.ENDING,
            why="settlement_failed",
            at=now,
            detail={"error": reason},
        )
