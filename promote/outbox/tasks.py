import contextlib
from datetime import timedelta

import redis
from celery import shared_task
from django.core.cache import cache
from django.utils import timezone

from promote.outbox import relay as outbox

AT_ONCE, ROUNDS = 200, 10
_CALLED, _URGENTLY_CALLED, _CALLED_FOR_S = "outbox:called", "outbox:urgently_called", 2
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


@shared_task(name="outbox.relay_urgent", ignore_result=True)
def relay_urgent(**_: object) -> None:
    """The same of what is urgent, by a worker that does nothing else: until nothing is left, since what is read leads
    to more (a target that changed to an order that stops)."""
    with contextlib.suppress(redis.RedisError):
        cache.delete(_URGENTLY_CALLED)
    for _round in range(ROUNDS):
        if not outbox.relay(limit=AT_ONCE, only_urgent=True):
            return
    wake_urgent()


@shared_task(name="outbox.forget_done", ignore_result=True)
def forget_done(*, days: int = 7, **_: object) -> None:
    outbox.forget_done(before=timezone.now() - timedelta(days=days))


def wake() -> None:
    """Asks a worker to relay now, once until it begins. Where the broker is down beat's own call, a second later, does
    the same."""
    if _is_first(_CALLED):
        relay.apply_async(retry=False, expires=5)


def wake_urgent() -> None:
    """The same of what is urgent."""
    if _is_first(_URGENTLY_CALLED):
        relay_urgent.apply_async(retry=False, expires=5)


def _is_first(call: str) -> bool:
    with contextlib.suppress(redis.RedisError):
        return bool(cache.add(call, 1, _CALLED_FOR_S))
    return True
