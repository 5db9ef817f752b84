"""How often a caller may call: a generous count a minute, told in headers on every answer.

It protects from a runaway loop, not from an attack, so where Redis is away everybody may pass.
"""

import logging
import time
from typing import Any

from django.core.cache import cache
from redis.exceptions import RedisError
from rest_framework.request import Request
from rest_framework.throttling import BaseThrottle

from promote.keys.models import PlatformKey
from promote.refusals import RateLimited
from promote.rest.callers import caller_id

log = logging.getLogger("promote.rest")

WINDOW_S = 60
PLATFORM_LIMIT = 60_000
USER_LIMIT = 6_000
ADDRESS_LIMIT = 6_000
"""Calls a window by a platform's key, by a user, and by an address of nobody we know."""


class PerCaller(BaseThrottle):
    def allow_request(self, request: Request, view: Any) -> bool:
        known = caller_id(request)
        limit = _limit(request, known)
        who = known or f"address:{request.META.get('REMOTE_ADDR', '')}"
        window, second = divmod(int(time.time()), WINDOW_S)
        reset_s = WINDOW_S - second
        count = _count(f"rate:{who}:{window}")
        request._request.rate_headers = {  # type: ignore[attr-defined]  # read by Door.finalize_response
            "RateLimit-Limit": str(limit),
            "RateLimit-Remaining": str(max(0, limit - count)),
            "RateLimit-Reset": str(reset_s),
        }
        if count > limit:
            raise RateLimited(retry_after_s=reset_s)
        return True


def _limit(request: Request, known: str | None) -> int:
    if isinstance(request.auth, PlatformKey):
        return PLATFORM_LIMIT
    return USER_LIMIT if known else ADDRESS_LIMIT


def _count(key: str) -> int:
    try:
        if cache.add(key, 1, timeout=2 * WINDOW_S):
            return 1
        return int(cache.incr(key))
    except (RedisError, ValueError) as error:
        log.warning("calls are not being counted: %s", error)
        return 0
