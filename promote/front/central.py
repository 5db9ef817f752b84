"""The Promote central page in one call: what may be promoted or why not, coins, offers, orders. For page and API."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from django.db.models import Case, IntegerField, Q, Value, When

from coupons.models import Offer
from orders.models import Order, OrderQuerySet
from orders.states import OPEN, Status
from payments import wallet
from payments.wallet import Balance
from promote.accounts.models import Account
from promote.catalogue.models import LiveRoom, LiveState, Standing, Video
from promote.catalogue.targets import Target
from promote.eligibility import Caller, Eligibility, assess_all
from promote.entrances import Entrance, to_central

MOST_VIDEOS = 60
MOST_LIVES = 20
MOST_ORDERS = 20


@dataclass(frozen=True, slots=True)
class Promotable:
    """A video or live with every check, and the orders that promote it now."""

    target: Target
    eligibility: Eligibility
    open_orders: tuple[Order, ...]


@dataclass(frozen=True, slots=True)
class Central:
    account: Account
    wallet: Balance
    entrances: list[Entrance]
    videos: list[Promotable]
    lives: list[Promotable]
    offers: list[Offer]
    orders: list[Order]
    """Running ones first, then by when they were placed, latest first."""


def central(*, account: Account, caller: Caller, now: datetime) -> Central:
    """Everything that the central page shows, each list up to its limit, newest first. Changes nothing."""
    orders = list(running_first(Order.objects.of(account))[:MOST_ORDERS])
    under_way = [order for order in orders if order.status in (*OPEN, Status.ENDING)]
    videos = (
        Video.objects.filter(account=account)
        .exclude(status=Standing.DELETED)
        .select_related("product", "account")
        .order_by("-published_at", "-id")[:MOST_VIDEOS]
    )
    lives = (
        LiveRoom.objects.filter(account=account)
        .exclude(state=LiveState.ENDED)
        .select_related("account")
        .order_by("state", "starts_at")[:MOST_LIVES]  # on_air before scheduled
    )
    return Central(
        account=account,
        wallet=wallet.balance(account=account, now=now),
        entrances=to_central(account),
        videos=_promotables(videos, account, under_way, caller, now),
        lives=_promotables(lives, account, under_way, caller, now),
        offers=list(Offer.objects.filter(account=account).usable(now).order_by("expires_at", "id")),
        orders=orders,
    )


def running_first(orders: OrderQuerySet) -> OrderQuerySet:
    """What moves comes before what waits, and that before what is over."""
    place = Case(
        When(Q(status__in=[Status.DELIVERING, Status.ENDING]), then=Value(0)),
        When(Q(status__in=[Status.IN_REVIEW, Status.SCHEDULED, Status.PAUSED]), then=Value(1)),
        default=Value(2),
        output_field=IntegerField(),
    )
    return orders.select_related("video", "live", "market", "offer").order_by(place, "-placed_at", "-id")


def _promotables(
    targets: Iterable[Target], account: Account, under_way: Sequence[Order], caller: Caller, now: datetime
) -> list[Promotable]:
    targets = list(targets)
    return [
        Promotable(
            target=target,
            eligibility=eligibility,
            open_orders=tuple(order for order in under_way if target.id in (order.video_id, order.live_id)),
        )
        for target, eligibility in zip(
            targets, assess_all(account=account, targets=targets, caller=caller, now=now), strict=True
        )
    ]
