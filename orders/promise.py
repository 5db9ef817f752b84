"""The promise: what was not spent is back within 15 minutes. How it was kept, and who still waits."""

import logging
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db import connection
from django.db.models import Count, DurationField, ExpressionWrapper, F, Min, Q, Value

from orders.models import Order, Status

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Kept:
    """Refunds of a time, in seconds from the end of the order to the coins being back. Zeros where there was none."""

    orders: int
    late: int
    median_s: float
    p99_s: float
    worst_s: float


@dataclass(frozen=True, slots=True)
class Waiting:
    """Orders that ended and are not settled: those still draining, those ready, those set aside, those late. And those
    that are still to be ended, though by now all of it should be back: late as well.
    """

    draining: int
    ready: int
    set_aside: int
    not_ended: int
    late: int
    oldest_due_at: datetime | None


def kept(*, since: timedelta, now: datetime) -> Kept:
    """How the promise was kept for orders refunded in the time up to now."""
    with connection.cursor() as cursor:
        cursor.execute(
            """SELECT count(*), count(*) FILTER (WHERE refunded_at > refund_due_at),
                      percentile_cont(ARRAY[0.5, 0.99, 1])
                          WITHIN GROUP (ORDER BY extract(epoch FROM refunded_at - ended_at))
                 FROM orders_order WHERE refunded_at > %s AND refunded_at <= %s""",
            [now - since, now],
        )
        orders, late, parts = cursor.fetchone()
    median_s, p99_s, worst_s = parts or (0.0, 0.0, 0.0)
    return Kept(orders, late, median_s, p99_s, worst_s)


def waiting(*, now: datetime) -> Waiting:
    """Who waits for a refund now."""
    drained, aside = Q(drained_at__isnull=False), Q(set_aside_at__isnull=False)
    found = Order.objects.filter(status=Status.ENDING).aggregate(
        draining=Count("id", filter=~drained),
        ready=Count("id", filter=drained & ~aside),
        aside=Count("id", filter=aside),
        late=Count("id", filter=Q(refund_due_at__lt=now)),
        oldest=Min(F("refund_due_at")),
    )
    over = Order.objects.over(now).annotate(due_at=F("ends_at") + _PROMISED).filter(due_at__lt=now)
    not_ended = over.aggregate(orders=Count("id"), oldest=Min("due_at"))
    return Waiting(
        draining=found["draining"],
        ready=found["ready"],
        set_aside=found["aside"],
        not_ended=not_ended["orders"],
        late=found["late"] + not_ended["orders"],
        oldest_due_at=min((due for due in (found["oldest"], not_ended["oldest"]) if due is not None), default=None),
    )


def alert_of_late(*, now: datetime) -> int:
    """Raises an alert while refunds are late that should have been made by now. How many."""
    late = waiting(now=now)
    if late.late:
        log.error("promise: %s refunds are late, the oldest was due at %s", late.late, late.oldest_due_at)
    return late.late


_PROMISED = ExpressionWrapper(
    F("market__refund_within_s") * Value(timedelta(seconds=1), output_field=DurationField()),
    output_field=DurationField(),
)
