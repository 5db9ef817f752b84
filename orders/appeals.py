"""Appeals: one a rejection, to another person, with its own clock; and placing again what was rejected wrongly."""

from datetime import datetime
from uuid import UUID

from django.db import transaction
from django.utils.translation import gettext_lazy as _

from coupons import redemption
from coupons.redemption import OfferNotApplicable
from orders import lifecycle
from orders.models import EndReason, Order, Review, ReviewKind, ReviewStatus
from orders.placement import open_order
from orders.quotes import Plan
from promote import ids
from promote.accounts.models import Account
from promote.eligibility import Caller
from promote.idempotency.answers import KeyReused
from promote.refusals import WrongState

MESSAGE_CHARACTERS = 2000


class NothingToAppeal(WrongState):
    sentence = _("Only a rejected order can be appealed, once.")


class CantPlaceAgain(WrongState):
    sentence = _("This order can't be placed again: that is for seven days after an appeal was upheld, once.")


def appeal(*, order_id: UUID, by: Account, message: str = "", now: datetime) -> Order:
    """Asks another person to look at a rejected order again. Raises NotFound, NothingToAppeal."""
    with transaction.atomic():
        order = lifecycle.locked(order_id)
        rejection = _rejection(order)
        if order.end_reason != EndReason.REJECTED or rejection is None:
            raise NothingToAppeal
        # One that nobody looked at in time does not count.
        if order.reviews.filter(kind=ReviewKind.APPEAL).exclude(status=ReviewStatus.OVERDUE).exists():
            raise NothingToAppeal
        Review.objects.create(
            order=order,
            kind=ReviewKind.APPEAL,
            opened_at=now,
            due_at=lifecycle.review_due_at(order, now=now),
            not_by=rejection.decided_by,
            message=message[:MESSAGE_CHARACTERS],
        )
        order.note(why="appealed", by=by, now=now)
        return order


def place_again(*, order_id: UUID, account: Account, key: str, caller: Caller, now: datetime) -> Order:
    """Places an order whose appeal was upheld once more, approved, at the same price. The same key, the same order.

    Its coupon is used again where it came back; else the whole price is paid in coins. What changed since the verdict
    is reviewed like any other. Raises NotFound, CantPlaceAgain, KeyReused, NotEligible, InsufficientCoins.
    """
    with transaction.atomic():
        old = lifecycle.locked(order_id)
        again = Order.objects.filter(placed_again_from=old).first()
        if again is not None and again.key == key:
            return again
        if Order.objects.filter(account=account, key=key).exists():
            raise KeyReused
        if again is not None or old.place_again_until is None or now >= old.place_again_until:
            raise CantPlaceAgain
        return open_order(_plan(old, now=now), key=key, caller=caller, now=now, again_from=old)


def _rejection(order: Order) -> Review | None:
    return (
        order.reviews.filter(status=ReviewStatus.REJECTED).exclude(kind=ReviewKind.APPEAL).order_by("decided_at").last()
    )


def _plan(old: Order, *, now: datetime) -> Plan:
    coupon_coins = 0
    if old.offer is not None:
        try:
            coupon_coins = redemption.price(offer=old.offer, cost_coins=old.cost_coins, now=now)
        except OfferNotApplicable:
            coupon_coins = 0
    return Plan(
        id=ids.new(),
        account_id=old.account_id,
        market=old.market_id,
        target=old.target.public_id,
        function=old.function,
        objective=old.objective,
        duration_s=old.duration_s,
        audience=old.audience,
        website_url=old.website_url,
        call_to_action=old.call_to_action,
        cost_coins=old.cost_coins,
        coupon_coins=coupon_coins,
        offer_id=old.offer_id if coupon_coins else None,
        expires_at=now,
    )
