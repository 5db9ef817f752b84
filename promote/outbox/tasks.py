from datetime import timedelta

from celery import shared_task
from django.utils import timezone

from promote.outbox import relay as outbox

ROUNDS = 10


@shared_task(name="outbox.relay", ignore_result=True)
def relay(**_: object) -> None:
    """Every second and whenever something was recorded. What is left after some rounds waits behind other tasks."""
    for _round in range(ROUNDS):
        if not outbox.relay():
            return
    wake()


@shared_task(name="outbox.forget_done", ignore_result=True)
def forget_done(*, days: int = 7, **_: object) -> None:
    outbox.forget_done(before=timezone.now() - timedelta(days=days))


def wake() -> None:
    """Asks a worker to relay now. Where the broker is down beat's own call, a second later, does the same."""
    relay.apply_async(retry=False, expires=5)
