"""Recording messages and subscribing to them."""

from collections import defaultdict
from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any

from django.db import transaction
from django.utils import timezone

from promote import many

Handler = Callable[[dict[str, Any], datetime], None]
BatchHandler = Callable[[Sequence[dict[str, Any]], datetime], None]
_handlers: dict[str, list[Handler]] = defaultdict(list)
_batch_handlers: dict[str, list[BatchHandler]] = defaultdict(list)
_urgent: set[str] = set()


def subscribe(topic: str, *, is_urgent: bool = False) -> Callable[[Handler], Handler]:
    """Registers a handler of `(payload, now)`. It is called at least once per message, in its own transaction.

    `is_urgent`: somebody was promised it within seconds, and it takes milliseconds. Such topics are read by a worker
    of their own as well, which no long task holds up.
    """

    def register(handler: Handler) -> Handler:
        _urgent.update([topic] if is_urgent else [])
        if handler not in _handlers[topic]:
            _handlers[topic].append(handler)
        return handler

    return register


def subscribe_many(topic: str, *, is_urgent: bool = False) -> Callable[[BatchHandler], BatchHandler]:
    """As `subscribe`, a handler of `(payloads, now)`: of many messages in one transaction. Where it raises, it is
    called with each half of them, down to the one that it can't do.
    """

    def register(handler: BatchHandler) -> BatchHandler:
        _urgent.update([topic] if is_urgent else [])
        if handler not in _batch_handlers[topic]:
            _batch_handlers[topic].append(handler)
        return handler

    return register


def is_read_singly(topic: str) -> bool:
    """Whether somebody reads these messages one by one, each in a transaction of its own."""
    return bool(_handlers[topic])


def is_urgent(topic: str) -> bool:
    return topic in _urgent


def hand_over(topic: str, payloads: Sequence[dict[str, Any]], now: datetime) -> None:
    """Calls the topic's handlers, in the caller's transaction."""
    for handle_all in list(_batch_handlers[topic]):
        handle_all(payloads, now)
    for handle in list(_handlers[topic]):
        for payload in payloads:
            handle(payload, now)


def record(topic: str, payload: dict[str, Any], *, wakes: bool = True) -> None:
    """Writes a message in the caller's transaction, and wakes the relay once that is committed.

    Without `wakes` it waits for the clock, a second at most: what comes in hundreds is then read together.
    """
    record_all(topic, [payload], wakes=wakes)


def record_all(topic: str, payloads: Sequence[dict[str, Any]], *, wakes: bool = True) -> None:
    """As `record`, a message for each payload, in one statement. What nobody reads wakes nobody."""
    from promote.outbox.models import Message

    if not payloads:
        return
    rows = [{"payload": payload} for payload in payloads]
    many.insert(Message, rows, topic=topic, created_at=timezone.now(), attempts=0, error="", dead=False)
    if wakes:
        wake_if_read(topic)


def wake_if_read(topic: str) -> None:
    """For who recorded through the database (sql/0001_record.sql), together with rows of their own."""
    from promote.outbox.tasks import wake, wake_urgent

    if _handlers[topic] or _batch_handlers[topic]:
        transaction.on_commit(wake_urgent if is_urgent(topic) else wake, robust=True)
