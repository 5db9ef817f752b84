"""An order's way from running to ended: by time, budget, its owner, ops, or what happened to its target."""

import logging
from collections import Counter
from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import partial
from typing import Any
from uuid import UUID

from django.db import transaction
from django.db.models.functions import Coalesce
from django.utils.translation import gettext_lazy as _

from orders import notices, settlement, sweeping
from orders.models import Actor, EndReason, Order, Review, ReviewKind, ReviewStatus, Status
from orders.states import OPEN, WAITS_FOR_TOKENS
from payments import escrow
from promote import ids, outbox
from promote.catalogue.models import title_of
from promote.halving import halved
from promote.refusals import NotFound, WrongState

log = logging.getLogger(__name__)
STUCK_AFTER_S = 300
"""So long after its end an order waits for its shard to drain; then it is closed, and later events are not billed."""


class AlreadyEnded(WrongState):
    sentence = _("This order has ended already.")


def locked(order_id: UUID) -> Order:
    """The order, locked until the transaction ends. First lock of every use case on an order. Raises NotFound."""
    order = (
        Order.objects.select_for_update(no_key=True, of=("self",))
        .select_related("account", "market", "video__product", "live", "offer__campaign")
        .filter(id=order_id)
        .first()
    )
    if order is None:
        raise NotFound
    return order


def end(*, order_id: UUID, reason: EndReason, by: Actor | None, now: datetime) -> Order:
    """Ends an order before its time. One that never delivered is cancelled and everything returns at once; else it is
    ending, and the rest returns once its last event is known.

    Raises NotFound, AlreadyEnded. Source: DESIGN.md 2.
    """
    with transaction.atomic():
        order = locked(order_id)
        if order.status not in OPEN:
            raise AlreadyEnded
        stop(order, reason=EndReason(reason), by=by, now=now)
        return order


def stop(order: Order, *, reason: EndReason, by: Actor | None, now: datetime) -> None:
    """Ends an open order under its lock, the way that its state asks for."""
    _lapse_review(order, now=now)
    verdict = reason in (EndReason.REJECTED, EndReason.REVIEW_OVERDUE)
    if order.starts_at is None or (verdict and _spent_nothing(order)):
        call_off(order, reason=reason, by=by, now=now)
    else:
        start_ending(order, reason=reason, by=by, now=now, ended_at=now)


def call_off(order: Order, *, reason: EndReason, by: Actor | None, now: datetime) -> None:
    """Rejects or cancels an order that spent nothing: all of it returns now."""
    to = Status.REJECTED if reason == EndReason.REJECTED else Status.CANCELLED
    settlement.call_off(order, to=to, reason=reason, by=by, now=now)
    if order.starts_at is not None:
        _tell_delivery(order, reason=reason, ended_at=now)
    if reason == EndReason.REVIEW_OVERDUE:
        notices.tell(order, "order_review_overdue", now=now, coins=order.pay_coins)
    elif reason != EndReason.REJECTED:  # the verdict is told by who gave it
        notices.tell(order, "order_cancelled", now=now, coins=order.pay_coins)


def start_ending(order: Order, *, reason: EndReason, by: Actor | None, now: datetime, ended_at: datetime) -> None:
    """Moves a delivering, paused or re-reviewed order to `ending`. Delivery hears it, and says when it is drained."""
    order.move(
        to=Status.ENDING,
        by=by,
        why=reason.value,
        now=now,
        end_reason=reason,
        ended_at=ended_at,
        ending_at=now,
        refund_due_at=settlement.refund_due_at(order, ended_at=ended_at),
        stopped_at=None,
    )
    _tell_delivery(order, reason=reason, ended_at=ended_at)
    if reason != EndReason.REJECTED:  # the verdict is told by who gave it
        notices.tell(order, "order_ended", now=now, reason=reason.value)


def start(order: Order, *, by: Actor | None, why: str, now: datetime) -> None:
    """Lets an order deliver: its clock starts, or goes on from where it stood still."""
    if order.starts_at is None or order.ends_at is None:
        clock = {"starts_at": now, "ends_at": now + timedelta(seconds=order.duration_s)}
    else:
        stood_s = now - order.stopped_at if order.stopped_at else timedelta()
        clock = {"ends_at": order.ends_at + stood_s}
    order.move(to=Status.DELIVERING, by=by, why=why, now=now, stopped_at=None, **clock)


def review_due_at(order: Order, *, now: datetime) -> datetime:
    """By when a review that opens now must be decided."""
    return now + timedelta(seconds=order.market.review_deadline_s)


def go_on_air(order: Order, *, now: datetime) -> None:
    """The live of a scheduled order is on air: its clock starts, and so does that of its review."""
    start(order, by=None, why="on_air", now=now)
    Review.objects.filter(order=order, status=ReviewStatus.PENDING, kind=ReviewKind.FIRST).update(
        due_at=review_due_at(order, now=now)
    )
    notices.tell(order, "order_running", now=now)


def end_due(*, now: datetime, limit: int = 500) -> int:
    """Ends orders whose time is over, the longest overdue first, all of a batch at once. Returns how many.

    The end is when their time was over, not when we came to it: after an outage the lateness is ours, and counted.
    """
    with transaction.atomic():
        due = Order.objects.over(now).order_by("ends_at").select_for_update(no_key=True, skip_locked=True)
        running = _running(list(due.values_list("id", flat=True)[:limit]))
        ends = [replace(order, ended_at=order.ends_at) for order in running]
        return halved(ends, partial(_end_all, reason=EndReason.TIME, now=now), failed=_not_ended)


def cancel_never_on_air(*, now: datetime, limit: int = 200) -> int:
    """Cancels scheduled orders whose live is so long overdue that it won't come. Returns how many."""
    waiting = (
        Order.objects.filter(status=Status.SCHEDULED, live__starts_at__lt=now)
        .select_related("live", "market")
        .order_by("live__starts_at")[:limit]
    )
    overdue = [
        order.id
        for order in waiting
        if order.live and order.live.starts_at + timedelta(seconds=order.market.never_on_air_after_s) <= now
    ]
    return sweeping.each(overdue, partial(_end_if, status=Status.SCHEDULED, reason=EndReason.NEVER_ON_AIR, now=now))


def mark_budget_spent(*, order_ids: Collection[UUID], now: datetime) -> None:
    """Ends the delivering ones among these orders: what is left of their budget buys nothing any more."""
    with transaction.atomic():
        spent = Order.objects.delivering().filter(id__in=order_ids).order_by("id").select_for_update(no_key=True)
        running = _running(list(spent.values_list("id", flat=True)))
        ends = [replace(order, ended_at=now) for order in running]
        halved(ends, partial(_end_all, reason=EndReason.BUDGET, now=now), failed=_not_ended)


def mark_drained(*, order_id: UUID, now: datetime) -> None:
    """The order's last event is known: it is closed to later ones, and settled as soon as this is committed.

    Asked again, or for an order that ended otherwise, it changes nothing.
    """
    mark_all_drained(order_ids=[order_id], now=now)


def mark_all_drained(*, order_ids: Collection[UUID], now: datetime) -> None:
    """As `mark_drained`, of all orders behind one batch of the drain."""
    with transaction.atomic():
        ended = Order.objects.filter(id__in=order_ids, status=Status.ENDING, drained_at=None)
        locked = ended.order_by("id").select_for_update(no_key=True)
        _close(list(locked.values_list("id", flat=True)), now=now)


def close_stuck(*, now: datetime, limit: int = 500) -> int:
    """Closes orders whose shard did not drain within STUCK_AFTER_S, so that their owners get their refund in time.

    Only `closed_at`, set under the order's lock, makes later events unbilled. Returns how many.
    """
    with transaction.atomic():
        undrained = Order.objects.filter(
            status=Status.ENDING, drained_at=None, ending_at__lte=now - timedelta(seconds=STUCK_AFTER_S)
        )
        locked = undrained.order_by("refund_due_at").select_for_update(no_key=True, skip_locked=True)
        stuck = dict(locked.values_list("id", "shard")[:limit])
        for shard, count in sorted(Counter(stuck.values()).items()):
            first = ids.public("ord", next(id_ for id_ in stuck if stuck[id_] == shard))
            log.error("lifecycle: shard %s did not drain; %s orders are closed, the first %s", shard, count, first)
        _close(list(stuck), now=now)
        return len(stuck)


def _close(order_ids: Collection[UUID], *, now: datetime) -> None:
    """Of orders that the caller has locked."""
    if order_ids:
        Order.objects.filter(id__in=order_ids).update(drained_at=now, closed_at=Coalesce("closed_at", now))
        settlement.wake_when_committed()


@dataclass(frozen=True, slots=True)
class _Running:
    """What ending a delivering order needs to know of it."""

    id: UUID
    account_id: UUID
    title: str
    shard: int
    ends_at: datetime
    refund_within: timedelta
    ended_at: datetime


def _running(order_ids: Collection[UUID]) -> list[_Running]:
    rows = Order.objects.filter(id__in=order_ids).values_list(
        "id", "account_id", "live__title", "video__caption", "shard", "ends_at", "market__refund_within_s"
    )
    return [
        _Running(id_, account_id, live or title_of(caption), shard, ends_at, timedelta(seconds=within_s), ends_at)
        for id_, account_id, live, caption, shard, ends_at, within_s in rows
        if ends_at is not None  # order_delivering_has_clock
    ]


def _end_all(orders: Sequence[_Running], *, reason: EndReason, now: datetime) -> None:
    """As `start_ending`, of many delivering orders in five statements whatever their number."""
    Review.objects.filter(order__in=[order.id for order in orders], status=ReviewStatus.PENDING).update(
        status=ReviewStatus.LAPSED, decided_at=now
    )
    rows = [
        {"id": order.id, "ended_at": order.ended_at, "refund_due_at": order.ended_at + order.refund_within}
        for order in orders
    ]
    Order.move_all(
        rows, before=Status.DELIVERING, to=Status.ENDING, why=reason.value, now=now, end_reason=reason, ending_at=now
    )
    topic = _topic(reason)
    outbox.record_all(topic, [_news(order.id, order.shard, reason, order.ended_at) for order in orders])
    told = [(order.account_id, ids.public("ord", order.id), order.title, {"reason": reason.value}) for order in orders]
    notices.tell_all("order_ended", told, now=now)


def _not_ended(order: _Running, error: Exception) -> None:
    log.error("lifecycle: order %s can't be ended", ids.public("ord", order.id), exc_info=error)


def _end_if(order_id: UUID, *, status: Status, reason: EndReason, now: datetime) -> int:
    """Ends the order if it is in this state still. In the caller's transaction."""
    order = locked(order_id)
    if order.status != status:
        return 0
    stop(order, reason=reason, by=None, now=now)
    return 1


def _lapse_review(order: Order, *, now: datetime) -> None:
    Review.objects.filter(order=order, status=ReviewStatus.PENDING).update(status=ReviewStatus.LAPSED, decided_at=now)


def _spent_nothing(order: Order) -> bool:
    assert order.escrow_id is not None
    return escrow.lock([order.escrow_id])[order.escrow_id] == order.cost_micros


def _tell_delivery(order: Order, *, reason: EndReason, ended_at: datetime) -> None:
    outbox.record(_topic(reason), _news(order.id, order.shard, reason, ended_at))


def _topic(reason: EndReason) -> str:
    """A stop does not stand in line behind a million orders whose time is over."""
    return "order_ended" if reason in WAITS_FOR_TOKENS else "order_stopped"


def _news(order_id: UUID, shard: int, reason: EndReason, ended_at: datetime) -> dict[str, Any]:
    """`stop`: nothing counts after the end. Without it the tokens already out count until they expire."""
    return {
        "order": str(order_id),
        "shard": shard,
        "reason": reason.value,
        "stop": reason not in WAITS_FOR_TOKENS,
        "ends_at": ended_at.isoformat(),
    }
