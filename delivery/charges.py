"""Every charge of an order, oldest first: what was billed, what was not and why; then what was returned of them as
invalid, and at last the rounding. Days whose events are no longer kept come first, each as one line with its sum.

Those that are valid add up, to the micro, to what the order cost (coupon first, then whole coins of the user's).
"""

from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from uuid import UUID

from django.db.models import Sum

from delivery.batch import IMPRESSION_CODE
from delivery.engine.vocabulary import IMPRESSION
from delivery.models import ChargeReturn, DroppedDay, Event
from orders.models import Order
from promote import ids
from promote.money import MICROS

Cursor = tuple[datetime, UUID]
DAY, RETURN, ROUNDING = "day", "return", "rounding"


@dataclass(frozen=True, slots=True)
class Charge:
    """`price_micros` is what it cost, or would have cost where it is not valid; below zero: a return, the rounding."""

    id: str
    at: datetime
    type: str
    price_micros: int
    valid: bool
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Page:
    charges: list[Charge]
    next: Cursor | None


def listing(order: Order, *, cursor: Cursor | None = None, limit: int = 100) -> Page:
    """Up to `limit` charges after the cursor; returns and the rounding end the last page."""
    rows = Event.objects.filter(order_id=order.id, type=IMPRESSION_CODE).order_by("at", "token")
    if cursor is not None:
        at, token = cursor
        rows = rows.filter(at__gte=at).exclude(at=at, token__lte=token)
    found = list(rows[: limit + 1])
    charges = [_charge(event) for event in found[:limit]]
    if cursor is None:
        charges = [*map(_day, DroppedDay.objects.filter(order_id=order.id).order_by("day")), *charges]
    if len(found) > limit:
        return Page(charges, (found[limit - 1].at, found[limit - 1].token))
    returns = list(ChargeReturn.objects.filter(order_id=order.id).select_related("finding").order_by("at", "id"))
    return Page([*charges, *map(_return, returns), *_rounding(order, returns)], None)


def everything(order: Order) -> Iterator[Charge]:
    """All of them, a page at a time."""
    page = listing(order, limit=1000)
    yield from page.charges
    while page.next is not None:
        page = listing(order, cursor=page.next, limit=1000)
        yield from page.charges


def _charge(event: Event) -> Charge:
    return Charge(
        id=ids.public("chg", event.token),
        at=event.at,
        type=IMPRESSION,
        price_micros=event.price_micros,
        valid=event.charged,
        reason=event.reason,
    )


def spent_micros(order: Order, returns: Iterable[ChargeReturn] | None = None) -> int:
    """What a final order cost its owner and the coupon, without what was returned of it since."""
    if returns is None:
        returns = ChargeReturn.objects.filter(order_id=order.id, after_settlement=True)
    back = sum(one.coins * MICROS + one.coupon_micros for one in returns if one.after_settlement)
    return order.settled_micros - back


@dataclass(frozen=True, slots=True)
class GoneBack:
    """What was returned of an order's charges as invalid: how many, what they had cost, and whole coins to its owner's
    balance where it was settled already; of one that runs, the micros are in its budget again."""

    impressions: int
    micros: int
    coins: int


def gone_back(order_ids: Collection[UUID]) -> dict[UUID, GoneBack]:
    """Of those orders that had any. One query."""
    sums = ChargeReturn.objects.filter(order_id__in=order_ids).order_by().values("order_id")
    rows = sums.annotate(times=Sum("impressions"), cost=Sum("micros"), back=Sum("coins"))
    return {row["order_id"]: GoneBack(row["times"], int(row["cost"]), int(row["back"])) for row in rows}


def _return(one: ChargeReturn) -> Charge:
    return Charge(one.public_id, one.at, RETURN, -one.micros, True, one.finding.reason)


def _day(one: DroppedDay) -> Charge:
    at = datetime(one.day.year, one.day.month, one.day.day, tzinfo=UTC)
    return Charge(f"{ids.public('day', one.order_id)}_{one.day:%Y%m%d}", at, DAY, one.micros, True)


def _rounding(order: Order, returns: Sequence[ChargeReturn]) -> list[Charge]:
    """What was given back of the last coin, so that all of them add up to what was spent."""
    if order.refunded_at is None or order.charged_micros is None:
        return []
    charged = order.charged_micros - sum(one.micros for one in returns if one.after_settlement)
    rounding = spent_micros(order, returns) - charged
    return [Charge(ids.public("rnd", order.id), order.refunded_at, ROUNDING, rounding, True)]
