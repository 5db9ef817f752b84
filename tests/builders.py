"""Builders: each makes one thing that is right in every way, changed where the test says what matters.

Grouped by room, ground first. A builder writes through the product's own use cases wherever there is one.
"""

import functools
import itertools
from datetime import UTC, date, datetime, timedelta
from typing import Any

from django.contrib.auth.hashers import make_password
from django.contrib.auth.models import Permission

from coupons import campaigns, offers
from coupons.models import Campaign, Offer
from orders import lifecycle, placement, quotes, review, settlement
from orders.models import EndReason, Order
from payments import escrow, wallet
from promote.accounts.models import Account, User
from promote.catalogue.models import LiveRoom, Product, Video
from promote.catalogue.targets import Target
from promote.eligibility import BROWSER, Caller

NOON = datetime(2026, 11, 24, 12, tzinfo=UTC)
_numbers = itertools.count(1)


def a_number() -> int:
    """A number that no other call in this process gets."""
    return next(_numbers)


# --- ground ---------------------------------------------------------------------------------------------------------


def an_account(**facts: Any) -> Account:
    """An adult's business account in the US."""
    n = a_number()
    return Account.objects.create(
        **{
            "external_id": f"account-{n}",
            "username": f"seller{n}",
            "type": "business",
            "country": "US",
            "birth_date": date(1990, 5, 17),
            "source_updated_at": NOON,
            **facts,
        }
    )


def a_user(**facts: Any) -> User:
    """Somebody who can sign in with the password `correct horse battery`."""
    facts = {"username": f"user{a_number()}", "password": "correct horse battery", **facts}
    return User.objects.create(**facts | {"password": _hashed(facts["password"])})


@functools.cache
def _hashed(password: str) -> str:
    """Half a second's work, as slow as it is meant to be: once for each password."""
    return make_password(password)


def a_product(**facts: Any) -> Product:
    n = a_number()
    return Product.objects.create(
        **{
            "external_id": f"product-{n}",
            "title": "Batik scarf",
            "price_minor": 2_490,
            "currency": "USD",
            "url": f"https://shop.example/{n}",
            "source_updated_at": NOON,
            **facts,
        }
    )


def a_video(account: Account, *, anchor: dict[str, Any] | None = None, **facts: Any) -> Video:
    """A public video with commercial music; with `anchor` also a product link, of those facts."""
    n = a_number()
    return Video.objects.create(
        **{
            "external_id": f"video-{n}",
            "account": account,
            "caption": "Hand-drawn batik, from wax to dye",
            "music_title": "Gamelan",
            "music_licence": "commercial",
            "visibility": "public",
            "status": "active",
            "duration_s": 21,
            "product": a_product(**anchor) if anchor is not None else None,
            "source_updated_at": NOON,
            **facts,
        }
    )


def a_live(account: Account, **facts: Any) -> LiveRoom:
    """A live room that is on air."""
    return LiveRoom.objects.create(
        **{
            "external_id": f"live-{a_number()}",
            "account": account,
            "title": "Kiln opening, live",
            "state": "on_air",
            "starts_at": NOON,
            "source_updated_at": NOON,
            **facts,
        }
    )


# --- coupons --------------------------------------------------------------------------------------------------------


def a_campaign(*, funded_coins: int = 100_000, now: datetime = NOON, **facts: Any) -> Campaign:
    """A campaign of vouchers over 200 coins, with money in it."""
    facts = {"name": f"Campaign {a_number()}", "kind": "voucher", **facts}
    if facts["kind"] == "voucher":
        facts.setdefault("coins", 200)
    campaign = campaigns.open_campaign(by=None, now=now, **facts)
    if funded_coins:
        campaigns.fund(campaign_id=campaign.id, coins=funded_coins, key="first", by=None, now=now)
    return campaign


def an_offer(
    account: Account,
    *,
    expires_at: datetime | None = None,
    now: datetime = NOON,
    campaign: Campaign | None = None,
    **facts: Any,
) -> Offer:
    """An offer of a campaign of its own, granted to the account."""
    campaign = campaign or a_campaign(now=now, **facts)
    return offers.grant(campaign_id=campaign.id, account=account, expires_at=expires_at, now=now)


# --- orders ---------------------------------------------------------------------------------------------------------


def coins_for(account: Account, coins: int, *, now: datetime = NOON) -> None:
    """Gives coins to the account, through the ledger."""
    wallet.grant(account=account, coins=coins, key=f"test-{a_number()}", now=now, reason="test")


def a_quote(
    account: Account, target: Target, *, now: datetime = NOON, caller: Caller = BROWSER, **wish: Any
) -> quotes.Quote:
    """1,000 coins for a day, to everyone, for the first objective that fits."""
    default = {"Video": "product_clicks" if getattr(target, "product_id", None) else "video_views"}
    return quotes.make(
        account=account,
        caller=caller,
        target=target,
        now=now,
        **{
            "objective": default.get(type(target).__name__, "live_viewers"),
            "budget_coins": 1000,
            "duration_s": 86_400,
            "audience": {"automatic": True},
            **wish,
        },
    )


def an_order(
    account: Account | None = None,
    target: Target | None = None,
    *,
    now: datetime = NOON,
    key: str | None = None,
    offer: Offer | None = None,
    caller: Caller = BROWSER,
    **wish: Any,
) -> Order:
    """A placed order, paid with coins granted for it: of a video, in review, unless the target is another."""
    account = account or (target.account if target else an_account())
    target = target or a_video(account)
    quote = a_quote(account, target, now=now, caller=caller, offer_id=offer.id if offer else None, **wish)
    coins_for(account, quote.plan.pay_coins, now=now)
    return placement.place(account=account, quote=quote.sealed, key=key or f"key-{a_number()}", caller=caller, now=now)


def a_reviewer(**facts: Any) -> User:
    """A member of staff who may approve and reject."""
    reviewer = a_user(is_staff=True, **facts)
    reviewer.user_permissions.add(Permission.objects.get(codename="review_order"))
    return User.objects.get(pk=reviewer.pk)


def approved(order: Order, *, now: datetime = NOON, by: User | None = None) -> Order:
    """The order after a reviewer approved it: a video delivers from `now` on."""
    return review.approve(order_id=order.id, by=by or a_reviewer(), now=now)


def a_delivering_order(**wanted: Any) -> Order:
    """As `an_order`, of a video, approved at the moment it was placed."""
    return approved(an_order(**wanted), now=wanted.get("now", NOON))


def charged(order: Order, micros: int, *, now: datetime = NOON) -> Order:
    """The order after delivery has spent so much of its escrow."""
    assert order.escrow_id is not None
    escrow.charge(key=f"test-charge-{a_number()}", charges=[(order.escrow_id, micros)], now=now)
    return order


def ended(order: Order, *, now: datetime | None = None, reason: EndReason = EndReason.USER) -> Order:
    """The order after its owner ended it, an hour after it started."""
    return lifecycle.end(
        order_id=order.id, reason=reason, by=order.account, now=now or order.placed_at + timedelta(hours=1)
    )


def settled(order: Order, *, now: datetime | None = None) -> Order:
    """The order after it ended, its shard drained and the settlement ran."""
    now = now or order.placed_at + timedelta(hours=1)
    if order.status != "ending":
        order = ended(order, now=now)
    lifecycle.mark_drained(order_id=order.id, now=now)
    settlement.settle_due(limit=500, now=now)
    return Order.objects.get(id=order.id)
