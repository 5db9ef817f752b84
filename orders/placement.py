"""Placing an order: its coins and coupon move into its own escrow, its review opens."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.db import connection, transaction
from django.utils.translation import gettext_lazy as _

from coupons import redemption
from orders import notices, quotes
from orders.models import Order, Review, ReviewKind, Status
from orders.quotes import Plan, QuoteExpired, QuoteInvalid
from orders.shards import shard_of
from payments import escrow, ledger
from payments.escrow import Filling, LotToSpend
from payments.lots import Free
from promote import ids, outbox, rows
from promote.accounts.models import Account
from promote.catalogue.models import LiveRoom, LiveState, Product, Video
from promote.catalogue.targets import Target, TargetNotFound
from promote.eligibility import Caller, NotEligible, judge
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


@dataclass(frozen=True, slots=True)
class Facts:
    """What placing decides by, in one look."""

    placed: Sequence[tuple[str, str, str]]
    """Orders that have this key or this quote already: key, id, quote. Where there are any, the rest was not read."""
    account: Account
    target: Target | None
    market: Market | None
    """Of the account's country; None where nothing is launched."""
    free: list[Free[LotToSpend]] | None
    """The lots that can pay, locked; None where a coupon pays too, which is to be locked with them."""


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
        facts = _held(plan, key=key, now=now)
        placed = _placed_before(facts, plan, key=key)
        if placed is not None:
            return placed
        if until is not None and now >= until:
            raise QuoteExpired
        return _open(plan, facts, key=key, caller=caller, now=now)


def open_order(plan: Plan, *, key: str, caller: Caller, now: datetime, again_from: Order) -> Order:
    """The order of a plan that an appeal approved already, inside the caller's transaction.

    Raises NotEligible, OfferNotApplicable, InsufficientCoins, TargetChanged, KeyReused.
    """
    facts = _held(plan, key=key, now=now)
    if facts.placed:
        raise KeyReused
    return _open(plan, facts, key=key, caller=caller, now=now, again_from=again_from)


def _open(
    plan: Plan, facts: Facts, *, key: str, caller: Caller, now: datetime, again_from: Order | None = None
) -> Order:
    account, target = facts.account, facts.target
    if target is None:
        raise TargetNotFound
    eligibility = judge(account=account, target=target, market=facts.market, caller=caller, now=now)
    if not eligibility.eligible:
        raise NotEligible(eligibility)
    if eligibility.function != plan.function:
        raise TargetChanged
    if facts.market is None or facts.market.code != plan.market:
        raise QuoteExpired  # the account has moved to another country, with other prices
    order = _planned(
        plan, target, account=account, market=facts.market, key=key, caller=caller, now=now, again_from=again_from
    )
    filling = _fill(plan, order, free=facts.free, now=now)
    _write(order, _review(order, now=now), filling, now=now)
    return order


def _held(plan: Plan, *, key: str, now: datetime) -> Facts:
    """What decides, with the account, the target and the lots locked until commit: an account's placements come one
    after the other, and news of either is seen here or sees the order.
    """
    target_id = ids.parse("liv" if plan.function == "live" else "vid", plan.target)
    video_id, live_id = (None, target_id) if plan.function == "live" else (target_id, None)
    with connection.cursor() as cursor:
        cursor.execute(_FACTS, [plan.account_id, key, plan.id, video_id, live_id, plan.offer_id is None, now])
        placed, account, target, product, market, free = cursor.fetchone()
    return Facts(
        placed=placed or [],
        account=rows.loaded(Account, account),
        target=_target(target, product, plan.function) if target else None,
        market=rows.loaded(Market, market) if market else None,
        free=None if plan.offer_id else escrow.told_free(free or []),
    )


def _target(target: dict[str, Any], product: dict[str, Any] | None, function: str) -> Target:
    if function == "live":
        return rows.loaded(LiveRoom, target)
    video = rows.loaded(Video, target)
    video.product = rows.loaded(Product, product) if product else None
    return video


def _placed_before(facts: Facts, plan: Plan, *, key: str) -> Order | None:
    """The order under this key. Raises KeyReused where it is of another quote, QuoteUsed where this one has another."""
    found = {its_key: (id_, quote_id) for its_key, id_, quote_id in facts.placed}
    if key not in found:
        if found:
            raise QuoteUsed
        return None
    id_, quote_id = found[key]
    if quote_id != str(plan.id):
        raise KeyReused
    return Order.objects.get(id=id_)


def _fill(plan: Plan, order: Order, *, free: list[Free[LotToSpend]] | None, now: datetime) -> Filling:
    """Takes the coupon, and says which lots pay the rest of the order's own escrow."""
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
    return escrow.fill(
        account=order.account,
        pay_micros=coins_to_micros(plan.pay_coins),
        coupon=coupon,
        ref=order.public_id,
        now=now,
        free=free,
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


def _review(order: Order, *, now: datetime) -> Review | None:
    """Its first, unless it is approved. A live's clock runs from on air: before, there is nothing to see."""
    if order.revision_seen is not None:
        return None
    seen_from = max(now, order.live.starts_at) if order.live and order.status == Status.SCHEDULED else now
    due_at = seen_from + timedelta(seconds=order.market.review_deadline_s)
    return Review(order=order, kind=ReviewKind.FIRST, opened_at=now, due_at=due_at)


def _write(order: Order, review: Review | None, filling: Filling, *, now: datetime) -> None:
    """The order's row and its escrow, its history and review, and word of it."""
    told = notices.facts(order, coins=order.pay_coins)
    asked: list[Any] = [
        rows.written(order), rows.written(review) if review else None, order.account.user_id, now,
        ids.new(), _told_as(order), json.dumps(told), *filling,
    ]  # fmt: skip
    with ledger.named_refusals(), connection.cursor() as cursor:
        cursor.execute(_PLACE, asked)
        order.escrow_id = cursor.fetchone()[0]
    order._state.adding, order._state.db = False, connection.alias
    outbox.wake_if_read("order_placed")


def _told_as(order: Order) -> str:
    if order.status == Status.DELIVERING:
        return "order_running"
    return "order_scheduled" if order.status == Status.SCHEDULED and order.revision_seen is not None else "order_placed"


_FACTS = "SELECT * FROM orders_placing_facts(%s, %s, %s, %s, %s, %s, %s)"
_PLACE = """
    SELECT orders_place(%s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s::bigint[], %s::bigint[])
"""

__all__ = ["QuoteExpired", "QuoteInvalid", "QuoteUsed", "TargetChanged", "open_order", "place", "place_paid"]
