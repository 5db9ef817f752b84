"""Whether this system works: `live` says the process does, `ready` that everything an order needs answers."""

import contextlib
import logging
import threading
import time
from collections.abc import Callable
from typing import Any

import redis
import requests
from celery import current_app
from django.conf import settings
from django.db import DatabaseError, connection
from django.http import HttpRequest, JsonResponse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe
from kombu.exceptions import OperationalError

from delivery import hot

log = logging.getLogger("promote.health")

KEEP_S = 2.0
PATIENCE_S = 1.0
UNREACHABLE = (DatabaseError, redis.RedisError, requests.RequestException, OperationalError, OSError)

_lock = threading.Lock()
_last: tuple[float, dict[str, Any]] | None = None


@never_cache
@require_safe
def live(request: HttpRequest) -> JsonResponse:
    return JsonResponse({"status": "ok"})


@never_cache
@require_safe
def ready(request: HttpRequest) -> JsonResponse:
    """200 where database, Redis, edge and a worker of each queue answer, else 503; asked at most every two seconds."""
    found = _looked()
    return JsonResponse(found, status=200 if found["status"] == "ok" else 503)


def _looked() -> dict[str, Any]:
    global _last
    with _lock:
        if _last is None or time.monotonic() - _last[0] > KEEP_S:
            checks = {name: _check(ask) for name, ask in PARTS.items()}
            status = "ok" if all(answer == "ok" for answer in checks.values()) else "unavailable"
            _last = time.monotonic(), {"status": status, "checks": checks}
        return _last[1]


def _check(ask: Callable[[], bool]) -> str:
    """What went wrong is in our log; a stranger is told only which part it was."""
    try:
        return "ok" if ask() else "no answer"
    except UNREACHABLE as error:
        log.warning("not ready: %s", error)
        return "no answer"


def _database() -> bool:
    with connection.cursor() as cursor:
        cursor.execute("SELECT 1")
        return cursor.fetchone() == (1,)


def _redis() -> bool:
    return bool(hot.connect(settings.REDIS_URL, socket_timeout=PATIENCE_S).ping())


def _edge() -> bool:
    return requests.get(f"{settings.EDGE_URL}/health/live", timeout=PATIENCE_S).status_code == 200


class _AllTaken(Exception):
    """Every queue has a worker: no need to wait for the others' answers."""


def _worker() -> bool:
    """Whether each queue is taken from: all workers are asked through the broker what they take."""
    routes = current_app.conf.task_routes.values()
    untaken = {current_app.conf.task_default_queue, *(route["queue"] for route in routes)}

    def hear(answer: dict[str, Any]) -> None:
        for queues in answer.values():
            untaken.difference_update(queue["name"] for queue in queues)
        if not untaken:
            raise _AllTaken

    with contextlib.suppress(_AllTaken):
        current_app.control.broadcast("active_queues", reply=True, timeout=PATIENCE_S, callback=hear)
    if untaken:
        log.warning("not ready: no worker takes from %s", ", ".join(sorted(untaken)))
    return not untaken


PARTS: dict[str, Callable[[], bool]] = {"database": _database, "redis": _redis, "edge": _edge, "worker": _worker}
