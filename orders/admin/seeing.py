"""Everything about an order that a member of staff needs on one page."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.utils.formats import number_format
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from orders.admin.plumbing import span
from orders.audience import PARTS
from orders.models import Order, OrderTransition, Review, ReviewStatus
from payments import escrow
from promote.catalogue.models import LiveRoom, Video
from promote.catalogue.targets import Target
from promote.eligibility import BROWSER, Check, assess
from promote.markets.models import Term
from promote.money import format_coins, format_micros, format_price
from promote.refusals import Text

Fact = tuple[str, Any]

RULES: dict[str, Text] = {
    "age": gettext_lazy("Age"),
    "account_type": gettext_lazy("Type of account"),
    "account_standing": gettext_lazy("Standing of the account"),
    "app_version": gettext_lazy("Version of the app"),
    "country": gettext_lazy("Available in the country"),
    "music": gettext_lazy("Music"),
    "visibility": gettext_lazy("Who can watch it"),
    "video_standing": gettext_lazy("Standing of the video"),
    "ownership": gettext_lazy("Owner"),
    "stock": gettext_lazy("Stock"),
    "live_state": gettext_lazy("State of the live"),
}
"""What the checks of `promote.eligibility` are called here."""


@dataclass(frozen=True, slots=True)
class Money:
    """From the ledger, as it stands."""

    cost: str
    coupon: str
    paid: str
    charged: str
    left: str
    refunded: str | None


@dataclass(frozen=True, slots=True)
class Seen:
    """An order as the desk shows it."""

    order: Order
    target: Target
    review: Review | None
    due_at: datetime | None
    rules: list[tuple[Text, Check]]
    """Each with its name, those that fail first."""
    wish: list[Fact]
    content: list[Fact]
    owner: list[Fact]
    money: Money
    history: list[OrderTransition]
    earlier: list[tuple[Review, str]]
    """Each with what its policy is called."""


def look_at(order: Order, *, now: datetime) -> Seen:
    """The order with what the platform says of its target now."""
    reviews = list(order.reviews.select_related("decided_by"))
    rules = assess(account=order.account, target=order.target, caller=BROWSER, now=now).checks
    policies = {term.code: term.label for term in Term.objects.filter(kind=Term.Kind.POLICY)}
    pending = next((review for review in reviews if review.status == ReviewStatus.PENDING), None)
    return Seen(
        order=order,
        target=order.target,
        review=pending,
        due_at=pending.due_at if pending else None,
        rules=[(RULES[check.code], check) for check in sorted(rules, key=lambda check: check.passed)],
        wish=_wish(order),
        content=_live(order.live) if order.live else _video(order.video, order),
        owner=_owner(order, now),
        money=money(order),
        history=list(order.history.select_related("by")),
        earlier=[
            (review, policies.get(review.policy, review.policy))
            for review in reviews
            if review.status != ReviewStatus.PENDING
        ],
    )


def money(order: Order) -> Money:
    left = escrow.left(escrow_ids=[order.escrow_id])[order.escrow_id] if order.escrow_id else 0
    charged = order.cost_micros - left if order.charged_micros is None else order.charged_micros
    return Money(
        cost=format_coins(order.cost_coins),
        coupon=format_coins(order.coupon_coins),
        paid=format_coins(order.pay_coins),
        charged=_coins(charged),
        left=_coins(left),
        refunded=None if order.refunded_coins is None else format_coins(order.refunded_coins),
    )


def _coins(micros: int) -> str:
    return _("%(amount)s coins") % {"amount": format_micros(micros)}


def _wish(order: Order) -> list[Fact]:
    facts: list[Fact] = [
        (_("Function"), order.get_function_display()),
        (_("Objective"), order.objective.replace("_", " ")),
        (_("Budget"), format_coins(order.cost_coins)),
        (_("Length"), span(order.duration_s)),
        (_("Audience"), _audience(order)),
    ]
    if order.website_url:
        label = Term.objects.filter(kind=Term.Kind.CALL_TO_ACTION, code=order.call_to_action).first()
        facts += [(_("Button"), str(label or order.call_to_action)), (_("Leads to"), order.website_url)]
    return facts


def _audience(order: Order) -> str:
    if order.audience.get("automatic"):
        return _("automatic: adults in %(market)s") % {"market": order.market_id}
    names = {"countries": _("in"), "age_bands": _("aged"), "genders": _("gender"), "interests": _("who like")}
    parts = [f"{names[part]} {', '.join(order.audience[part])}" for part in PARTS if part in order.audience]
    return " · ".join(parts)


def _video(video: Video | None, order: Order) -> list[Fact]:
    assert video is not None
    music = video.music_title or _("none")
    if video.music_licence:
        music += f" ({video.get_music_licence_display()})"
    if video.music_own_sound:
        music += " · " + _("the creator's own sound")
    facts: list[Fact] = [
        (_("Caption"), video.caption or "–"),
        (_("Music"), music),
        (_("Visibility"), video.get_visibility_display()),
        (_("Standing"), video.get_status_display()),
        (_("Length"), _("%(seconds)s s") % {"seconds": video.duration_s}),
        (_("Revision"), _revision(video.revision, order.revision_seen)),
        (_("Platform's id"), video.external_id),
    ]
    if video.cover_url:
        facts.append((_("Cover"), video.cover_url))
    if video.product:
        product = video.product
        price = format_price(product.price_minor, product.currency, order.market.exponent)
        stock = _("in stock") if product.in_stock else _("sold out")
        facts += [(_("Product"), f"{product.title} · {price} · {stock}"), (_("Product link"), product.url)]
    return facts


def _live(live: LiveRoom) -> list[Fact]:
    return [
        (_("Title"), live.title),
        (_("State"), live.get_state_display()),
        (_("Starts"), live.starts_at),
        (_("On air since"), live.on_air_at or "–"),
        (_("Revision"), str(live.revision)),
        (_("Platform's id"), live.external_id),
    ]


def _revision(now: int, approved: int | None) -> str:
    if approved is None or approved == now:
        return str(now)
    return _("%(now)s, approved was %(approved)s") % {"now": now, "approved": approved}


def _owner(order: Order, now: datetime) -> list[Fact]:
    account = order.account
    others = Order.objects.of(account).exclude(id=order.id)
    rejected = others.filter(end_reason="rejected").count()
    return [
        (_("Account"), account.username),
        (_("Type"), account.get_type_display()),
        (_("Country"), account.country),
        (_("Followers"), "–" if account.followers is None else number_format(account.followers, force_grouping=True)),
        (_("Standing"), _("restricted") if account.restricted else _("in good standing")),
        (
            _("Other orders"),
            _("%(count)s, of which %(rejected)s rejected") % {"count": others.count(), "rejected": rejected},
        ),
    ]
