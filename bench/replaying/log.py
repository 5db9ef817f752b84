"""A real log of auctions, in time order: what each impression cost, and how likely it was to be clicked.

A row is `click price pctr`; the price is the market's, in fen per thousand impressions. One fen per thousand is taken
as 1,000 micros an impression, so that all arithmetic is in whole micros; a price of 0 costs the reserve.
"""

import gzip
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

MICROS = 1000
RESERVE = 1
BLOCKS = 100
FILE = Path("ipinyou-2997") / "test.theta.txt.gz"


class NoLog(Exception):
    """There is no log to replay; the text says where it is looked for."""


@dataclass(frozen=True, slots=True)
class Log:
    prices: NDArray[np.int64]
    """Micros; never below the reserve."""
    rates: NDArray[np.float64]

    def __len__(self) -> int:
        return int(self.prices.shape[0])

    @property
    def cost(self) -> int:
        """Of every impression."""
        return int(self.prices.sum())

    def shuffled(self, seed: int) -> "Log":
        """Its blocks in another order. Seed 0 is the log as it is."""
        if not seed:
            return self
        blocks = np.array_split(np.arange(len(self)), BLOCKS)
        order = np.concatenate([blocks[place] for place in np.random.default_rng(seed).permutation(BLOCKS)])
        return Log(self.prices[order], self.rates[order])


def read(data: Path) -> Log:
    """Raises NoLog."""
    file = data / FILE
    if not file.is_file():
        raise NoLog(
            f"There is no log at {file}. The replay needs one: lines of `click price pctr`, gzipped. "
            "Name the folder that holds it with --data."
        )
    with gzip.open(file, "rt") as lines:
        rows = np.loadtxt(lines, ndmin=2)
    if rows.shape[0] < BLOCKS or rows.shape[1] != 3:
        raise NoLog(f"{file} is not a log of at least {BLOCKS} lines of `click price pctr`.")
    prices = np.maximum(RESERVE, np.round(rows[:, 1] * MICROS)).astype(np.int64)
    return Log(prices, rows[:, 2].astype(np.float64))


@dataclass(frozen=True, slots=True)
class Hindsight:
    """The best that a budget buys of a log by who knows all of it: the knapsack's bound, by worth per coin."""

    value: float
    """Expected actions, the last impression in part."""
    mu: float
    """Worth per micro of the last one bought: the multiplier that is right from the start."""


def hindsight(log: Log, budget: int) -> Hindsight:
    worth = log.rates / log.prices
    best = np.argsort(-worth, kind="stable")
    costs = np.cumsum(log.prices[best])
    whole = int(np.searchsorted(costs, budget, side="right"))
    value = float(log.rates[best[:whole]].sum())
    if whole == len(log):
        return Hindsight(value, float(worth[best[-1]]))
    spent = int(costs[whole - 1]) if whole else 0
    last = best[whole]
    return Hindsight(value + (budget - spent) / float(log.prices[last]) * float(log.rates[last]), float(worth[last]))
