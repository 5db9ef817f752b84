import contextlib
from datetime import timedelta

import redis
from celery import shared_task
from django.core.cache import cache
from django.utils import timezone

from promote.outbox import relay as outbox

AT_ONCE, ROUNDS = 200, 10
_CALLED, _CALLED_FOR_S = "outbox:called", 2
"""While a call is under way; where it is lost, the next may go out after so long."""


@shared_task(name="outbox.relay", ignore_result=True)
def relay(**_: object) -> None:
    """Every second and whenever something was recorded. What is left after some rounds waits behind other tasks.

    What was recorded during a round that came to the end of every line has called for itself, or waits for the clock.
    """
    with contextlib.suppress(redis.RedisError):
        cache.delete(_CALLED)  # what is recorded from now on may be too late for us, and calls again
    for _round in range(ROUNDS):
        if outbox.relay(limit=AT_ONCE) < AT_ONCE:
            return
    wake()


@shared_task(name="outbox.forget_done", ignore_result=True)
def forget_done(*, days: int = 7, **_: object) -> None:
    outbox.forget_done(before=timezone.now() - timedelta(days=days))


def wake() -> None:
    """Asks a worker to relay now, once until it begins. Where the broker is down beat's own call, a second later, does
    the same."""
    with contextlib.suppress(redis.RedisError):
        if not cache.add(_CALLED, 1, _CALLED_FOR_S):
            return
    relay.apply_async(retry=False, expires=5)
