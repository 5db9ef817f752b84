"""Hands recorded messages to their subscribers."""

import logging
from collections.abc import Sequence
from datetime import datetime, timedelta
from functools import partial

from django.db import connection, transaction
from django.db.models import Q
from django.utils import timezone

from promote import unforeseen
from promote.halving import halved
from promote.outbox import topics
from promote.outbox.models import Message

log = logging.getLogger(__name__)
MOST_ATTEMPTS = 12
LONGEST_WAIT_S = 60


def relay(*, limit: int = 200, only_urgent: bool = False) -> int:
    """Delivers up to `limit` waiting messages of each topic (of those that are urgent), its oldest first. Returns how
    many were done.

    Topics take turns, so that a million of one hold up no other. Messages go in one transaction together where all who
    read the topic take many at once (`subscribe_many`), else each in its own. One whose handler fails waits (2, 4, …
    60 s) and is tried again, up to 12 times; then it stands aside as dead, to be seen and replayed in the admin. Two
    relays share the work (SKIP LOCKED). Who finds less than was asked for has come to the end of the line: what is
    recorded meanwhile is left for the next to read together, since looking on would read it one by one.
    """
    waiting = [topic for topic in _waiting_topics() if topics.is_urgent(topic) or not only_urgent]
    return sum(_relay_topic(topic, limit=limit) for topic in sorted(waiting, key=topics.is_urgent, reverse=True))


def _relay_topic(topic: str, *, limit: int) -> int:
    most = 1 if topics.is_read_singly(topic) else limit
    done = 0
    while done < limit:
        asked = min(most, limit - done)
        seen, handed = _relay_some(topic, most=asked, now=timezone.now())
        done += handed
        if seen < asked:
            break
    return done


def _relay_some(topic: str, *, most: int, now: datetime) -> tuple[int, int]:
    """How many were waiting, at most `most`, and how many of them were done."""
    with transaction.atomic():
        line = Message.objects.select_for_update(skip_locked=True).filter(
            Q(retry_at=None) | Q(retry_at__lte=now), topic=topic, done_at=None, dead=False
        )
        messages = list(line.order_by("id")[:most])
        work = partial(_hand_over, topic, now=now)
        done = halved(messages, work, failed=partial(_put_off, now=now), passing=lambda _error: False)
        return len(messages), done


def _hand_over(topic: str, messages: Sequence[Message], *, now: datetime) -> None:
    topics.hand_over(topic, [message.payload for message in messages], now)
    Message.objects.filter(id__in=[message.id for message in messages]).update(done_at=now)


def _waiting_topics() -> list[str]:
    with connection.cursor() as cursor:
        cursor.execute(_WAITING_TOPICS)
        return [topic for (topic,) in cursor.fetchall()]


def _put_off(message: Message, error: Exception, *, now: datetime) -> None:
    message.attempts += 1
    message.error = unforeseen.named(error)[:2000]
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


# Steps from one topic to the next in the index of what waits, however much waits of each.
_WAITING_TOPICS = """
    WITH RECURSIVE waiting AS (
        (SELECT topic FROM outbox_message WHERE done_at IS NULL AND NOT dead ORDER BY topic LIMIT 1)
        UNION ALL
        SELECT (SELECT m.topic FROM outbox_message m
                 WHERE m.done_at IS NULL AND NOT m.dead AND m.topic > waiting.topic ORDER BY m.topic LIMIT 1)
          FROM waiting WHERE waiting.topic IS NOT NULL
    ) SELECT topic FROM waiting WHERE topic IS NOT NULL
"""
