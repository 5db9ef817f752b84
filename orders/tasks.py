from celery import shared_task
from django.conf import settings
from django.utils import timezone

from orders import lifecycle, promise, review, settlement

BATCH = 500


@shared_task(ignore_result=True)
def tick(**_: object) -> None:
    """Every second, by beat: what time alone decides."""
    now = timezone.now()
    while lifecycle.end_due(now=now, limit=BATCH) == BATCH:
        pass
    lifecycle.cancel_never_on_air(now=now)
    review.expire_due(now=now)
    while lifecycle.close_stuck(now=now, limit=BATCH) == BATCH:
        pass


@shared_task(ignore_result=True)
def settle_due(*, limit: int | None = None, **_: object) -> None:
    """Every two seconds and whenever an order is drained: until nothing is left that another worker does not have."""
    while settlement.settle_due(limit=limit or settings.SETTLE_BATCH, now=timezone.now()):
        pass


@shared_task(ignore_result=True)
def alert_of_late(**_: object) -> None:
    """Every minute: refunds that are late and not made."""
    promise.alert_of_late(now=timezone.now())


def wake_settlement() -> None:
    """Asks a worker to settle now."""
    settle_due.apply_async(retry=False, expires=30)
