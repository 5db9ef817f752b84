"""Who is met more often in a minute than people are: by viewer, device and address, over all shards and orders.

Counted in Redis, by the minute of arrival, as the drain judges. Losing the counts forgives a minute. Those within the
limit stay billed; what exceeds it is kept with its reason. Source: delivery.md 5.
"""

from collections.abc import Iterator
from typing import Any, cast

import numpy as np
from django.conf import settings
from numpy.typing import NDArray

from delivery import addresses, hot
from delivery.batch import IMPRESSION_CODE, REASON, Batch, Ints

KEPT_FOR_S = 300
_AT_ONCE = 500
"""So many are asked for by one script, so that no decision waits for all of them."""


def judge(batch: Batch, *, shard: int, upto: tuple[int, str]) -> None:
    """Marks impressions beyond the limits. `upto`, the place in the shard's stream that the batch ends at, keeps the
    same ones from counting twice when they come again: after a crash, or because one of them is poison."""
    shown = np.nonzero((batch.type == IMPRESSION_CODE) & (batch.reason == 0))[0]
    if not len(shown):
        return
    adds = _is_new(shard, upto)
    minute = batch.received_ms[shown] // 60_000
    viewers = batch.token["viewer"][shown].astype(np.int64)
    _mark(batch, shown, minute, viewers, "viewer", settings.VIEWER_IMPRESSIONS_PER_MINUTE, adds)
    devices = np.array([device or 0 for row in shown.tolist() for device in (batch.told[row].device,)], np.int64)
    if (told := devices != 0).any():
        limit = settings.DEVICE_IMPRESSIONS_PER_MINUTE
        _mark(batch, shown[told], minute[told], devices[told], "device", limit, adds)
    lines = [addresses.line(one) if (one := batch.told[row].address) else b"" for row in shown.tolist()]
    if (told := np.array([bool(line) for line in lines], bool)).any():
        places = np.array(lines, "S8")[told]
        _mark(batch, shown[told], minute[told], places, "address", settings.ADDRESS_IMPRESSIONS_PER_MINUTE, adds)


def _mark(batch: Batch, rows: Ints, minute: Ints, who: NDArray[Any], kind: str, limit: int, adds: bool) -> None:
    for one in np.unique(minute).tolist():
        here = rows[minute == one]
        names, inverse, times = np.unique(who[minute == one], return_inverse=True, return_counts=True)
        met = np.array(list(_met(f"{{haste}}:{kind}:{one}", names.tolist(), times.tolist(), adds)), np.int64)
        for name in np.nonzero(met > limit)[0].tolist():
            theirs = here[inverse == name]
            before = max(0, int(met[name]) - len(theirs))
            batch.reason[theirs[max(0, limit - before) :]] = REASON[f"{kind}_too_fast"]


def _met(key: str, names: list[Any], times: list[int], adds: bool) -> Iterator[int]:
    calls = [
        hot.haste(
            key=key,
            kept_for_s=KEPT_FOR_S,
            adds=adds,
            parts=[
                part for pair in zip(names[at : at + _AT_ONCE], times[at : at + _AT_ONCE], strict=True) for part in pair
            ],
        )
        for at in range(0, len(names), _AT_ONCE)
    ]
    for answer in hot.run(hot.client(), *calls):
        yield from answer


def _is_new(shard: int, upto: tuple[int, str]) -> bool:
    """Whether this part of the stream was not counted yet; it is, from now on."""
    client, key = hot.client(), f"{{haste}}:upto:{shard}"
    known = client.get(key)
    if known is not None and _place(cast(bytes, known).decode()) >= _place(f"{upto[0]}-{upto[1]}"):
        return False
    client.set(key, f"{upto[0]}-{upto[1]}", ex=KEPT_FOR_S)
    return True


def _place(text: str) -> tuple[int, ...]:
    return tuple(map(int, text.split("-")))
