"""What the product's pacing is held against: no pacing, throttling by coin flip, and a PID controller of the bid.

Each spends within its budget by the same counters. Where a baseline has a knob, it gets the best of a few settings,
chosen in hindsight on the very log.
"""

import math
from dataclasses import dataclass

import numpy as np

from bench.replaying.counters import Account
from bench.replaying.log import Log
from bench.replaying.market import LIFE_S, Asked, Turn

WINS = (0.35, 0.55, 0.7, 0.75, 0.8, 0.85, 0.9, 0.95, 1.0)
"""Fixed bids by the share of the log's slots that they win, so that a log may have any prices. One that wins fewer
hardly throttles any more: it takes what is cheap."""
LADDER = (0.25, 0.5, 1.0, 2.0, 4.0)
"""Fixed bids in mean prices of the log, which only who knows it can choose from."""
GAINS = ((0.1, 0.02, 0.0), (0.3, 0.1, 0.0), (0.5, 0.3, 0.1))
"""Proportional, integral, differential; the share of the plan that was missed moves the bid's exponent."""
LOOKS = 500
"""A baseline looks so often in the log's time at most."""
PLANNED_CHARGES = 5.0
LIMIT = 4.0
"""The bid stays within e⁴ of where it began."""
EVERYTHING = 1e-9
"""The share of the expected multiplier at which only an order's own maximum holds its bid."""
EAGER = 0.25
"""The share at which an unpaced order bids: four mean prices, which win nearly every slot. Were bids without end, two
of them would set each other a price that no budget pays."""


class Unpaced:
    """Buys nearly whatever comes until the budget is gone."""

    share = EAGER

    def __init__(self, asked: Asked) -> None:
        self.mu, self.ends_at = asked.score / asked.price * self.share, asked.listing.ends_at

    def look(self, account: Account, now: float) -> Turn:
        return Turn(self.mu, account.budget, self.ends_at)


class Throttled(Unpaced):
    """A fixed bid (the order's own maximum) in a random share of the auctions, a tenth up or down by the plan
    (Agarwal et al., KDD 2014)."""

    share = EVERYTHING

    def __init__(self, asked: Asked) -> None:
        super().__init__(asked)
        self.starts_at, self.chance = asked.listing.starts_at, 0.1

    def look(self, account: Account, now: float) -> Turn:
        planned = account.budget * (now - self.starts_at) / (self.ends_at - self.starts_at)
        spent = account.charged + account.reserved
        self.chance = min(1.0, max(0.001, self.chance * (1.1 if spent <= planned else 1 / 1.1)))
        return Turn(self.mu, account.budget, now + LIFE_S / LOOKS, self.chance)


class Pid:
    """The bid by a PID controller of the spend rate (Zhang et al., WSDM 2016): score ÷ μ, μ = μ₀ × exp(−φ).

    It looks when a few charges were planned, or the error would be noise; and it does not wind up at its limits.
    """

    def __init__(self, asked: Asked, gains: tuple[float, float, float]) -> None:
        listing = asked.listing
        self.asked, self.gains, self.at, self.ends_at = asked, gains, listing.starts_at, listing.ends_at
        self.mu = asked.score / asked.price * (1.0 if asked.known else 5.0)
        charges = asked.budget / asked.price
        self.every_s = max(LIFE_S / LOOKS, (self.ends_at - self.at) * PLANNED_CHARGES / charges)
        self.sum, self.last, self.spent = 0.0, 0.0, 0

    def look(self, account: Account, now: float) -> Turn:
        spent = account.charged + account.reserved
        exponent = self._exponent(account.budget - self.spent, spent - self.spent, now) if now > self.at else 0.0
        self.at, self.spent = now, spent
        return Turn(self.mu * math.exp(-exponent), account.budget, now + self.every_s)

    def _exponent(self, left: int, spent: int, now: float) -> float:
        planned = left * (now - self.at) / (self.ends_at - self.at)
        missed = max(-3.0, (planned - spent) / planned) if planned > 0 else 0.0
        change, self.last = missed - self.last, missed
        proportional, integral, differential = self.gains
        summed = self.sum + missed
        exponent = proportional * missed + integral * summed + differential * change
        if -LIMIT < exponent < LIMIT:
            self.sum = summed
        return min(LIMIT, max(-LIMIT, exponent))


@dataclass(frozen=True, slots=True)
class Throttling:
    """The most that a fixed bid, with the right share of auctions from the start, gets of a log for a budget."""

    value: float
    bid: int


def throttling(log: Log, budget: int, bids: tuple[int, ...] | None = None) -> Throttling:
    """With the best of `bids` (micros); without them, of all: then it is a price cap that only hindsight knows."""
    order = np.argsort(log.prices, kind="stable")
    prices, costs, values = log.prices[order], np.cumsum(log.prices[order]), np.cumsum(log.rates[order])
    ladder = np.unique(prices) if bids is None else np.array(bids)
    upto = np.searchsorted(prices, ladder, side="right") - 1
    ladder, upto = ladder[upto >= 0], upto[upto >= 0]
    if not ladder.shape[0]:
        return Throttling(0.0, 0)
    got = np.minimum(1.0, budget / costs[upto]) * values[upto]
    best = int(np.argmax(got))
    return Throttling(float(got[best]), int(ladder[best]))


def winning(log: Log) -> tuple[int, ...]:
    """The least bids that win WINS of the log."""
    return tuple(int(price) for price in np.quantile(log.prices, WINS, method="inverted_cdf"))


def ladder(log: Log) -> tuple[int, ...]:
    mean = log.cost / len(log)
    return tuple(round(step * mean) for step in LADDER)
