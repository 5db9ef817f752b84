"""Poison entries, put back into their shard's stream once what made them poison is mended."""

from collections.abc import Iterable
from datetime import datetime
from uuid import UUID

from django.db import transaction

from delivery import hot
from delivery.models import PoisonEntry, Shard


def replay(*, entry_ids: Iterable[UUID], now: datetime) -> int:
    """Appends each entry again, once. Returns how many; what its shard can't take now stays as it is."""
    done = 0
    for entry_id in entry_ids:
        with transaction.atomic():
            entry = PoisonEntry.objects.select_for_update().filter(id=entry_id, replayed_at=None).first()
            if entry is None:
                continue
            generation = Shard.objects.get(id=entry.shard).generation
            call = hot.replay(shard=entry.shard, generation=generation, fields=entry.entry())
            if hot.run(hot.client(), call)[0] == hot.DONE:
                entry.replayed_at = now
                entry.save(update_fields=["replayed_at"])
                done += 1
    return done
