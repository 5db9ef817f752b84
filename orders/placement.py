"""Placing an order: its coins and coupon move into its own escrow, its review opens."""

from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.db import IntegrityError, transaction
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from coupons import redemption
from orders import notices, quotes
from orders.models import Order, Review, ReviewKind, Status
from orders.quotes import Plan, QuoteExpired, QuoteInvalid
from orders.shards import shard_of
from payments import escrow
from promote import ids, outbox
from promote.accounts.models import Account
from promote.catalogue.models import LiveRoom, LiveState, Video
from promote.catalogue.targets import Target
from promote.eligibility import Caller, NotEligible, assess
from promote.idempotency.answers import KeyReused
from promote.markets.models import Market
from promote.money import coins_to_micros
from promote.refusals import Refusal


class QuoteUsed(Refusal):
    code, status = "quote_used", 409
    title = _("This quote was used already")
    sentence = _("This quote has placed an order already. Ask for a new price to place another.")


class TargetChanged(QuoteExpired):
    sentence = _("The video has changed since this price was made. Ask for a new one; nothing was taken.")


def place(*, account: Account, quote: str, key: str, caller: Caller, now: datetime) -> Order:
    """Funds a sealed quote and opens its review. The same key returns the same order, however often and at once.

    Moves the quote's coins (lots and coupon) into a new escrow. A live on air delivers at once, reviewed meanwhile.
    Raises QuoteInvalid, QuoteUsed, QuoteExpired, NotEligible, OfferNotApplicable, InsufficientCoins, and KeyReused
    where the key placed another quote. Source: DESIGN.md 2 and 6.5.
    """
    plan = quotes.read(quote, account=account)
    placed = _placed(plan, account=account, key=key)
    if placed is not None:
        return placed
    if now >= plan.expires_at:
        raise QuoteExpired
    try:
        with transaction.atomic():
            return open_order(plan, key=key, caller=caller, now=now)
    except IntegrityError as error:
        return _placed_meanwhile(error, plan, account=account, key=key)


def open_order(plan: Plan, *, key: str, caller: Caller, now: datetime, again_from: Order | None = None) -> Order:
    """The order of a plan, inside the caller's transaction. With `again_from` it was approved already, by appeal."""
    account, target = _held_still(plan)
    eligibility = assess(account=account, target=target, caller=caller, now=now)
    if not eligibility.eligible:
        raise NotEligible(eligibility)
    if eligibility.function != plan.function:
        raise TargetChanged
    order = _insert(plan, target, account=account, key=key, caller=caller, now=now, again_from=again_from)
    coupon = None
    if plan.offer_id is not None:
        coupon = redemption.redeem(
            offer_id=plan.offer_id, account=account, cost_coins=plan.cost_coins, order_ref=order.public_id, now=now
        )
        if coupon.micros != order.coupon_micros:
            raise QuoteExpired
    order.escrow_id = escrow.fund(
        account=account, pay_micros=coins_to_micros(plan.pay_coins), coupon=coupon, ref=order.public_id, now=now
    )
    order.save(update_fields=["escrow_id"])
    order.note(why="placed", by=account, now=now, before="")
    if order.revision_seen is None:
        _open_review(order, now=now)
    _tell(order, now=now)
    return order


def _held_still(plan: Plan) -> tuple[Account, Target]:
    """Account and target, locked until commit: a change of either is either seen here, or sees the order."""
    account = Account.objects.select_for_update(no_key=True).get(id=plan.account_id)
    if plan.function == "live":
        return account, LiveRoom.objects.select_for_update(no_key=True).get(id=ids.parse("liv", plan.target))
    videos = Video.objects.select_for_update(no_key=True, of=("self",)).select_related("product")
    return account, videos.get(id=ids.parse("vid", plan.target))


def _insert(
    plan: Plan,
    target: Target,
    *,
    account: Account,
    key: str,
    caller: Caller,
    now: datetime,
    again_from: Order | None,
) -> Order:
    market = Market.objects.get(code=plan.market)
    order_id = ids.new()
    approved = again_from is not None and again_from.revision_seen == target.revision
    status = _opening_status(target, approved=approved)
    starts: dict[str, Any] = {}
    if status == Status.DELIVERING:
        starts = {"starts_at": now, "ends_at": now + timedelta(seconds=plan.duration_s)}
    return Order.objects.create(
        id=order_id,
        account=account,
        market=market,
        key=key,
        quote_id=plan.id,
        placed_again_from=again_from,
        function=plan.function,
        objective=plan.objective,
        video=target if isinstance(target, Video) else None,
        live=target if isinstance(target, LiveRoom) else None,
        product=target.product if isinstance(target, Video) else None,
        revision_seen=target.revision if approved else None,
        audience=plan.audience,
        website_url=plan.website_url,
        call_to_action=plan.call_to_action,
        duration_s=plan.duration_s,
        app_platform=caller.app_platform or "",
        cost_coins=plan.cost_coins,
        coupon_coins=plan.coupon_coins,
        pay_coins=plan.pay_coins,
        offer_id=plan.offer_id,
        status=status,
        shard=shard_of(order_id, shards=settings.SHARDS),
        placed_at=now,
        **starts,
    )


def _opening_status(target: Target, *, approved: bool) -> Status:
    """A live is reviewed while it broadcasts; a video before it delivers, unless an appeal has approved it."""
    if isinstance(target, LiveRoom):
        return Status.DELIVERING if target.state == LiveState.ON_AIR else Status.SCHEDULED
    return Status.DELIVERING if approved else Status.IN_REVIEW


def _open_review(order: Order, *, now: datetime) -> None:
    """The clock of a live's review starts on air, since there is nothing to see before."""
    seen_from = max(now, order.live.starts_at) if order.live and order.status == Status.SCHEDULED else now
    Review.objects.create(
        order=order,
        kind=ReviewKind.FIRST,
        opened_at=now,
        due_at=seen_from + timedelta(seconds=order.market.review_deadline_s),
    )


def _tell(order: Order, *, now: datetime) -> None:
    outbox.record("order_placed", {"order": str(order.id), "shard": order.shard, "status": order.status})
    kind = "order_running" if order.status == Status.DELIVERING else "order_placed"
    if order.status == Status.SCHEDULED and order.revision_seen is not None:
        kind = "order_scheduled"
    notices.tell(order, kind, now=now, coins=order.pay_coins)


def _placed(plan: Plan, *, account: Account, key: str) -> Order | None:
    """The order that this key and quote have placed. Raises KeyReused, QuoteUsed.

    Both are looked for in one statement: between two, the order of this very key may come to stand, and would be seen
    as another's use of the quote.
    """
    found = list(Order.objects.filter(Q(account=account, key=key) | Q(quote_id=plan.id)))
    placed = next((order for order in found if order.account_id == account.id and order.key == key), None)
    if placed is None and found:
        raise QuoteUsed
    if placed is not None and placed.quote_id != plan.id:
        raise KeyReused
    return placed


def _placed_meanwhile(error: IntegrityError, plan: Plan, *, account: Account, key: str) -> Order:
    """Somebody placed under this key, or with this quote, between our look and our insert: their order stands."""
    placed = _placed(plan, account=account, key=key)
    if placed is None:
        raise error
    return placed


__all__ = ["QuoteExpired", "QuoteInvalid", "QuoteUsed", "TargetChanged", "open_order", "place"]
