"""How many slots were asked for, by hour and by who watched where: counted by the edge, kept here for forecasts."""

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta
from typing import cast

from delivery import bulk
from delivery.hot import Client

KEPT_FOR_S = 3 * 3600
Watcher = tuple[str, int, int, int]
"""Country, and the places of age band, gender and surface in the vocabulary."""


def key(hour: datetime) -> str:
    return f"{{traffic}}:{int(hour.timestamp())}"


def field(watcher: Watcher) -> str:
    return "|".join(map(str, watcher))


def keep(*, client: Client, now: datetime) -> int:
    """Copies the counters of this hour and the last into PostgreSQL. A counter lost with Redis lowers nothing."""
    this_hour = now.astimezone(UTC).replace(minute=0, second=0, microsecond=0)
    rows = []
    for hour in (this_hour - timedelta(hours=1), this_hour):
        for name, slots in cast(dict[bytes, bytes], client.hgetall(key(hour))).items():
            country, age_band, gender, surface = name.decode().split("|")
            rows.append((hour, country, int(age_band), int(gender), int(surface), int(slots)))
    bulk.values(
        "INSERT INTO delivery_traffic_hour AS t (hour, country, age_band, gender, surface, slots) VALUES %s "
        "ON CONFLICT (hour, country, age_band, gender, surface) "
        "DO UPDATE SET slots = greatest(t.slots, EXCLUDED.slots)",
        sorted(rows),
    )
    return len(rows)


def minute_key(minute: int) -> str:
    return f"{{traffic}}:m:{minute}"


def is_any(*, client: Client, now: datetime) -> bool:
    """Whether anybody, anywhere, asked for a decision in this minute or the last."""
    minute = int(now.timestamp() // 60)
    return bool(client.exists(minute_key(minute - 1), minute_key(minute)))


def minute_field(watcher: Watcher) -> str:
    """By country and surface, which is how an order's chances are bounded first."""
    return f"{watcher[0]}|{watcher[3]}"


def last_hour(*, client: Client, countries: Iterable[str], surfaces: Iterable[int], minutes: Sequence[int]) -> int:
    """Decisions asked for by viewers of these countries on these surfaces."""
    fields = [f"{country}|{surface}" for country in countries for surface in surfaces]
    pipe = client.pipeline(transaction=False)
    for minute in minutes:
        pipe.hmget(minute_key(minute), fields)
    return sum(int(figure or 0) for row in pipe.execute() for figure in row)
