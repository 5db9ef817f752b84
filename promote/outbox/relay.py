"""Hands recorded messages to their subscribers."""

import logging
from datetime import datetime, timedelta

from django.db import transaction
from django.db.models import Q
from django.utils import timezone

from promote.outbox.models import Message
from promote.outbox.topics import handlers_of

log = logging.getLogger(__name__)
MOST_ATTEMPTS = 12
LONGEST_WAIT_S = 60


def relay(*, limit: int = 200) -> int:
    """Delivers up to `limit` waiting messages, oldest first, each with its handlers in one transaction.

    A message whose handler fails waits (2, 4, … 60 s) and is tried again, up to 12 times; then it stands aside as
    dead, to be seen and replayed in the admin. Two relays share the work (SKIP LOCKED). Returns how many were done.
    """
    done = 0
    while done < limit and _relay_one(now=timezone.now()):
        done += 1
    return done


def _relay_one(*, now: datetime) -> bool:
    with transaction.atomic():
        message = (
            Message.objects.select_for_update(skip_locked=True)
            .filter(Q(retry_at=None) | Q(retry_at__lte=now), done_at=None, dead=False)
            .order_by("id")
            .first()
        )
        if message is None:
            return False
        try:
            with transaction.atomic():
                for handler in handlers_of(message.topic):
                    handler(message.payload, now)
        except Exception as error:  # noqa: BLE001  (whatever a subscriber does, the others go on)
            _put_off(message, error=error, now=now)
        else:
            message.done_at = now
            message.save(update_fields=["done_at"])
        return True


def _put_off(message: Message, *, error: Exception, now: datetime) -> None:
    message.attempts += 1
    message.error = f"{type(error).__name__}: {error}"[:2000]
    message.dead = message.attempts >= MOST_ATTEMPTS
    message.retry_at = now + timedelta(seconds=min(LONGEST_WAIT_S, 2**message.attempts))
    message.save(update_fields=["attempts", "error", "dead", "retry_at"])
    log.error("outbox: %s %s failed (attempt %s)", message.topic, message.pk, message.attempts, exc_info=error)


def replay(*, message_ids: list[int]) -> int:
    """Puts dead messages back in line. Returns how many."""
    return Message.objects.filter(id__in=message_ids, dead=True).update(dead=False, attempts=0, retry_at=None)


def forget_done(*, before: datetime) -> int:
    """Deletes delivered messages older than `before`."""
    return Message.objects.filter(done_at__lt=before).delete()[0]
