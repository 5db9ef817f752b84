"""Placing an order: its coins and coupon move into its own escrow, its review opens."""

from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from django.conf import settings
from django.db import transaction
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
    return _place(plan, key=key, caller=caller, now=now, until=plan.expires_at)


def place_paid(*, account: Account, quote: str, key: str, caller: Caller, now: datetime) -> Order:
    """As `place`, for a quote that was taken up while it stood, and has been paid for since (paying.py)."""
    return _place(quotes.read(quote, account=account), key=key, caller=caller, now=now, until=None)


def _place(plan: Plan, *, key: str, caller: Caller, now: datetime, until: datetime | None) -> Order:
    with transaction.atomic():
        account = _held(plan.account_id)
        placed = _placed_before(plan, key=key)
        if placed is not None:
            return placed
        if until is not None and now >= until:
            raise QuoteExpired
        return _open(plan, account=account, key=key, caller=caller, now=now)


def open_order(plan: Plan, *, key: str, caller: Caller, now: datetime, again_from: Order) -> Order:
    """The order of a plan that an appeal approved already, inside the caller's transaction.

    Raises NotEligible, OfferNotApplicable, InsufficientCoins, TargetChanged.
    """
    account = _held(plan.account_id)
    return _open(plan, account=account, key=key, caller=caller, now=now, again_from=again_from)


def _open(
    plan: Plan, *, account: Account, key: str, caller: Caller, now: datetime, again_from: Order | None = None
) -> Order:
    target = _held_target(plan)
    eligibility = assess(account=account, target=target, caller=caller, now=now)
    if not eligibility.eligible:
        raise NotEligible(eligibility)
    if eligibility.function != plan.function:
        raise TargetChanged
    if eligibility.market is None or eligibility.market.code != plan.market:
        raise QuoteExpired  # the account has moved to another country, with other prices
    order = _planned(
        plan, target, account=account, market=eligibility.market, key=key, caller=caller, now=now, again_from=again_from
    )
    order.escrow_id = _fund(plan, order, now=now)
    order.save(force_insert=True)
    order.note(why="placed", by=account, now=now, before="")
    if order.revision_seen is None:
        _open_review(order, now=now)
    _tell(order, now=now)
    return order


def _held(account_id: UUID) -> Account:
    """The account, locked until commit: its placements come one after the other, and news of it is either seen here or
    sees the order.
    """
    return Account.objects.select_for_update(no_key=True).get(id=account_id)


def _placed_before(plan: Plan, *, key: str) -> Order | None:
    """The order under this key. Raises KeyReused where it is of another quote, QuoteUsed where this one has another."""
    mine, its = Q(account_id=plan.account_id, key=key), Q(quote_id=plan.id)
    rows = Order.objects.filter(mine | its).values_list("key", "id", "quote_id")
    found = {its_key: (id_, quote_id) for its_key, id_, quote_id in rows}
    if key not in found:
        if found:
            raise QuoteUsed
        return None
    id_, quote_id = found[key]
    if quote_id != plan.id:
        raise KeyReused
    return Order.objects.get(id=id_)


def _held_target(plan: Plan) -> Target:
    """The target, locked until commit as the account is."""
    if plan.function == "live":
        return LiveRoom.objects.select_for_update(no_key=True).get(id=ids.parse("liv", plan.target))
    videos = Video.objects.select_for_update(no_key=True, of=("self",)).select_related("product")
    return videos.get(id=ids.parse("vid", plan.target))


def _fund(plan: Plan, order: Order, *, now: datetime) -> int:
    """Takes the coupon and the coins into the order's own escrow; its ledger account."""
    coupon = None
    if plan.offer_id is not None:
        coupon = redemption.redeem(
            offer_id=plan.offer_id,
            account=order.account,
            cost_coins=plan.cost_coins,
            order_ref=order.public_id,
            now=now,
        )
        if coupon.micros != order.coupon_micros:
            raise QuoteExpired
    return escrow.fund(
        account=order.account, pay_micros=coins_to_micros(plan.pay_coins), coupon=coupon, ref=order.public_id, now=now
    )


def _planned(
    plan: Plan,
    target: Target,
    *,
    account: Account,
    market: Market,
    key: str,
    caller: Caller,
    now: datetime,
    again_from: Order | None,
) -> Order:
    order_id = ids.new()
    approved = again_from is not None and again_from.revision_seen == target.revision
    status = _opening_status(target, approved=approved)
    starts: dict[str, Any] = {}
    if status == Status.DELIVERING:
        starts = {"starts_at": now, "ends_at": now + timedelta(seconds=plan.duration_s)}
    return Order(
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


__all__ = ["QuoteExpired", "QuoteInvalid", "QuoteUsed", "TargetChanged", "open_order", "place", "place_paid"]
