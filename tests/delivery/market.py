"""A small market to pace in: auctions by the tick, each with a rival price and a chance that the viewer acts."""

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np

from delivery.engine import pacing


@dataclass
class Run:
    """What came of one order's life."""

    budget: int
    spent_by_tick: list[int] = field(default_factory=list)
    most_unspent: list[tuple[int, float]] = field(default_factory=list)
    mus: list[float] = field(default_factory=list)
    value: float = 0.0

    @property
    def spent(self) -> int:
        return sum(self.spent_by_tick)

    def distance(self) -> float:
        """Mean distance of the spend from an even one, as a share of the budget."""
        ticks = len(self.spent_by_tick)
        ideal = np.arange(1, ticks + 1) / ticks
        return float(np.abs(np.cumsum(self.spent_by_tick) / self.budget - ideal).mean())


def run(
    *,
    budget: int,
    ticks: int,
    per_tick: float,
    tick_s: float = 0.5,
    reserve: int = 2000,
    first_mu: float = 1.0,
    score: Callable[[np.random.Generator], float] = lambda rng: 1000.0 * float(rng.lognormal(0, 0.5)),
    rival: Callable[[np.random.Generator], float] = lambda rng: 1500.0 * float(rng.lognormal(0, 0.7)),
    seed: int = 7,
) -> Run:
    """One order against `per_tick` auctions a tick, charged at once. μ starts at `first_mu` × the expected one."""
    rng = np.random.default_rng(seed)
    state = pacing.start(score=1000.0, price=float(reserve), known=True, at=0.0)
    state = pacing.replace(state, mu=state.mu * first_mu)
    out, left, charges = Run(budget), budget, 0
    for tick in range(ticks):
        share = 1.0 / (ticks - tick)
        free = pacing.release(left=left, share=share, mean_cost=state.mean_cost)
        out.most_unspent.append((free, 3 * left * share + 5 * state.mean_cost))
        before = left
        for _ in range(rng.poisson(per_tick)):
            worth = score(rng)
            bid, price = worth / state.mu, max(reserve, int(rival(rng)))
            if bid >= price and price <= free:
                free, left, charges = free - price, left - price, charges + 1
                out.value += worth
        out.spent_by_tick.append(before - left)
        spent = budget - left
        seen = pacing.Seen(left=left, spent=spent, reserved=0, charged=spent, charges=charges)
        state = pacing.look(state, seen, share=share, now=(tick + 1) * tick_s)
        out.mus.append(state.mu)
    return out
