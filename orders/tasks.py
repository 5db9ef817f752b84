from celery import shared_task
from django.conf import settings
from django.utils import timezone

from orders import lifecycle, review, settlement

BATCH = 500


@shared_task(ignore_result=True)
def tick(**_: object) -> None:
    """Every second, by beat: what time alone decides."""
    now = timezone.now()
    while lifecycle.end_due(now=now, limit=BATCH) == BATCH:
        pass
    lifecycle.cancel_never_on_air(now=now)
    review.expire_due(now=now)
    lifecycle.close_stuck(now=now)


@shared_task(ignore_result=True)
def settle_due(*, limit: int | None = None, **_: object) -> None:
    batch = limit or settings.SETTLE_BATCH
    while settlement.settle_due(limit=batch, now=timezone.now()) == batch:
        pass


def wake_settlement() -> None:
    """Asks a worker to settle now."""
    settle_due.apply_async(queue="settlement", retry=False, expires=30)
