"""Who is met more often in a minute than people are: by viewer, device and address, over all shards and orders.

Counted in Redis, by the minute of arrival, as the drain judges. Losing the counts forgives a minute. Those within the
limit stay billed; what exceeds it is kept with its reason. Source: delivery.md 5.
"""

from bisect import bisect_right
from collections.abc import Iterator, Sequence
from typing import Any, TypeVar, cast

import numpy as np
from django.conf import settings
from numpy.typing import NDArray

from delivery import addresses, hot
from delivery.batch import IMPRESSION_CODE, REASON, Batch, Ints

KEPT_FOR_S = 300
_AT_ONCE = 1000
"""So many words, at most, one call to Redis has, so that no decision waits for all of them."""
T = TypeVar("T")


def judge(batch: Batch, *, shard: int, generation: int, ids: Sequence[str]) -> None:
    """Marks impressions beyond the limits. `ids`: of the entries that the batch was read from, in the stream's order.

    What comes again, after a crash or because one of its batch is poison, is marked as it was and not counted again.
    """
    shown = np.nonzero((batch.type == IMPRESSION_CODE) & (batch.reason == 0))[0]
    if not len(shown):
        return
    known = batch.place[shown] < _counted_before(shard, generation, ids)
    if known.any():
        _mark_again(batch, shown[known], shard, ids)
    if not known.all():
        fresh = shown[~known]
        _count(batch, fresh)
        _remember(batch, fresh, shard, ids)


def _count(batch: Batch, shown: Ints) -> None:
    minute = batch.received_ms[shown] // 60_000
    viewers = batch.token["viewer"][shown].astype(np.int64)
    _mark(batch, shown, minute, viewers, "viewer", settings.VIEWER_IMPRESSIONS_PER_MINUTE)
    devices = np.array([device or 0 for row in shown.tolist() for device in (batch.told[row].device,)], np.int64)
    if (told := devices != 0).any():
        _mark(batch, shown[told], minute[told], devices[told], "device", settings.DEVICE_IMPRESSIONS_PER_MINUTE)
    lines = [addresses.line(one) if (one := batch.told[row].address) else b"" for row in shown.tolist()]
    if (told := np.array([bool(line) for line in lines], bool)).any():
        places = np.array(lines, "S8")[told]
        _mark(batch, shown[told], minute[told], places, "address", settings.ADDRESS_IMPRESSIONS_PER_MINUTE)


def _mark(batch: Batch, rows: Ints, minute: Ints, who: NDArray[Any], kind: str, limit: int) -> None:
    for one in np.unique(minute).tolist():
        here = rows[minute == one]
        names, inverse, times = np.unique(who[minute == one], return_inverse=True, return_counts=True)
        met = np.array(list(_met(f"{{haste}}:{kind}:{one}", names.tolist(), times.tolist())), np.int64)
        for name in np.nonzero(met > limit)[0].tolist():
            theirs = here[inverse == name]
            before = max(0, int(met[name]) - len(theirs))
            batch.reason[theirs[max(0, limit - before) :]] = REASON[f"{kind}_too_fast"]


def _met(key: str, names: list[Any], times: list[int]) -> Iterator[int]:
    pairs = [part for pair in zip(names, times, strict=True) for part in pair]
    calls = [hot.haste(key=key, kept_for_s=KEPT_FOR_S, parts=list(some)) for some in _parts(pairs)]
    for answer in hot.run(hot.client(), *calls):
        yield from answer


def _counted_before(shard: int, generation: int, ids: Sequence[str]) -> int:
    """How many of these, from the first on, were counted before: those that a drain before this one had in hand, and
    did not commit. From now on all of them are."""
    client, key = hot.client(), f"{{haste}}:upto:{shard}"
    said = client.get(key)
    until = _order(cast(bytes, said).decode()) if said else ()
    known = bisect_right(ids, until, key=lambda id_: (generation, *_order(id_)))
    if not known:
        client.delete(_marks(shard))  # what it was about is committed
    if known < len(ids):
        client.set(key, f"{generation}-{ids[-1]}", ex=KEPT_FOR_S)
    return known


def _remember(batch: Batch, rows: Ints, shard: int, ids: Sequence[str]) -> None:
    client, key = hot.client(), _marks(shard)
    marked = rows[batch.reason[rows] != 0]
    pairs = [part for row in marked.tolist() for part in (ids[batch.place[row]], int(batch.reason[row]))]
    for some in _parts(pairs):
        client.hset(key, items=list(some))
    if pairs:
        client.expire(key, KEPT_FOR_S)


def _mark_again(batch: Batch, rows: Ints, shard: int, ids: Sequence[str]) -> None:
    names = [ids[place] for place in batch.place[rows].tolist()]
    said = [one for some in _parts(names) for one in cast(list[bytes | None], hot.client().hmget(_marks(shard), some))]
    batch.reason[rows] = [int(one or 0) for one in said]


def _parts(values: Sequence[T]) -> Iterator[Sequence[T]]:
    return (values[at : at + _AT_ONCE] for at in range(0, len(values), _AT_ONCE))


def _marks(shard: int) -> str:
    return f"{{haste}}:marks:{shard}"


def _order(text: str) -> tuple[int, ...]:
    return tuple(map(int, text.split("-")))
