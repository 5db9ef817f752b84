"""Settlement: what was spent is final; the rest returns to the very lots that paid, the coupon's to its campaign.

A batch is a dozen statements, whatever its size; an order that is called off goes the same way, as a batch of one.
"""

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any, cast
from uuid import UUID

from django.db import transaction

from coupons import redemption
from orders import notices
from orders.models import Actor, EndReason, Order, OrderTransition, Status
from payments import escrow
from payments.escrow import CouponShare, EscrowToSettle, Settled
from promote import ids, outbox, unforeseen
from promote.accounts.models import User
from promote.catalogue.models import title_of
from promote.halving import of_the_database
from promote.money import coins_to_micros
from promote.refusals import WrongState

log = logging.getLogger(__name__)
REASON_CHARACTERS = 2000


@dataclass(frozen=True, slots=True)
class Ended:
    """What settling needs to know of an order."""

    id: UUID
    account_id: UUID
    escrow_id: int
    offer_id: UUID | None
    coupon: CouponShare | None
    market: str
    title: str
    function: str
    objective: str
    starts_at: datetime | None
    ended_at: datetime | None
    refund_due_at: datetime | None

    @property
    def public_id(self) -> str:
        return ids.public("ord", self.id)


def settle_due(*, limit: int, now: datetime) -> int:
    """Settles up to `limit` ended orders whose last event is known, the oldest promise first. Returns how many.

    Workers share the line (SKIP LOCKED): each takes orders that no other has. A batch that fails is halved down to the
    one order that can't be settled, which is set aside with an alert; the others get their refunds. Source: delivery.md
    2, Settlement.
    """
    return _settle(None, limit=limit, now=now)


def _settle(among: Sequence[UUID] | None, *, limit: int, now: datetime) -> int:
    taken: list[UUID] = []
    try:
        with transaction.atomic():
            taken += _take(among, limit=limit)
            if taken:
                _settle_taken(taken, now=now)
            return len(taken)
    except Exception as error:  # whatever it is, the other orders get their refunds
        if not taken or of_the_database(error):
            raise
        if len(taken) == 1:
            _set_aside(taken[0], error=error, now=now)
            return 0
        halves = taken[: len(taken) // 2], taken[len(taken) // 2 :]
        return sum(_settle(half, limit=limit, now=now) for half in halves)


def _take(among: Sequence[UUID] | None, *, limit: int) -> list[UUID]:
    """The next in line that no other worker has, locked until the transaction ends."""
    line = Order.objects.ready_to_settle().select_for_update(no_key=True, skip_locked=True)
    if among is not None:
        line = line.filter(id__in=among)
    return list(line.values_list("id", flat=True)[:limit])


def _settle_taken(order_ids: Sequence[UUID], *, now: datetime) -> None:
    orders = _ended(order_ids)
    weighed = escrow.weigh(_to_settle(orders))
    settled = weighed.settled
    rows = [{"id": order.id, **_figures(settled[order.escrow_id])} for order in orders]
    Order.move_all(rows, before=Status.ENDING, to=Status.SETTLED, why="settled", now=now, refunded_at=now)
    _finish(orders, settled, now=now)
    told = [
        (order.account_id, order.public_id, order.title, {"spent": one.user_spent_coins, "coins": one.refunded_coins})
        for order in orders
        for one in [settled[order.escrow_id]]
    ]
    notices.tell_all("order_settled", told, now=now)
    escrow.empty(weighed, now=now)  # last, since it locks what many orders share
    _alert_of_late(orders, now=now)


def call_off(order: Order, *, to: Status, reason: EndReason, by: Actor | None, now: datetime) -> None:
    """Ends an order that spent nothing, and returns everything at once, in the caller's transaction under its lock.

    Events that were under way are not billed any more. A CHECK refuses it for an order that spent.
    """
    orders = [replace(one, ended_at=now) for one in _ended([order.id])]
    settled = escrow.settle(settlements=_to_settle(orders), now=now)
    assert order.escrow_id is not None  # order_is_funded
    order.move(
        to=to,
        by=by,
        why=reason.value,
        now=now,
        end_reason=reason,
        ended_at=now,
        ending_at=now,
        closed_at=now,
        refund_due_at=refund_due_at(order, ended_at=now),
        refunded_at=now,
        stopped_at=None,
        **_figures(settled[order.escrow_id]),
    )
    _finish(orders, settled, now=now)


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


def _ended(order_ids: Sequence[UUID]) -> list[Ended]:
    rows = Order.objects.filter(id__in=order_ids).values_list(
        "id", "account_id", "escrow_id", "offer_id", "offer__campaign__ledger_account_id", "coupon_coins", "market_id",
        "video__caption", "live__title", "function", "objective", "starts_at", "ended_at", "refund_due_at",
    )  # fmt: skip
    return [
        Ended(
            id=id_,
            account_id=account_id,
            escrow_id=cast("int", escrow_id),  # order_is_funded
            offer_id=offer_id,
            coupon=CouponShare(campaign, coins_to_micros(coupon_coins)) if offer_id else None,
            market=market,
            title=live or title_of(caption),
            function=function,
            objective=objective,
            starts_at=starts_at,
            ended_at=ended_at,
            refund_due_at=refund_due_at,
        )
        for (id_, account_id, escrow_id, offer_id, campaign, coupon_coins, market, caption, live, function, objective,
             starts_at, ended_at, refund_due_at) in rows
    ]  # fmt: skip


def _to_settle(orders: Sequence[Ended]) -> list[EscrowToSettle]:
    return [EscrowToSettle(order.escrow_id, order.coupon, order.public_id) for order in orders]


def _figures(settled: Settled) -> dict[str, int]:
    """What an order's row says of its money once it is final."""
    return {
        "charged_micros": settled.charged_micros,
        "coupon_spent_micros": settled.coupon_spent_micros,
        "spent_coins": settled.user_spent_coins,
        "refunded_coins": settled.refunded_coins,
    }


def _finish(orders: Sequence[Ended], settled: Mapping[int, Settled], *, now: datetime) -> None:
    """What follows from an order's last figures: its coupon is used up or back, and its invoice is asked for."""
    with_coupon = {order.offer_id: settled[order.escrow_id].charged_micros > 0 for order in orders if order.offer_id}
    if with_coupon:
        redemption.finish(spent_anything=with_coupon, now=now)
    outbox.record_all("order_settled", [_news(order, settled[order.escrow_id]) for order in orders])


def _news(order: Ended, settled: Settled) -> dict[str, Any]:
    """What the invoice says the order was; what it cost is read from the ledger."""
    return {
        "order": str(order.id),
        "account": str(order.account_id),
        "spent_coins": settled.user_spent_coins,
        "refunded_coins": settled.refunded_coins,
        "market": order.market,
        "title": order.title,
        "function": order.function,
        "objective": order.objective,
        "starts_at": order.starts_at.isoformat() if order.starts_at else None,
        "ended_at": order.ended_at.isoformat() if order.ended_at else None,
    }


def _alert_of_late(orders: Sequence[Ended], *, now: datetime) -> None:
    late = [order for order in orders if order.refund_due_at is not None and order.refund_due_at < now]
    if late:
        log.error("settlement: %s of %s refunds are late, such as that of order %s", len(late), len(orders), late[0].id)


def _set_aside(order_id: UUID, *, error: Exception, now: datetime) -> None:
    """Takes the order out of the line, so that it holds nobody up, and alerts."""
    log.error("settlement: order %s can't be settled and is set aside", order_id, exc_info=error)
    reason = unforeseen.named(error)[:REASON_CHARACTERS]
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
