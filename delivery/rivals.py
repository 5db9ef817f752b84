"""Whom a draft order would meet: the viewers of late, and what the live index bids for each of them, now and later.

Each edge takes some of the viewers who just asked it, holds its own index's auction for them (edge/sampling.py) and
tells the outcome here, by country. A forecast reads that in a millisecond, whatever the number of live orders.
"""

from collections.abc import Collection, Iterable, Sequence
from functools import cache

import msgspec
import numpy as np
from django.conf import settings
from numpy.typing import NDArray
from redis.exceptions import RedisError

from delivery import hot

KEPT, KEPT_FOR_S = 300, 3600
"""Viewers of a country, the latest; and for how long where no more come."""
PATIENCE_S = 1.0


class Met(msgspec.Struct, array_like=True, frozen=True, gc=False):
    """A slot that somebody asked for. `bids`: the highest one that stands until then (seconds since 1970), then the
    highest of those that run longer, and so on; micros. `floor`: what the slot was worth to its platform."""

    age_band: str
    gender: str
    interests: tuple[str, ...]
    surface: str
    floor: int
    bids: tuple[tuple[int, float], ...]

    def fits(self, surfaces: Collection[str], ages: Collection[str], genders: Collection[str]) -> bool:
        """As the index lets viewers through, but for interests. Empty lets everybody."""
        return (
            self.surface in surfaces and (not ages or self.age_band in ages) and (not genders or self.gender in genders)
        )


def prices(met: Sequence[Met], at: Sequence[float]) -> NDArray[np.float64]:
    """What whoever wins each slot then pays, if there is no reserve: a row a slot, a column a time."""
    steps = 1 + max((len(one.bids) for one in met), default=0)
    bids = np.zeros((len(met), steps, 2))
    # Behind the last that is known nobody bids, for ever.
    bids[:, :, 1] = np.inf
    for row, one in enumerate(met):
        if one.bids:
            bids[row, : len(one.bids)] = one.bids
    floors = np.array([one.floor for one in met], np.float64)
    micros, until, rows = bids[:, :, 0], bids[:, :, 1], np.arange(len(met))
    columns = [np.maximum(floors, micros[rows, (until > time).argmax(axis=1)]) for time in at]
    return np.array(columns).T


_encoder = msgspec.msgpack.Encoder()
_decoder = msgspec.msgpack.Decoder(Met)


def key(country: str) -> str:
    return f"{{rivals:{country}}}"


def tell(country: str, met: Iterable[Met]) -> list[tuple[str | int | bytes, ...]]:
    """Commands to Redis."""
    name = key(country)
    return [
        ("RPUSH", name, *map(_encoder.encode, met)),
        ("LTRIM", name, -KEPT, -1),
        ("EXPIRE", name, KEPT_FOR_S),
    ]


def of(countries: Iterable[str]) -> Sequence[Met]:
    """Those of these countries. None where Redis is away, or does not answer in time: a forecast does without."""
    try:
        pipe = _client(settings.REDIS_URL).pipeline(transaction=False)
        for country in countries:
            pipe.lrange(key(country), 0, -1)
        answers = pipe.execute()
    except RedisError:
        return ()
    return [_decoder.decode(raw) for some in answers for raw in some]


@cache
def _client(url: str) -> hot.Client:
    """Somebody waits for an estimate: no longer than this for Redis."""
    return hot.connect(url, socket_timeout=PATIENCE_S, socket_connect_timeout=PATIENCE_S)
