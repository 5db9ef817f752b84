"""Where the chances of each order went, as the edge counts them."""

import asyncio
import time
from uuid import UUID

import numpy as np
import pytest
from django.conf import settings

from delivery import funnels, hot
from delivery.edge import cluster
from delivery.edge.funnel import Funnel
from delivery.engine import auction
from delivery.engine.draws import Draws
from promote import ids
from tests.delivery.test_engine import a_listing, an_index

STAGES = {
    "shown": {"targeted": 1, "paced": 0, "outbid": 0, "capped": 0, "shown": 1},
    "outbid": {"targeted": 1, "paced": 0, "outbid": 1, "capped": 0, "shown": 0},
    "paced": {"targeted": 1, "paced": 1, "outbid": 0, "capped": 0, "shown": 0},
    "capped": {"targeted": 1, "paced": 0, "outbid": 0, "capped": 1, "shown": 0},
    "refused": {"targeted": 1, "paced": 1, "outbid": 0, "capped": 0, "shown": 0},
}


@pytest.mark.parametrize("last_is", ["shown", "refused"])
@pytest.mark.parametrize("capped_is", ["before the last auction", "after it"])
def test_each_order_of_a_decision_is_counted_at_one_stage(last_is, capped_is):
    lane = cluster.way(settings.REDIS_URL)
    orders = {name: ids.new() for name in (last_is, "outbid", "paced", "capped")}
    most = {"outbid": 2300, "paced": 1999, "capped": 2400}
    index = an_index(
        *(
            a_listing(number, order=order.hex, max_bid_micros=most.get(name, 0))
            for number, (name, order) in enumerate(orders.items())
        )
    )
    row = {name: index.rows[order.hex] for name, order in orders.items()}
    held = [row[last_is], row["outbid"], row["paced"]] + [row["capped"]] * (capped_is == "after it")
    last = auction.hold(index, held, 0, [0], Draws(np.random.default_rng(1)), now=5.0)
    funnel = Funnel(index)
    shown, aside = ([row["shown"]], {}) if last_is == "shown" else ([], {row["refused"]: "paced"})
    funnel.note(list(row.values()), last, aside={**aside, row["capped"]: "capped"}, shown=shown)
    asyncio.run(told(funnel, lane))
    for name, order in orders.items():
        assert counted(order) == STAGES[name]


async def told(funnel, lane):
    await funnel.tell(lane)
    await lane.close()


def counted(order: UUID) -> dict[str, int]:
    minute = int(time.time() // 60)
    return funnels.read(hot.client(), order=order, shard=0, minutes=[minute - 1, minute])
