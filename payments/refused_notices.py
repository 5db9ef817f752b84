"""Notices that were refused at the door: kept for a week as they came, so that ops sees a forger, or a secret that went
wrong. Nobody fills the disk with them: beyond a few an hour of one source, and so many in all, they are only counted.
"""

import hashlib
import logging
from collections.abc import Mapping
from datetime import datetime, timedelta

import redis
from django.core.cache import cache
from django.db.models import F

from payments import refused
from payments.models import Notice, NoticeState

log = logging.getLogger(__name__)

KEPT_FOR = timedelta(days=7)
KEPT_BYTES = 32 * 1024
"""Of a body; no provider's notice is as long."""
MOST_OF_A_SOURCE, MOST_IN_ALL = 20, 2_000
"""New ones of one source in an hour, and those that are here at a time: 64 MB at the most."""
_HOUR_S = 3600


def keep(
    *,
    gateway: str,
    reason: str,
    sentence: str,
    raw: bytes,
    headers: Mapping[str, str],
    source: str,
    now: datetime,
) -> None:
    """Counts it, and keeps it while there is room. The same body again is the same row.

    `reason` is one of few words, `source` the address that it came from.
    """
    refused.count(gateway=gateway, reason=reason, sentence=sentence)
    event_id = f"refused:{hashlib.sha256(raw).hexdigest()}"
    again = Notice.objects.filter(gateway=gateway, event_id=event_id)
    if again.update(times_received=F("times_received") + 1) or not _has_room(source):
        return
    Notice.objects.bulk_create(
        [
            Notice(
                gateway=gateway,
                event_id=event_id,
                kind=reason,
                about="",
                raw=raw[:KEPT_BYTES],
                headers={**headers, "From": source},
                received_at=now,
                state=NoticeState.REFUSED,
                try_at=now,
                done_at=now,
                error=sentence[:2000],
            )
        ],
        ignore_conflicts=True,
    )


def forget_due(*, limit: int, now: datetime) -> int:
    """Deletes those whose week is over; how many."""
    due = Notice.objects.filter(state=NoticeState.REFUSED, received_at__lt=now - KEPT_FOR).order_by("received_at")
    gone, _by_model = Notice.objects.filter(id__in=list(due.values_list("id", flat=True)[:limit])).delete()
    return gone


def _has_room(source: str) -> bool:
    """A cache that is away counts for none: who can't be counted is not kept."""
    key = f"notices:refused:{source}"
    try:
        cache.add(key, 0, _HOUR_S)
        if cache.incr(key) > MOST_OF_A_SOURCE:
            return False
    except (redis.RedisError, ValueError):
        log.warning("refused notices can't be counted by their source, so none is kept")
        return False
    return Notice.objects.filter(state=NoticeState.REFUSED).count() < MOST_IN_ALL
