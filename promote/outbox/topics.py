"""Recording messages and subscribing to them."""

from collections import defaultdict
from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any

from django.db import transaction
from django.utils import timezone

from promote import many

Handler = Callable[[dict[str, Any], datetime], None]
_handlers: dict[str, list[Handler]] = defaultdict(list)


def subscribe(topic: str) -> Callable[[Handler], Handler]:
    """Registers a handler of `(payload, now)`. It is called at least once per message, in its own transaction."""

    def register(handler: Handler) -> Handler:
        if handler not in _handlers[topic]:
            _handlers[topic].append(handler)
        return handler

    return register


def handlers_of(topic: str) -> list[Handler]:
    return list(_handlers[topic])


def record(topic: str, payload: dict[str, Any]) -> None:
    """Writes a message in the caller's transaction, and wakes the relay once that is committed."""
    record_all(topic, [payload])


def record_all(topic: str, payloads: Sequence[dict[str, Any]]) -> None:
    """As `record`, a message for each payload, in one statement."""
    from promote.outbox.models import Message
    from promote.outbox.tasks import wake

    rows = [{"payload": payload} for payload in payloads]
    many.insert(Message, rows, topic=topic, created_at=timezone.now(), attempts=0, error="", dead=False)
    transaction.on_commit(wake, robust=True)
