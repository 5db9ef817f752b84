"""Asking the payment providers, and leaving one alone for a while that does not answer.

After three failures in a row its methods are hidden, for half a minute first and up to ten; then one may be tried
again. Every process sees it (it stands in the cache), and any answer, the poll's too, opens them again. Nothing is
lost meanwhile: what was started is polled until it ends.
"""

import contextlib
import logging
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import TypeVar

import redis
from django.core.cache import cache
from django.utils import timezone

from payments import gateways
from payments.gateways.base import Gateway, GatewayAway, GatewayRefused, PaidThere
from payments.models import TopUp

log = logging.getLogger(__name__)

FAILURES_IN_A_ROW = 3
_FIRST_PAUSE_S, _LONGEST_PAUSE_S, _MEMORY_S = 30, 600, 3600
_LOOK_EVERY_S = 1.0
_next_look: dict[str, float] = {}
"""When an answer to this process has the failures of a provider looked for again, by the monotonic clock."""

Answer = TypeVar("Answer")


@dataclass(frozen=True, slots=True)
class Pause:
    """Why and since when a provider's methods are hidden."""

    since: datetime
    error: str
    seconds: int


def ask(name: str, question: Callable[[Gateway], Answer]) -> Answer:
    """The answer of the gateway `name`. Raises what it raises, and NoSuchGateway."""
    gateway = gateways.named(name)
    try:
        answer = question(gateway)
    except GatewayAway as error:
        with _without_redis_too():
            _failed(name, error)
        raise
    except GatewayRefused:
        _answered(name)  # a no is an answer
        raise
    _answered(name)
    return answer


def there(top_up: TopUp) -> PaidThere:
    """A paid top-up as its provider knows it."""
    at = top_up.paid_at or top_up.started_at
    return PaidThere(top_up.provider_ref, top_up.payment_ref, at, reference=top_up.public_id)


def pause_of(name: str) -> Pause | None:
    """The pause that a provider is given now; None where it is asked as ever."""
    with _without_redis_too():
        found: Pause | None = cache.get(_pause(name))
        return found
    return None


class Round:
    """A round of work on many payments: a provider that does not answer costs it three waits, not one for each of its
    payments. The workers are needed, and the next round comes to the rest.
    """

    def __init__(self) -> None:
        self._unanswered = Counter[str]()

    def has_time_for(self, name: str) -> bool:
        return self._unanswered[name] < FAILURES_IN_A_ROW

    def note(self, name: str, *, is_answered: bool) -> None:
        self._unanswered[name] = 0 if is_answered else self._unanswered[name] + 1


def _answered(name: str) -> None:
    """Forgets its failures; once a second is enough where hundreds are answered."""
    if time.monotonic() < _next_look.get(name, 0.0):
        return
    _next_look[name] = time.monotonic() + _LOOK_EVERY_S
    with _without_redis_too():
        if cache.delete(_failures(name)) and cache.delete(_pause(name)):
            log.warning("payment provider %s answers again; its methods are offered", name)


def _failed(name: str, error: GatewayAway) -> None:
    """Counted over an hour: the TTL begins anew with each failure."""
    _next_look.pop(name, None)
    cache.add(_failures(name), 0, _MEMORY_S)
    try:
        count = cache.incr(_failures(name))
    except ValueError:  # it ran out between the two
        return
    cache.touch(_failures(name), _MEMORY_S)
    if count < FAILURES_IN_A_ROW:
        return
    seconds = min(_LONGEST_PAUSE_S, _FIRST_PAUSE_S * 2 ** min(count - FAILURES_IN_A_ROW, 8))
    cache.set(_pause(name), Pause(timezone.now(), str(error)[:500], seconds), seconds)
    log.error("payment provider %s is away: its methods are hidden for %s s: %s", name, seconds, error)


@contextlib.contextmanager
def _without_redis_too() -> Iterator[None]:
    """A payment is worth more than knowing who is away."""
    try:
        yield
    except redis.RedisError as error:
        log.warning("the state of payment providers can't be kept: %s", error)


def _failures(name: str) -> str:
    return f"provider:{name}:failures"


def _pause(name: str) -> str:
    return f"provider:{name}:pause"
