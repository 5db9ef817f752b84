"""How far an order has come: what is spent, what is left, how much of its time is over."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.utils.translation import gettext as _

from orders.models import Order
from orders.states import Status
from payments import escrow
from promote.front import spans
from promote.front.parts import Progress, percent
from promote.money import MICROS


@dataclass(frozen=True, slots=True)
class OrderRow:
    """An order as a list shows it."""

    order: Order
    progress: Progress | None
    """None where nothing moves: it is over or has not begun."""


def rows(orders: Iterable[Order], *, now: datetime) -> list[OrderRow]:
    """One query for what is left in all of their escrows."""
    orders = list(orders)
    spent = spent_micros(orders)
    moving = (Status.DELIVERING, Status.PAUSED, Status.ENDING)
    return [
        OrderRow(order, progress(order, spent[order.id], now=now) if order.status in moving else None)
        for order in orders
    ]


def spent_micros(orders: Iterable[Order]) -> dict[object, int]:
    """What was charged so far, coupon and coins together, from the ledger; what is final, from the order."""
    orders = list(orders)
    left = escrow.left(escrow_ids=[o.escrow_id for o in orders if o.escrow_id is not None and not o.is_final])
    return {
        order.id: order.settled_micros
        if order.is_final
        else order.cost_micros - left.get(order.escrow_id or 0, order.cost_micros)
        for order in orders
    }


def progress(order: Order, spent: int, *, now: datetime) -> Progress:
    passed = time_passed(order, now=now)
    whole = timedelta(seconds=order.duration_s)
    return Progress(
        spent_micros=spent,
        budget_coins=order.cost_coins,
        budget_percent=percent(spent, order.cost_coins * MICROS),
        time_percent=percent(int(passed.total_seconds()), order.duration_s),
        time_words=_time_words(order, passed, whole),
    )


def time_passed(order: Order, *, now: datetime) -> timedelta:
    """How much of its time has run; a clock that stands still has stood since it stopped."""
    if order.starts_at is None or order.ends_at is None:
        return timedelta()
    until = order.ended_at or order.stopped_at or min(now, order.ends_at)
    # Its end moves on by every pause, so what is left is exact and what has passed is the rest.
    return max(timedelta(seconds=order.duration_s) - max(order.ends_at - until, timedelta()), timedelta())


def _time_words(order: Order, passed: timedelta, whole: timedelta) -> str:
    length = spans.said(int(whole.total_seconds()))
    if order.starts_at is None:
        return _("%(length)s, not begun") % {"length": length}
    if order.ended_at is not None:
        return _("ran %(passed)s of %(length)s") % {"passed": spans.said(int(passed.total_seconds())), "length": length}
    left = spans.said(int((whole - passed).total_seconds()))
    return _("%(left)s left of %(length)s") % {"left": left, "length": length}
