from datetime import timedelta

from celery import shared_task
from django.utils import timezone

from promote.outbox import relay as outbox


@shared_task(name="outbox.relay", ignore_result=True)
def relay(**_: object) -> None:
    outbox.relay()


@shared_task(name="outbox.forget_done", ignore_result=True)
def forget_done(*, days: int = 7, **_: object) -> None:
    outbox.forget_done(before=timezone.now() - timedelta(days=days))


def wake() -> None:
    """Asks a worker to relay now. Where the broker is down beat's own call, a second later, does the same."""
    relay.apply_async(retry=False, expires=5)
