"""How long single events are kept: days are dropped whole, by a function of the schema's owner.

What a dropped day came to by order stays (DroppedDay), as do the rollups, so that every charge still adds up.
"""

import logging
from datetime import UTC, datetime, timedelta

from django.db import connection, transaction

from delivery import drain, partitions
from delivery.models import Shard

log = logging.getLogger(__name__)
LATE_S = 3600.0


def drop_old(*, kept_days: int, now: datetime) -> int:
    """Drops days that lie more than `kept_days` back. Returns how many.

    A day stays while one of its orders is not final. While events of over an hour ago wait in a stream none is dropped:
    they may be of any day. Raises ValueError for days of which events can still be told.
    """
    if kept_days <= partitions.BEHIND_DAYS:
        raise ValueError(f"events are kept for more than {partitions.BEHIND_DAYS} days: so long they can be told again")
    if any(drain.lag_s(shard=shard, now=now) > LATE_S for shard in Shard.objects.filter(generation__gt=0)):
        log.warning("partitions: a shard is far behind, so no day is dropped now")
        return 0
    with transaction.atomic(), connection.cursor() as cursor:
        before = now.astimezone(UTC).date() - timedelta(days=kept_days)
        cursor.execute("SELECT delivery_drop_partitions(%s)", [before])
        row = cursor.fetchone()
    partitions.forget()
    return int(row[0]) if row else 0
