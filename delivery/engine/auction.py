"""Who wins a slot and what it pays (delivery.md 1).

score = rate × value; bid = min(score ÷ μ, the order's own maximum), no bid below the reserve; the highest bid at or
above the slot's floor wins and pays the second advertiser's bid, the floor or the reserve, whichever is most. One
advertiser stands once on a page. Prices are micros (1 coin = 1,000,000) per impression.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from delivery.engine.index import Index
from delivery.engine.rates import EXPLORE_BELOW

Rows = NDArray[np.int64]
HIGHEST_BID = 10**12
"""A million coins for one impression: beyond any order's budget, and far from the edge of 64 bits."""


class Won(NamedTuple):
    row: int
    price_micros: int
    bid_micros: int


class Bids(NamedTuple):
    """Who may bid at all, and how much: 0 where the bid stays below the reserve."""

    rows: Rows
    micros: NDArray[np.int64]


def rates(
    index: Index, rows: Rows, surface: int, rng: np.random.Generator, told: dict[int, float] | None = None
) -> NDArray[np.float64]:
    """The chance of each order's action. A young order's is drawn (Thompson); what the platform told stands."""
    columns = index.columns
    alpha, beta = columns.alpha[surface, rows], columns.beta[surface, rows]
    found: NDArray[np.float64] = alpha / (alpha + beta)
    young = columns.impressions[rows] < EXPLORE_BELOW
    if young.any():
        found[young] = rng.beta(alpha[young], beta[young])
    if told:
        for place, row in enumerate(rows.tolist()):
            if row in told:
                found[place] = told[row]
    return found


def running(index: Index, rows: Rows, now: float) -> Rows:
    """Those of `rows` whose clock runs and that the pacer has published."""
    columns = index.columns
    kept: Rows = rows[(columns.starts_at[rows] <= now) & (columns.ends_at[rows] > now) & (columns.mu[rows] > 0)]
    return kept


def bid(index: Index, rows: Rows, chances: NDArray[np.float64]) -> Bids:
    columns = index.columns
    micros = np.minimum(chances * columns.value[rows] / columns.mu[rows], HIGHEST_BID).astype(np.int64)
    most = columns.max_bid[rows]
    micros = np.where(most > 0, np.minimum(micros, most), micros)
    micros[micros < columns.reserve[rows]] = 0
    return Bids(rows, micros)


def sell(index: Index, bids: Bids, floors: Sequence[int], rng: np.random.Generator) -> list[Won | None]:
    """Each slot in turn. None where no bid reaches the floor. Equal bids take turns by lot."""
    columns = index.columns
    micros = bids.micros.copy()
    accounts = columns.account[bids.rows]
    lot = rng.random(micros.shape[0])
    answers: list[Won | None] = []
    for floor in floors:
        place = int(np.argmax(micros + lot)) if micros.shape[0] else -1
        if place < 0 or micros[place] <= 0 or micros[place] < floor:
            answers.append(None)
            continue
        row, highest = int(bids.rows[place]), int(micros[place])
        rivals = micros[accounts != accounts[place]]
        second = int(rivals.max()) if rivals.shape[0] else 0
        answers.append(Won(row, min(highest, max(second, floor, int(columns.reserve[row]))), highest))
        micros[accounts == accounts[place]] = 0
    return answers
