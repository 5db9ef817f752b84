"""Delivery's work in the background. `tick` asks for what there is to do, and for nothing where there is nothing."""

from typing import cast
from uuid import UUID

from celery import shared_task
from django.conf import settings
from django.utils import timezone

from delivery import drain, hot, invalid, learning, pacer, partitions, retention, sources, traffic, unbilled
from delivery.models import Barrier, Shard
from orders.models import Order

_DROP_AFTER_S = 2
"""A run that waited longer is dropped: the next tick asks again."""
_GIVEN_BACK_AFTER_S = 1.0
"""While shards are far behind, their drains leave the workers to others between two batches: a stop waits for one."""


@shared_task(ignore_result=True)
def tick(**_: object) -> None:
    """Twice a second, by beat: drains shards whose stream holds something, paces those with live orders or barriers."""
    shards = {row.id: row for row in Shard.objects.all()}
    client = hot.client()
    run_ids = hot.run_ids(client, range(settings.SHARDS))
    pipe = client.pipeline(transaction=False)
    for shard in range(settings.SHARDS):
        row = shards.get(shard)
        pipe.get(hot.generation_key(shard))
        pipe.xlen(hot.stream_key(shard, row.position_generation if row else 0))
        pipe.xlen(hot.stream_key(shard, row.generation if row else 0))
    answers = pipe.execute()
    busy = set(Order.objects.delivering().values_list("shard", flat=True).distinct())
    busy |= set(Barrier.objects.filter(drained_at=None).values_list("shard", flat=True).distinct())
    for shard in range(settings.SHARDS):
        row = shards.get(shard)
        known, behind, current = cast(tuple[bytes | None, int, int], answers[3 * shard : 3 * shard + 3])
        lost = (
            row is not None
            and row.generation > 0
            and (known, row.redis_run_id) != (b"%d" % row.generation, run_ids[shard])
        )
        if row is not None and (behind or current or row.position_generation < row.generation):
            drain_shard.apply_async(kwargs={"shard": shard}, expires=_DROP_AFTER_S)
        if shard in busy or lost:
            pace_shard.apply_async(kwargs={"shard": shard}, expires=_DROP_AFTER_S)


@shared_task(ignore_result=True)
def drain_shard(*, shard: int, **_: object) -> None:
    drain.drain(shard=shard, now=timezone.now(), seconds=_GIVEN_BACK_AFTER_S)


@shared_task(ignore_result=True)
def pace_shard(*, shard: int, **_: object) -> None:
    pacer.pace(shard=shard, now=timezone.now())


@shared_task(name="delivery.tasks.partitions", ignore_result=True)
def make_partitions(**_: object) -> None:
    now = timezone.now()
    partitions.make_ahead(now=now)
    # First, for addresses are kept no longer than that, whatever keeps a day from being dropped.
    sources.forget_old(kept_days=settings.SOURCES_KEPT_DAYS, now=now)
    retention.drop_old(kept_days=settings.EVENTS_KEPT_DAYS, now=now)


@shared_task(ignore_result=True)
def return_invalid(*, finding: str = "", **_: object) -> None:
    """A finding's charges at once; without one, by beat: what each hour's traffic shows, and what is waiting."""
    now = timezone.now()
    if finding:
        invalid.give_back(finding_id=UUID(finding), now=now)
        return
    invalid.sweep(now=now)
    invalid.look_back(now=now)
    invalid.give_back_due(now=now)


@shared_task(ignore_result=True)
def learn(**_: object) -> None:
    """Every half minute, by beat."""
    now = timezone.now()
    traffic.keep(client=hot.client(), now=now)
    unbilled.keep(client=hot.client(), now=now)
    learning.learn_rates(now=now)
    learning.learn_prices(now=now)
