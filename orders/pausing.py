"""Pausing: not for users, unless ops has switched it on for the market; then paused time does not count."""

from datetime import datetime
from uuid import UUID

from django.db import transaction
from django.utils.translation import gettext_lazy as _

from orders import lifecycle
from orders.models import Actor, Order, Review, ReviewStatus, Status
from promote.refusals import Refusal, WrongState


class PausingNotAvailable(Refusal):
    code, status = "pausing_not_available", 409
    title = _("Orders can't be paused")
    sentence = _(
        "Orders can't be paused or resumed in your country. You can end this one. "
        "What isn't spent comes back to your balance within 15 minutes of the end."
    )


def pause(*, order_id: UUID, by: Actor | None, now: datetime) -> Order:
    """Stops delivery and the clock. Raises NotFound, PausingNotAvailable, WrongState where it does not deliver."""
    with transaction.atomic():
        order = lifecycle.locked(order_id)
        if not order.market.pausing_allowed:
            raise PausingNotAvailable
        if order.status != Status.DELIVERING:
            raise WrongState
        order.move(to=Status.PAUSED, by=by, why="paused", now=now, stopped_at=now)
        return order


def resume(*, order_id: UUID, by: Actor | None, now: datetime) -> Order:
    """Lets a paused order deliver again, its end moved by the time it stood still.

    One that was changed meanwhile goes to review first. Raises NotFound, PausingNotAvailable, WrongState.
    """
    with transaction.atomic():
        order = lifecycle.locked(order_id)
        if not order.market.pausing_allowed:
            raise PausingNotAvailable
        if order.status != Status.PAUSED:
            raise WrongState
        under_review = Review.objects.filter(order=order, status=ReviewStatus.PENDING).exists()
        if under_review and order.function != "live":
            order.move(to=Status.IN_REVIEW, by=by, why="resumed", now=now)
        else:
            lifecycle.start(order, by=by, why="resumed", now=now)
        return order
