"""What happens to orders when the platform changes their target or account. Heard through the outbox."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db import transaction
from django.db.models import Q

from orders import lifecycle, notices
from orders.models import EndReason, Order, Review, ReviewKind, ReviewStatus, Status
from orders.states import OPEN
from promote import ids, outbox
from promote.catalogue.models import LiveRoom, LiveState, Standing, Video, Visibility
from promote.catalogue.targets import Target


@outbox.subscribe_many("target_changed", is_urgent=True)
def on_targets_changed(payloads: Sequence[dict[str, Any]], now: datetime) -> None:
    """Of all that an update of a catalogue changes little is promoted: those orders are followed, each by itself, and
    none of them waits for what is not."""
    names = [ids.parse(payload["target"].partition("_")[0], payload["target"]) for payload in payloads]
    promoting = Order.objects.open().filter(Q(video__in=names) | Q(live__in=names)).order_by("id")
    outbox.record_all("order_touched", [{"order": str(id_)} for id_ in promoting.values_list("id", flat=True)])


@outbox.subscribe_many("account_changed", is_urgent=True)
def on_accounts_changed(payloads: Sequence[dict[str, Any]], now: datetime) -> None:
    """The same of accounts: what changes of them matters where they are restricted."""
    accounts = [payload["account"] for payload in payloads]
    theirs = Order.objects.open().filter(account__in=accounts, account__restricted=True).order_by("id")
    outbox.record_all("order_touched", [{"order": str(id_)} for id_ in theirs.values_list("id", flat=True)])


@outbox.subscribe("order_touched", is_urgent=True)
def on_order_touched(payload: dict[str, Any], now: datetime) -> None:
    """Ends, starts or re-reviews an order by what its target and account are now. Safe to hear twice, and late."""
    with transaction.atomic():
        order = lifecycle.locked(UUID(payload["order"]))
        if order.status not in OPEN:
            return
        if order.account.restricted:
            lifecycle.stop(order, reason=EndReason.RESTRICTED, by=None, now=now)
        else:
            _follow(order, order.target, now=now)


@outbox.subscribe("coins_owed", is_urgent=True)
def on_coins_owed(payload: dict[str, Any], now: datetime) -> None:
    """Stops the open orders that coins pay for whose payment went back: what they give back repays."""
    for public_id in payload["orders"]:
        with transaction.atomic():
            order = lifecycle.locked(ids.parse("ord", public_id))
            if order.status in OPEN:
                lifecycle.stop(order, reason=EndReason.PAYMENT_RETURNED, by=None, now=now)


def _follow(order: Order, target: Target, *, now: datetime) -> None:
    reason = reason_to_stop(order, target)
    if reason is not None:
        lifecycle.stop(order, reason=reason, by=None, now=now)
        return
    if isinstance(target, LiveRoom) and target.state == LiveState.ON_AIR and order.status == Status.SCHEDULED:
        lifecycle.go_on_air(order, now=now)
    if order.revision_seen is not None and order.revision_seen != target.revision:
        review_again(order, now=now)


def reason_to_stop(order: Order, target: Target) -> EndReason | None:
    """Why this order can't go on with its target as it is now."""
    if target.account_id != order.account_id:
        return EndReason.DELETED  # gone from this account
    if isinstance(target, LiveRoom):
        return EndReason.LIVE_ENDED if target.state == LiveState.ENDED else None
    return _reason_of_video(order, target)


def _reason_of_video(order: Order, video: Video) -> EndReason | None:
    if video.status == Standing.DELETED:
        return EndReason.DELETED
    if video.status == Standing.SUSPENDED:
        return EndReason.SUSPENDED
    if video.visibility != Visibility.PUBLIC:
        return EndReason.PRIVATE
    if order.function == "anchor" and (video.product is None or not video.product.in_stock):
        return EndReason.SOLD_OUT
    return None


def review_again(order: Order, *, now: datetime) -> None:
    """What would be shown is not what was approved: delivery stops, its clock stands still, a review opens.

    A live goes on, since it is reviewed while it broadcasts. A paused order stays paused under its review.
    """
    if Review.objects.filter(order=order, status=ReviewStatus.PENDING).exists():
        return
    Review.objects.create(
        order=order, kind=ReviewKind.REOPENED, opened_at=now, due_at=lifecycle.review_due_at(order, now=now)
    )
    if order.status == Status.DELIVERING and order.function != "live":
        order.move(to=Status.IN_REVIEW, by=None, why="changed", now=now, stopped_at=now, revision_seen=None)
    else:
        order.revision_seen = None
        order.save(update_fields=["revision_seen"])
        order.note(why="changed", by=None, now=now)
    notices.tell(order, "order_in_review_again", now=now)
