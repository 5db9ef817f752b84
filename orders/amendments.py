"""What an order's owner may still change while it is in review: audience, link, length. Never the price."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from django.db import transaction
from django.utils.translation import gettext_lazy as _

from orders import lifecycle, wishes
from orders.models import Actor, Order, ReviewStatus, Status
from promote.refusals import FieldError, Invalid, WrongState

FIELDS = ("audience", "website_url", "call_to_action", "duration_s")


class NotInReview(WrongState):
    sentence = _("This can only be changed while the order is in review. You can end it and place another.")


def amend(*, order_id: UUID, by: Actor | None, changes: Mapping[str, Any], now: datetime) -> Order:
    """Changes some of FIELDS of an order in review, within the limits that a new order has; the cost stays.

    A verdict that saw it before the change is refused. Raises NotFound, NotInReview, Invalid.
    """
    with transaction.atomic():
        order = lifecycle.locked(order_id)
        if not may_change(order):
            raise NotInReview
        wish = wished(order, changes)
        before = {name: getattr(order, name) for name in FIELDS}
        changed = {name: getattr(wish, name) for name in FIELDS if getattr(wish, name) != before[name]}
        if changed:
            _write(order, changed, by=by, now=now)
        return order


def may_change(order: Order) -> bool:
    """Whether it still waits for its verdict, and has not begun without one as a live on air does."""
    waits = any(review.status == ReviewStatus.PENDING for review in order.reviews.all())
    return waits and order.status in (Status.IN_REVIEW, Status.SCHEDULED)


def wished(order: Order, changes: Mapping[str, Any]) -> wishes.Wish:
    """The order as it would be with these changes. Raises Invalid."""
    wanted = {name: changes[name] if name in changes else getattr(order, name) for name in FIELDS}
    return wishes.checked(
        account=order.account,
        market=order.market,
        function=order.function,
        objective=order.objective,
        budget_coins=order.cost_coins,
        **wanted,
    )


def _write(order: Order, changed: dict[str, Any], *, by: Actor | None, now: datetime) -> None:
    longer_s = changed.get("duration_s", order.duration_s) - order.duration_s
    for name, value in changed.items():
        setattr(order, name, value)
    order.amendments += 1
    if order.ends_at is not None and order.stopped_at is not None:
        order.ends_at += timedelta(seconds=longer_s)
        if order.ends_at <= order.stopped_at:
            raise Invalid([FieldError("duration_hours", "too_short", _("It has run longer than this already."))])
    order.save(update_fields=[*changed, "amendments", "ends_at"])
    order.note(why="amended", by=by, now=now, changed=sorted(changed))
