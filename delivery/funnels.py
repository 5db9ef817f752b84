"""The last hour of an order's chances, as the edges count them: what was possible, and where it went."""

from collections.abc import Sequence
from uuid import UUID

from delivery import hot

STAGES = ("targeted", "paced", "outbid", "capped", "shown")
"""`targeted`: it fits the viewer. Then it is out at one of: `paced` (nothing released just now, or its price asks for
cheaper chances), `outbid` (another, or the slot's floor, was higher), `capped` (this viewer saw it often enough);
or it is `shown`."""
FUNNEL_FOR_S = 2 * 3600


def stage_fields(order: str) -> dict[str, str]:
    """By stage, where it is counted. `order` is its id in hex."""
    return {stage: f"{order}:{stage}" for stage in STAGES}


def read(client: hot.Client, *, order: UUID, shard: int, minutes: Sequence[int]) -> dict[str, int]:
    """Sums of each stage over these minutes (since 1970)."""
    pipe = client.pipeline(transaction=False)
    for minute in minutes:
        pipe.hmget(hot.funnel_key(shard, minute), list(stage_fields(order.hex).values()))
    rows = pipe.execute()
    return {stage: sum(int(row[place] or 0) for row in rows) for place, stage in enumerate(STAGES)}
