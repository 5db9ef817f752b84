"""Review: a verdict by one of our staff, on what they saw, before a deadline that binds."""

import logging
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from django.db import transaction
from django.utils.translation import gettext_lazy as _

from orders import lifecycle, notices, sweeping
from orders.models import EndReason, Order, Review, ReviewKind, ReviewStatus, Status
from orders.states import OPEN
from promote.accounts.models import User
from promote.catalogue.models import Video
from promote.eligibility import BROWSER, NotEligible, assess
from promote.markets.models import Term
from promote.refusals import FieldError, Invalid, NotAllowed, WrongState

log = logging.getLogger(__name__)
PERMISSION = "orders.review_order"
PLACE_AGAIN_FOR = timedelta(days=7)
REASON_CHARACTERS = 2000


class NotUnderReview(WrongState):
    sentence = _("This order is not waiting for a verdict.")


class ChangedSinceSeen(WrongState):
    sentence = _("The order was changed since you opened it. Look at it again, then decide.")


class ReviewIsOver(WrongState):
    sentence = _("The time to review this order is over. It is being cancelled, and everything returns.")


class NotAReviewer(NotAllowed):
    sentence = _("Only reviewers may decide this. Ask for the role reviewer.")


class OwnOrder(NotAllowed):
    sentence = _("This is your own order. Somebody else has to decide it.")


class SamePerson(NotAllowed):
    sentence = _("You rejected this order, so its appeal goes to another person.")


@dataclass(frozen=True, slots=True)
class Grounds:
    """Why something is rejected: the policy, the place in the video in seconds, the words, what would mend it."""

    policy: str
    place_start_s: int | None
    place_end_s: int | None
    reason: str
    remedy: str


def seen_of(order: Order) -> str:
    """What a reviewer sees of an order, as one word: it changes with the target's revision and the owner's changes."""
    return f"{order.target.revision}.{order.amendments}"


def approve(*, order_id: UUID, by: User, now: datetime, seen: str | None = None) -> Order:
    """Approves what was seen: a video starts to deliver, a live goes on, an appeal is upheld.

    `seen` is what the reviewer had before them (`seen_of`), None for the order as it is now.
    Raises NotFound, NotAllowed, NotUnderReview, ReviewIsOver, ChangedSinceSeen, NotEligible.
    """
    with transaction.atomic():
        order, review = _open_to(by, order_id, seen=seen, now=now)
        eligibility = assess(account=order.account, target=order.target, caller=BROWSER, now=now)
        if not eligibility.eligible and review.kind != ReviewKind.APPEAL:
            raise NotEligible(eligibility)
        if eligibility.function != order.function:
            raise ChangedSinceSeen
        _decide(review, ReviewStatus.APPROVED, by=by, now=now)
        order.revision_seen = order.target.revision
        order.save(update_fields=["revision_seen"])
        if review.kind == ReviewKind.APPEAL:
            _uphold(order, by=by, now=now)
        elif order.status == Status.IN_REVIEW:
            lifecycle.start(order, by=by, why="approved", now=now)
            notices.tell(order, "order_running", now=now)
        else:
            order.note(why="approved", by=by, now=now)
            if order.status == Status.SCHEDULED:
                notices.tell(order, "order_scheduled", now=now)
        return order


def reject(
    *,
    order_id: UUID,
    by: User,
    policy: str,
    place_start_s: int | None = None,
    place_end_s: int | None = None,
    reason: str = "",
    remedy: str = "",
    now: datetime,
    seen: str | None = None,
) -> Order:
    """Rejects what was seen, by a policy. Where nothing was spent everything returns at once; else the order ends.

    Without words the policy's own are told. A rejected appeal leaves the order as it is.
    Raises NotFound, NotAllowed, NotUnderReview, ReviewIsOver, ChangedSinceSeen, Invalid.
    """
    with transaction.atomic():
        order, review = _open_to(by, order_id, seen=seen, now=now)
        grounds = _grounds(order, policy, place_start_s, place_end_s, reason, remedy)
        _decide(review, ReviewStatus.REJECTED, by=by, now=now, grounds=grounds)
        if review.kind == ReviewKind.APPEAL:
            order.note(why="appeal_refused", by=by, now=now, policy=policy)
            notices.tell(order, "order_appeal_refused", now=now)
            return order
        lifecycle.stop(order, reason=EndReason.REJECTED, by=by, now=now)
        told = {"reason": grounds.reason, "remedy": grounds.remedy}
        if order.refunded_coins is None:
            notices.tell(order, "order_rejected_running", now=now, **told)
        else:
            notices.tell(order, "order_rejected", now=now, coins=order.refunded_coins, **told)
        return order


def expire_due(*, now: datetime, limit: int = 200) -> int:
    """Cancels orders that nobody reviewed in time; everything unspent returns, and ops hears of it. Returns how many.

    An appeal that nobody looked at in time is closed without using up the owner's right to one.
    """
    overdue = Review.objects.filter(status=ReviewStatus.PENDING, due_at__lte=now).order_by("due_at")

    def expire(order_id: UUID) -> int:
        order = lifecycle.locked(order_id)
        review = Review.objects.filter(order=order, status=ReviewStatus.PENDING, due_at__lte=now).first()
        if review is not None:
            _expire(order, review, now=now)
        return int(review is not None)

    return sweeping.each(list(overdue.values_list("order_id", flat=True)[:limit]), expire)


def _expire(order: Order, review: Review, *, now: datetime) -> None:
    log.error("review: %s of %s was not decided by %s", review.kind, order.public_id, review.due_at.isoformat())
    review.status, review.decided_at = ReviewStatus.OVERDUE, now
    review.save(update_fields=["status", "decided_at"])
    if review.kind == ReviewKind.APPEAL:
        order.note(why="appeal_overdue", by=None, now=now)
        notices.tell(order, "order_appeal_overdue", now=now)
    elif order.status in OPEN:
        lifecycle.stop(order, reason=EndReason.REVIEW_OVERDUE, by=None, now=now)


def _open_to(by: User, order_id: UUID, *, seen: str | None, now: datetime) -> tuple[Order, Review]:
    """The locked order with its open review, if this person may decide it on what they saw."""
    if not by.is_active or not by.has_perm(PERMISSION):
        raise NotAReviewer
    order = lifecycle.locked(order_id)
    review = Review.objects.filter(order=order, status=ReviewStatus.PENDING).first()
    if review is None:
        raise NotUnderReview
    if order.account.user_id == by.pk:
        raise OwnOrder
    if review.not_by_id == by.pk:
        raise SamePerson
    if review.due_at <= now:
        raise ReviewIsOver
    if seen is not None and seen != seen_of(order):
        raise ChangedSinceSeen
    return order, review


def _decide(review: Review, status: ReviewStatus, *, by: User, now: datetime, grounds: Grounds | None = None) -> None:
    review.status, review.decided_by, review.decided_at = status, by, now
    review.revision = review.order.target.revision
    if grounds is not None:
        review.policy, review.reason, review.remedy = grounds.policy, grounds.reason, grounds.remedy
        review.place_start_s, review.place_end_s = grounds.place_start_s, grounds.place_end_s
    review.save()


def _uphold(order: Order, *, by: User, now: datetime) -> None:
    order.place_again_until = now + PLACE_AGAIN_FOR
    order.save(update_fields=["place_again_until"])
    order.note(why="appeal_upheld", by=by, now=now)
    notices.tell(order, "order_appeal_upheld", now=now)


def _grounds(order: Order, policy: str, start_s: int | None, end_s: int | None, reason: str, remedy: str) -> Grounds:
    """Checked, and filled with the policy's own words. Raises Invalid."""
    errors = []
    term = Term.objects.filter(kind=Term.Kind.POLICY, code=policy).first()
    if term is None:
        known = ", ".join(Term.objects.filter(kind=Term.Kind.POLICY).values_list("code", flat=True))
        errors.append(FieldError("policy", "unknown", _("Choose one of: {known}.").format(known=known)))
    if (start_s is None) != (end_s is None):
        errors.append(FieldError("place_start_s", "both", _("Give both ends of the place, or neither.")))
    elif start_s is not None and end_s is not None:
        most = order.target.duration_s if isinstance(order.target, Video) else None
        if start_s < 0 or end_s < start_s or (most is not None and end_s > most):
            errors.append(FieldError("place_start_s", "out_of_range", _("The place must lie within the video.")))
    for field, text in (("reason", reason), ("remedy", remedy)):
        if len(text) > REASON_CHARACTERS:
            errors.append(FieldError(field, "too_long", _("Use fewer than 2,000 characters.")))
    if errors or term is None:
        raise Invalid(errors)
    return Grounds(policy, start_s, end_s, reason.strip() or f"{term.label}.", remedy.strip() or term.remedy)
