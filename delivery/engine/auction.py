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

from delivery.engine.draws import Draws, betas
from delivery.engine.index import ACCOUNT, ENDS_AT, IMPRESSIONS, MAX_BID, MU, RATES, RESERVE, STARTS_AT, VALUE, Index
from delivery.engine.rates import EXPLORE_BELOW

Rows = NDArray[np.int64]
Facts = tuple[int, list[float]]
"""A row, and what the table has of it."""
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
    draws: Draws,
    *,
    now: float,
    told: dict[int, float] | None = None,
) -> Auction:
    """The whole of it: who runs, what each is worth, who bids, who wins.

    Arrays cost the same for one as for a hundred: up to FEW, plain numbers are quicker, and come to the same.
    """
    if len(rows) <= FEW:
        return _hold_few(index, rows, surface, floors, draws, now, told or {})
    kept = running(index, np.array(rows, np.int64), now)
    chances = rates(index, kept, surface, draws.rng, told)
    bids = bid(index, kept, chances)
    return Auction(kept.tolist(), bids.micros.tolist(), chances.tolist(), sell(index, bids, floors, draws.rng))


def rates(
    index: Index, rows: Rows, surface: int, rng: np.random.Generator, told: dict[int, float] | None = None
) -> NDArray[np.float64]:
    """The chance of each order's action. A young order's is drawn (Thompson); what the platform told stands."""
    columns = index.columns
    alpha, beta = columns.alpha[surface].take(rows), columns.beta[surface].take(rows)
    found: NDArray[np.float64] = alpha / (alpha + beta)
    young = columns.impressions.take(rows) < EXPLORE_BELOW
    if young.any():
        found[young] = betas(np.stack([alpha[young], beta[young]]), rng)
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
    answers: list[Won | None] = []
    for floor in floors:
        highest = int(micros.max()) if micros.shape[0] else 0
        if highest <= 0 or highest < floor:
            answers.append(None)
            continue
        place = _by_lot(np.nonzero(micros == highest)[0].tolist(), rng)
        row = int(bids.rows[place])
        rivals = micros[accounts != accounts[place]]
        second = int(rivals.max()) if rivals.shape[0] else 0
        answers.append(Won(row, min(highest, max(second, floor, int(columns.reserve[row]))), highest))
        micros[accounts == accounts[place]] = 0
    return answers


def _by_lot(places: list[int], rng: np.random.Generator) -> int:
    return places[0] if len(places) == 1 else places[int(rng.integers(len(places)))]


def _hold_few(
    index: Index,
    rows: list[int],
    surface: int,
    floors: Sequence[int],
    draws: Draws,
    now: float,
    told: dict[int, float],
) -> Auction:
    table = index.columns.table
    kept = [
        (row, facts)
        for row, facts in zip(rows, table.take(rows, axis=0).tolist(), strict=True)
        if facts[STARTS_AT] <= now < facts[ENDS_AT] and facts[MU] > 0
    ]
    chances = _few_rates(kept, RATES + 2 * surface, draws, told)
    micros = []
    for (_row, facts), chance in zip(kept, chances, strict=True):
        amount = int(min(chance * facts[VALUE] / facts[MU], HIGHEST_BID))
        most = facts[MAX_BID]
        amount = int(most) if 0 < most < amount else amount
        micros.append(amount if amount >= facts[RESERVE] else 0)
    return Auction([row for row, _facts in kept], micros, chances, _sell_few(kept, micros, floors, draws.rng))


def _few_rates(kept: list[Facts], at: int, draws: Draws, told: dict[int, float]) -> list[float]:
    """`at`: where alpha and beta of the surface stand."""
    young = [(facts[at], facts[at + 1]) for _row, facts in kept if facts[IMPRESSIONS] < EXPLORE_BELOW]
    if len(young) == len(kept):
        chances = draws.of(young)
    else:
        drawn = iter(draws.of(young))
        chances = [
            next(drawn) if facts[IMPRESSIONS] < EXPLORE_BELOW else facts[at] / (facts[at] + facts[at + 1])
            for _row, facts in kept
        ]
    if told:
        return [told.get(row, chance) for (row, _facts), chance in zip(kept, chances, strict=True)]
    return chances


def _sell_few(
    kept: list[Facts], micros: list[int], floors: Sequence[int], rng: np.random.Generator
) -> list[Won | None]:
    left = list(micros)
    answers: list[Won | None] = []
    for floor in floors:
        highest = max(left, default=0)
        if highest <= 0 or highest < floor:
            answers.append(None)
            continue
        place = left.index(highest)
        if left.count(highest) > 1:
            place = _by_lot([at for at, bid in enumerate(left) if bid == highest], rng)
        row, facts = kept[place]
        account = facts[ACCOUNT]
        left = [0 if its[ACCOUNT] == account else bid for bid, (_row, its) in zip(left, kept, strict=True)]
        price = max(*left, floor, int(facts[RESERVE]))
        answers.append(Won(row, min(highest, price), highest))
    return answers
