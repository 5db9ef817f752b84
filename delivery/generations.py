"""Generations: what a shard's counters and stream are. Losing Redis begins the next one (delivery.md 2).

A generation never decides what is billed. While none is published, the shard decides nothing and takes no event.
"""

import logging
from datetime import datetime
from typing import cast

from django.db import transaction

from delivery import hot
from delivery.models import Pacer, Shard

log = logging.getLogger(__name__)


def ensure(*, shard: int, now: datetime) -> int:
    """The shard's generation; the next one where Redis is another run of itself, or does not know ours any more."""
    client = hot.client()
    run_id = hot.run_id(client, shard)
    known = cast(bytes | None, client.get(hot.generation_key(shard)))
    row = Shard.objects.get(id=shard)
    if row.generation and known == str(row.generation).encode() and row.redis_run_id == run_id:
        return row.generation
    # From here on nobody appends to the old stream: what is in it can be drained to its end.
    client.delete(hot.generation_key(shard))
    with transaction.atomic():
        row = Shard.objects.select_for_update().get(id=shard)
        survived = client.xlen(hot.stream_key(shard, row.generation))
        # Drains take off what they passed, so that this was seen and is nowhere. What came since the last look can't
        # be counted by anybody.
        pacer, _ = Pacer.objects.select_for_update().get_or_create(shard=row)
        lost = max(0, pacer.backlog - survived)
        row.generation += 1
        row.redis_run_id, row.lost_entries, pacer.backlog = run_id, row.lost_entries + lost, survived
        row.save(update_fields=["generation", "redis_run_id", "lost_entries"])
        pacer.save(update_fields=["backlog"])
    if row.generation > 1:
        log.warning(
            "generations: shard %s begins generation %s; at least %s entries were lost", shard, row.generation, lost
        )
    client.set(hot.generation_key(shard), row.generation)
    return row.generation


def is_whole(*, shard: int) -> bool:
    """Whether what the shard was before is drained to its end, so that its escrows tell all."""
    row = Shard.objects.get(id=shard)
    return row.position_generation == row.generation
