"""Who wins a slot and what it pays (delivery.md 1).

score = rate × value; bid = min(score ÷ μ, the order's own maximum), no bid below the reserve; the highest bid at or
above the slot's floor wins and pays the second advertiser's bid, the floor or the reserve, whichever is most. One
advertiser stands once on a page. Prices are micros (1 coin = 1,000,000) per impression.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from delivery.engine.index import Columns, Index
from delivery.engine.rates import EXPLORE_BELOW

Rows = NDArray[np.int64]
HIGHEST_BID = 10**12
"""A million coins for one impression: beyond any order's budget, and far from the edge of 64 bits."""


FEW = 48


class Won(NamedTuple):
    row: int
    price_micros: int
    bid_micros: int


class Bids(NamedTuple):
    """Who may bid at all, and how much: 0 where the bid stays below the reserve."""

    rows: Rows
    micros: NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Auction:
    """One auction over some slots. `micros` and `chances` are the bids and rates of `rows`; `won` is by slot."""

    rows: list[int]
    micros: list[int]
    chances: list[float]
    won: list[Won | None]


def hold(
    index: Index,
    rows: list[int],
    surface: int,
    floors: Sequence[int],
    rng: np.random.Generator,
    *,
    now: float,
    told: dict[int, float] | None = None,
) -> Auction:
    """The whole of it: who runs, what each is worth, who bids, who wins.

    Arrays cost the same for one as for a hundred: up to FEW, plain numbers are quicker, and come to the same.
    """
    if len(rows) <= FEW:
        return _hold_few(index, rows, surface, floors, rng, now, told or {})
    kept = running(index, np.array(rows, np.int64), now)
    chances = rates(index, kept, surface, rng, told)
    bids = bid(index, kept, chances)
    return Auction(kept.tolist(), bids.micros.tolist(), chances.tolist(), sell(index, bids, floors, rng))


def rates(
    index: Index, rows: Rows, surface: int, rng: np.random.Generator, told: dict[int, float] | None = None
) -> NDArray[np.float64]:
    """The chance of each order's action. A young order's is drawn (Thompson); what the platform told stands."""
    columns = index.columns
    alpha, beta = columns.alpha[surface].take(rows), columns.beta[surface].take(rows)
    found: NDArray[np.float64] = alpha / (alpha + beta)
    young = columns.impressions.take(rows) < EXPLORE_BELOW
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
    begun, over = columns.starts_at.take(rows) <= now, columns.ends_at.take(rows) <= now
    kept: Rows = rows[begun & ~over & (columns.mu.take(rows) > 0)]
    return kept


def bid(index: Index, rows: Rows, chances: NDArray[np.float64]) -> Bids:
    columns = index.columns
    micros = np.minimum(chances * columns.value.take(rows) / columns.mu.take(rows), HIGHEST_BID).astype(np.int64)
    most = columns.max_bid.take(rows)
    if most.any():
        micros = np.where(most > 0, np.minimum(micros, most), micros)
    micros[micros < columns.reserve.take(rows)] = 0
    return Bids(rows, micros)


def sell(index: Index, bids: Bids, floors: Sequence[int], rng: np.random.Generator) -> list[Won | None]:
    """Each slot in turn. None where no bid reaches the floor. Equal bids take turns by lot."""
    columns = index.columns
    micros = bids.micros.copy()
    accounts = columns.account.take(bids.rows)
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


def _hold_few(
    index: Index,
    rows: list[int],
    surface: int,
    floors: Sequence[int],
    rng: np.random.Generator,
    now: float,
    told: dict[int, float],
) -> Auction:
    columns, at = index.columns, np.array(rows, np.int64)
    starts, ends, mus = columns.starts_at.take(at), columns.ends_at.take(at), columns.mu.take(at)
    facts = zip(rows, starts.tolist(), ends.tolist(), mus.tolist(), strict=True)
    kept = [row for row, starts_at, ends_at, mu in facts if starts_at <= now < ends_at and mu > 0]
    if not kept:
        return Auction([], [], [], [None] * len(floors))
    if len(kept) < len(rows):
        at = np.array(kept, np.int64)
    chances = _few_rates(columns, kept, at, surface, rng, told)
    reserves = columns.reserve.take(at).tolist()
    micros = []
    for chance, value, mu, most, reserve in zip(
        chances,
        columns.value.take(at).tolist(),
        columns.mu.take(at).tolist(),
        columns.max_bid.take(at).tolist(),
        reserves,
        strict=True,
    ):
        amount = int(min(chance * value / mu, HIGHEST_BID))
        amount = min(amount, most) if most > 0 else amount
        micros.append(amount if amount >= reserve else 0)
    accounts = columns.account.take(at).tolist()
    return Auction(kept, micros, chances, _sell_few(kept, micros, accounts, reserves, floors, rng))


def _few_rates(
    columns: Columns,
    rows: list[int],
    at: Rows,
    surface: int,
    rng: np.random.Generator,
    told: dict[int, float],
) -> list[float]:
    alpha, beta = columns.alpha[surface].take(at), columns.beta[surface].take(at)
    young = columns.impressions.take(at) < EXPLORE_BELOW
    marks = young.tolist()
    if all(marks):
        chances: list[float] = rng.beta(alpha, beta).tolist()
    else:
        found = alpha / (alpha + beta)
        if any(marks):
            found[young] = rng.beta(alpha[young], beta[young])
        chances = found.tolist()
    return [told.get(row, chance) for row, chance in zip(rows, chances, strict=True)] if told else chances


def _sell_few(
    rows: list[int],
    micros: list[int],
    accounts: list[int],
    reserves: list[int],
    floors: Sequence[int],
    rng: np.random.Generator,
) -> list[Won | None]:
    lots = rng.random(len(rows)).tolist()
    left = list(micros)
    answers: list[Won | None] = []
    for floor in floors:
        tried = [bid + lot for bid, lot in zip(left, lots, strict=True)]
        place = tried.index(max(tried))
        highest, account = left[place], accounts[place]
        if highest <= 0 or highest < floor:
            answers.append(None)
            continue
        mine = [whose == account for whose in accounts]
        left = [0 if own else bid for bid, own in zip(left, mine, strict=True)]
        price = max(*left, floor, reserves[place])
        answers.append(Won(rows[place], min(highest, price), highest))
    return answers
