"""What is measured: one order in a log of its own, and the mixed set, each under every rule. Pieces for a process."""

import contextlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from uuid import UUID

import numpy as np

from bench.replaying import baselines, mixed
from bench.replaying.counters import Account, Copied, Scripts
from bench.replaying.log import Log, hindsight
from bench.replaying.market import Asked, Counting, Market, Ours, Outcome, a_listing
from delivery.engine import pacing

SHARES = {"1/64": 64, "1/32": 32, "1/8": 8, "1/2": 2}
"""Budgets, as parts of what the whole log costs."""
SMALL = "k250"
"""A budget of 250 impressions at the mean price."""
CELLS = (SMALL, *SHARES)
UNKNOWN = pacing.UNKNOWN_MARKET


@dataclass(frozen=True, slots=True)
class One:
    """What one order got of one log. Shares of the best in hindsight, and of the budget."""

    value: float
    pid: float
    throttling: float
    """By the best of the bids that win so many of the slots."""
    fitted: float
    """By the best of the bids that are fitted to the log's mean price."""
    cap: float
    """By a fixed bid that only hindsight knows."""
    spent: float
    distance: float
    overspent: int
    curve: list[float]


@dataclass(frozen=True, slots=True)
class Many:
    """What the mixed set got of one log."""

    actions: float
    spent_micros: int
    feasible_spent: float
    finished: float
    """The share of orders that spent 98 % of what they could."""
    distance: float
    overspent: int
    curve: list[float]

    @property
    def actions_per_million(self) -> float:
        return self.actions / max(1, self.spent_micros) * 1e6


def budget_of(log: Log, cell: str) -> int:
    return 250 * log.cost // len(log) if cell == SMALL else log.cost // SHARES[cell]


def one(log: Log, cell: str, *, known: bool, redis: str = "") -> One:
    """One order, from the right μ or (not `known`) from five times it, where baselines are left out. `redis`: the
    socket of one whose counters it is charged by; without it by a copy of them."""
    budget = budget_of(log, cell)
    best = hindsight(log, budget)
    score = float(log.rates.mean())
    asked = Asked(a_listing(0), budget, score=score, price=score / best.mu, known=known)
    with counted(redis) as counters:
        got = Market(log, [asked], Ours, counters=counters).run()
    pid = max(_pid(log, asked, gains) for gains in baselines.GAINS) if known else 0.0
    return One(
        value=got.value[0] / best.value,
        pid=pid / best.value,
        throttling=baselines.throttling(log, budget, baselines.winning(log)).value / best.value,
        fitted=baselines.throttling(log, budget, baselines.ladder(log)).value / best.value,
        cap=baselines.throttling(log, budget).value / best.value,
        spent=got.spent[0] / budget,
        distance=got.distance[0],
        overspent=int(got.spent[0] > budget),
        curve=got.curves[0],
    )


def _pid(log: Log, asked: Asked, gains: tuple[float, float, float]) -> float:
    """Expected actions by the controller alone: its bid stands between two looks, so these are taken at a stroke."""
    rule, account = baselines.Pid(asked, gains), Account(asked.budget)
    now, place, value = 0.0, 0, 0.0
    life = asked.listing.ends_at
    while now < life and place < len(log):
        turn = rule.look(account, now)
        now = turn.due_at
        upto = min(len(log), max(place + 1, round(now / life * len(log))))
        prices, rates = log.prices[place:upto], log.rates[place:upto]
        won = rates / turn.mu >= prices
        costs = np.where(won, prices, 0).cumsum()
        won &= costs <= account.budget - account.charged
        account.charged += int(prices[won].sum())
        value += float(rates[won].sum())
        place = upto
    return value


@contextlib.contextmanager
def counted(redis: str) -> Iterator[Counting]:
    """The counters of one replay: in the Redis behind this socket, which forgets them afterwards, or copied."""
    if not redis:
        yield Copied
        return
    made: list[Scripts] = []

    def counters(orders: Sequence[UUID], budgets: Sequence[int]) -> Scripts:
        made.append(Scripts(redis, orders, budgets))
        return made[-1]

    try:
        yield counters
    finally:
        for one in made:
            one.close()


def rules() -> list[str]:
    return ["ours", "unpaced", "throttled", *(f"pid {number}" for number in range(len(baselines.GAINS)))]


def many(log: Log, rule: str, *, redis: str = "") -> Many:
    """The mixed set under one rule for all; by the counters of `redis` where it is the product's own."""
    world = mixed.world(log)
    with counted(redis if rule == "ours" else "") as counters:
        got = _market(log, world, rule, counters).run(world.viewers.__getitem__)
    spent, feasible = np.array(got.spent), np.array(world.feasible)
    budgets = np.array([asked.budget for asked in world.orders])
    return Many(
        actions=sum(got.value),
        spent_micros=int(spent.sum()),
        feasible_spent=float(np.minimum(spent, feasible).sum() / feasible.sum()),
        finished=float((spent >= 0.98 * feasible).mean()),
        distance=float(np.mean(got.distance)),
        overspent=int((spent > budgets).sum()),
        curve=_whole(got, budgets),
    )


def _whole(got: Outcome, budgets: np.ndarray[tuple[int], np.dtype[np.int64]]) -> list[float]:
    whole: list[float] = ((np.array(got.curves) * budgets[:, None]).sum(axis=0) / budgets.sum()).tolist()
    return whole


def _market(log: Log, world: mixed.World, rule: str, counters: Counting) -> Market:
    if rule == "ours":
        return Market(log, world.orders, Ours, counters=counters)
    if rule == "unpaced":
        return Market(log, world.orders, baselines.Unpaced)
    if rule == "throttled":
        return Market(log, mixed.fixed_bids(log, world), baselines.Throttled, coins=True)
    gains = baselines.GAINS[int(rule.removeprefix("pid "))]
    return Market(log, world.orders, partial(baselines.Pid, gains=gains))
