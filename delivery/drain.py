"""The drain: from a shard's stream into PostgreSQL, a batch at a time, each event once (delivery.md 2).

One transaction: the position first, which fences out a twin; the rows; the charges, as far as each escrow reaches; the
rollups; the barriers. Only then does the stream forget. What can't be stored goes aside, and the shard goes on.
"""

import logging
import math
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import numpy as np
from django.db import DatabaseError, DataError, IntegrityError, InterfaceError, connection, transaction
from django.db.models import F
from django.db.models.functions import Greatest

from delivery import batch as batches
from delivery import (
    blocked,
    following,
    haste,
    hot,
    judging,
    ownership,
    partitions,
    rollups,
    sources,
    staff,
    storage,
    targeting,
    unbilled,
    witness,
)
from delivery.batch import IMPRESSION_CODE, REASON, Batch, Ints
from delivery.entries import Raw, Reading, costs, read
from delivery.models import Barrier, Pacer, PoisonEntry, Shard
from delivery.storage import EPOCH
from orders import lifecycle
from payments import escrow
from promote import unforeseen
from promote.halving import of_the_database, sqlstate

log = logging.getLogger(__name__)
BATCH = 20_000
"""The wider, the fewer rows of rollups and charges an event costs; where few come, they are taken as they are."""
LEASE_MS = 4000
SEVERAL = 4
"""So many entries that are refused alike, and none that is not, are not poison: it is the database. Where fewer wait, a
plain one that nobody told is tried beside them (witness.py)."""


class Fenced(Exception):
    """Another drain moved the position: this one saw an older world, and leaves it."""


@dataclass(frozen=True, slots=True)
class Position:
    generation: int
    id: str


def drain(*, shard: int, now: datetime, batches: int = 20, seconds: float = math.inf) -> int:
    """Drains what a shard's stream holds, up to `batches` batches; after so many seconds it begins no other. Returns
    how many entries it committed.

    A twin at work makes it stop. A generation's stream is followed by the next one's once it is empty for good.
    """
    with _alone(shard) as alone:
        return _drain(shard, now, batches, seconds) if alone else 0


def _drain(shard: int, now: datetime, batches: int, seconds: float) -> int:
    done, began = 0, time.monotonic()
    row = Shard.objects.get(id=shard)
    # What a drain committed that died before it trimmed.
    trim(shard=shard, upto=Position(row.position_generation, row.position_id))
    for _ in range(batches):
        row.refresh_from_db()
        position = Position(row.position_generation, row.position_id)
        raws = fetch(shard=shard, after=position, most=BATCH)
        try:
            if raws:
                hot.client().pexpire(_lease_key(shard), LEASE_MS)
                reached = commit(shard=shard, position=position, entries=raws, now=now)
                _forget(shard, reached, raws)
                done += len(raws)
                # What came meanwhile waits for the next one: in batches of a few, each event would bring its own
                # dozen sums.
                if len(raws) < BATCH and position.generation == row.generation:
                    break
            elif position.generation < row.generation:
                _next_generation(shard, position, now)
            else:
                break
        except Fenced:
            log.info("drain: shard %s is drained by another", shard)
            break
        if time.monotonic() - began >= seconds:
            break
    return done


def fetch(*, shard: int, after: Position, most: int = BATCH) -> list[Raw]:
    found = hot.entries(shard=shard, generation=after.generation, after=after.id, most=most)
    return [(id_.decode(), parts) for id_, parts in found]


def commit(*, shard: int, position: Position, entries: Sequence[Raw], now: datetime) -> Position:
    """Stores entries behind `position`, halving a batch that the database refuses down to the one that is poison.

    Returns the position reached. Raises Fenced, and the database's error where it is not about the entries.
    """
    return _halved(shard, position, entries, now, doubted=True)


def _halved(shard: int, position: Position, entries: Sequence[Raw], now: datetime, *, doubted: bool) -> Position:
    """`doubted`: whether it could be the database, and not one of them."""
    reached = Position(position.generation, entries[-1][0])
    try:
        _store(shard, position, reached, entries, now)
    except (DatabaseError, InterfaceError, ValueError, ArithmeticError, LookupError) as error:
        if of_the_database(error) or (doubted and _refuses_all(shard, position, entries, error, now)):
            raise
        if len(entries) > 1:
            half = len(entries) // 2
            middle = _halved(shard, position, entries[:half], now, doubted=False)
            return _halved(shard, middle, entries[half:], now, doubted=False)
        log.exception("drain: shard %s sets aside entry %s", shard, reached.id)
        with transaction.atomic():
            move(shard=shard, before=position, to=reached, now=now)
            set_aside(shard, reached, entries[0], error, now)
            _passed(shard, 1)
    return reached


def _refuses_all(shard: int, position: Position, entries: Sequence[Raw], error: Exception, now: datetime) -> bool:
    """Whether several of them, each tried alone and undone, are refused as the batch was: then none of them is poison,
    and none may go aside. Of a few, a plain impression of another order has to be refused alike as well. What a value
    is refused for is always that entry's own."""
    state = sqlstate(error)
    if not state or isinstance(error, DataError):
        return False
    tried = list(entries[:: max(1, len(entries) // SEVERAL)][:SEVERAL])
    if len(tried) < SEVERAL:
        doubted, last = read(entries).orders, entries[-1][0]
        plain = witness.of(shard=shard, generation=position.generation, doubted=doubted, stream_id=last, now=now)
        tried = [*([plain] if plain else []), *tried]
    return all(_refusal(shard, position, one, now) == state for one in tried)


def _refusal(shard: int, position: Position, entry: Raw, now: datetime) -> str:
    """The SQLSTATE that this one alone is refused with, "" where it is not. Nothing of it stays."""
    try:
        with transaction.atomic():
            _store(shard, position, Position(position.generation, entry[0]), [entry], now)
            transaction.set_rollback(True)
    except (DatabaseError, ValueError, ArithmeticError, LookupError) as error:
        return sqlstate(error)
    return ""


def _forget(shard: int, reached: Position, raws: Sequence[Raw]) -> None:
    """Lets the stream forget these, which are committed."""
    try:
        micros = costs(raws)
    except ValueError:  # one of them is poison: Redis is to look for itself
        trim(shard=shard, upto=reached)
        return
    call = hot.forget(shard=shard, generation=reached.generation, ids=[id_ for id_, _ in raws], micros=micros)
    if hot.run(hot.client(), call)[0] == hot.LOST:
        trim(shard=shard, upto=reached)


def trim(*, shard: int, upto: Position, most: int = BATCH) -> None:
    """Lets the stream forget what is committed. Again, or after a crash, it does the same."""
    left = most
    while left >= most:
        left = hot.run(hot.client(), hot.trim(shard=shard, generation=upto.generation, upto=upto.id, most=most))[0]


def move(*, shard: int, before: Position, to: Position, now: datetime) -> None:
    """The first statement of every drain's transaction. Raises Fenced where the position is no longer `before`."""
    moved = Shard.objects.filter(id=shard, position_generation=before.generation, position_id=before.id).update(
        position_generation=to.generation, position_id=to.id, drained_at=now
    )
    if not moved:
        raise Fenced


def _passed(shard: int, entries: int) -> None:
    """So many do not wait any more. The last statement, since the pacer waits for it until the transaction ends."""
    Pacer.objects.filter(shard_id=shard).update(backlog=Greatest(F("backlog") - entries, 0))


def set_aside(shard: int, at: Position, raw: Raw, error: Exception, now: datetime) -> None:
    PoisonEntry.objects.create(
        shard=shard,
        generation=at.generation,
        stream_id=raw[0],
        fields=PoisonEntry.kept(dict(zip(raw[1][::2], raw[1][1::2], strict=True))),
        error=unforeseen.named(error)[:2000],
        at=now,
    )


def _store(shard: int, position: Position, reached: Position, raws: Sequence[Raw], now: datetime) -> None:
    reading = read(raws)
    judged, barriers = _judged(reading, now), reading.barriers
    haste.judge(judged, shard=shard, generation=reached.generation, ids=[id_ for id_, _ in raws])
    following.judge(judged)
    replayed: Mapping[unbilled.Counted, int] = {}
    partitions.ensure(EPOCH + timedelta(days=day) for day in np.unique(judged.token["day"]).tolist())
    sources.know(judged)
    with transaction.atomic():
        move(shard=shard, before=position, to=reached, now=now)
        for place, error in reading.unreadable:
            log.error("drain: an entry can't be read: %s", error)
            set_aside(shard, reached, raws[place], error, now)
        try:
            with transaction.atomic():
                _write(judged, reached, shard, barriers, now)
        except IntegrityError:
            # Told before: Redis knows that of almost all, so that it is asked for only now.
            fresh = storage.first_told(judged)
            if fresh.all():
                raise
            replayed = unbilled.replayed(judged.kept(~fresh))
            _write(judged.kept(fresh), reached, shard, barriers, now)
        lifecycle.mark_all_drained(order_ids=list(barriers), now=now)
        Barrier.objects.filter(order_id__in=list(barriers), drained_at=None).update(drained_at=now)
        _passed(shard, len(raws))
    hot.run(hot.client(), *unbilled.tell(replayed, now=now.timestamp()))


def _write(batch: Batch, reached: Position, shard: int, barriers: dict[UUID, int], now: datetime) -> None:
    """The charges, then the rows that say which of them were made, then the sums. Raises IntegrityError where one of
    the events is stored already; `batch` stays as it is."""
    orphans = storage.without_impression(batch, reached.generation)
    reason = np.where(orphans & (batch.reason == 0), REASON["no_impression"], batch.reason)
    batch = replace(batch, reason=reason, charged=(batch.type == IMPRESSION_CODE) & (reason == 0))
    _charge(shard, reached, batch, barriers, now)
    if len(batch):
        storage.insert(batch)
        sources.keep(batch)
    rollups.add(batch)
    unbilled.add(batch)


def _judged(reading: Reading, now: datetime) -> Batch:
    batch = batches.of(reading)
    days = np.unique(batch.token["day"]).tolist()
    owners = ownership.of(batch.orders, days=days)
    if unknown := set(batch.orders) - owners.keys():
        raise ValueError(f"order {min(unknown)} is not known")
    batch.reason = judging.reasons(
        batch,
        owners=owners,
        touched=storage.touched(batch, judging.brief_focused(batch)),
        blocks=blocked.in_force(now=now),
        staff=staff.viewers(days=days),
        astray=targeting.astray(batch),
    )
    return batch


def _charge(shard: int, reached: Position, batch: Batch, barriers: dict[UUID, int], now: datetime) -> None:
    """Charges, per order, the longest prefix in stream order that its escrow can pay. The rest was shown for free.

    Locks the orders by id, then their escrows by id.
    """
    by_order = _billable(batch)
    closed, escrows = _lock_orders({*by_order, *barriers}, exclusively=bool(barriers))
    left = escrow.lock([escrows[order] for order in by_order])
    charges = []
    for order, rows in by_order.items():
        end = -1 if closed[order] else barriers.get(order, sys.maxsize)
        total = _fit(batch, rows, left.get(escrows[order], 0), end)
        if total:
            charges.append((escrows[order], total))
    if charges:
        key = f"charge:{shard}:{reached.generation}:{reached.id}"
        escrow.charge(key=key, charges=charges, now=now)


def _billable(batch: Batch) -> dict[UUID, Ints]:
    """The charged ones of each order, in stream order."""
    rows = np.nonzero(batch.charged)[0]
    rows = rows[np.argsort(batch.order[rows], kind="stable")]
    orders, starts = np.unique(batch.order[rows], return_index=True)
    parts = np.split(rows, starts[1:])
    return {batch.orders[order]: part for order, part in zip(orders.tolist(), parts, strict=False)}


def _fit(batch: Batch, rows: Ints, left: int, barrier: int) -> int:
    """What the prefix costs. The rows behind it are marked with why they are free. `barrier`: a place in the batch."""
    before = int(np.searchsorted(batch.place[rows], barrier, side="right"))
    costs = np.cumsum(batch.price[rows[:before]])
    paid = int(np.searchsorted(costs, left, side="right"))
    batch.reason[rows[paid:]] = REASON["over_delivery"]
    batch.reason[rows[before:]] = REASON["order_closed"]
    batch.charged[rows[paid:]] = False
    return int(costs[paid - 1]) if paid else 0


def _lock_orders(orders: set[UUID], *, exclusively: bool) -> tuple[dict[UUID, bool], dict[UUID, int]]:
    """Whether each order is closed, and its escrow; locked until the transaction ends, in id order."""
    # Those whose barrier is here are changed at the end: a shared lock could not be raised then without a deadlock.
    lock = "FOR NO KEY UPDATE" if exclusively else "FOR SHARE"
    with connection.cursor() as cursor:
        cursor.execute(
            f"SELECT id, closed_at IS NOT NULL, escrow_id FROM orders_order WHERE id = ANY(%s) ORDER BY id {lock}",  # noqa: S608
            [sorted(orders)],
        )
        found: list[Any] = cursor.fetchall()
    return {id_: closed for id_, closed, _ in found}, {id_: escrow_id for id_, _, escrow_id in found}


def _next_generation(shard: int, position: Position, now: datetime) -> None:
    """The old stream is empty, and nobody can append to it: its generation is over."""
    with transaction.atomic():
        move(shard=shard, before=position, to=Position(position.generation + 1, "0-0"), now=now)
    hot.client().delete(hot.stream_key(shard, position.generation))


@contextmanager
def _alone(shard: int) -> Iterator[bool]:
    """Spares a twin its work. It is the position that fences, not this: it may be lost with Redis, or run out."""
    client, mine = hot.client(), uuid4().bytes
    taken = bool(client.set(_lease_key(shard), mine, nx=True, px=LEASE_MS))
    try:
        yield taken
    finally:
        if taken and client.get(_lease_key(shard)) == mine:
            client.delete(_lease_key(shard))


def _lease_key(shard: int) -> str:
    return f"{hot.tag(shard)}:drain"


def lag_s(*, shard: Shard, now: datetime) -> float:
    """How old the oldest entry is that is not committed, in seconds; 0 where there is none."""
    waiting = fetch(shard=shard.id, after=Position(shard.position_generation, shard.position_id), most=1)
    if not waiting:
        return 0.0
    told_at = datetime.fromtimestamp(int(waiting[0][0].split("-")[0]) / 1000, UTC)
    return max(0.0, (now - told_at).total_seconds())
