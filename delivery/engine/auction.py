"""Who wins a slot and what it pays (delivery.md 1).

score = rate × value; bid = min(score ÷ μ, the order's own maximum), no bid below the reserve; the highest bid at or
above the slot's floor wins and pays the second advertiser's bid, the floor or the reserve, whichever is most. One
advertiser stands once on a page. Prices are micros (1 coin = 1,000,000) per impression.
"""

from collections.abc import Sequence
from itertools import compress
from typing import NamedTuple

import msgspec
import numpy as np
from numpy.typing import NDArray

from delivery.engine.columns import HIGHEST_BID, Standing
from delivery.engine.draws import Draws, betas
from delivery.engine.index import Index
from delivery.engine.rates import EXPLORE_BELOW

Rows = NDArray[np.int64]
FEW = 48
ROUNDS = 5
"""So often slots are sold, where Redis refuses what was; then they stay empty."""


class Won(msgspec.Struct, frozen=True, gc=False):
    row: int
    price_micros: int
    bid_micros: int


class Bids(NamedTuple):
    """Who may bid at all, and how much: 0 where the bid stays below the reserve."""

    rows: Rows
    micros: NDArray[np.int64]


class Auction(msgspec.Struct, frozen=True, gc=False):
    """One auction over some slots. `micros` are the bids of `rows`; who does not run, or stays below the reserve, bids
    0. `won` is by slot."""

    rows: list[int]
    micros: list[int]
    won: list[Won | None]

    @property
    def bidding(self) -> list[int]:
        """Rows that bid the reserve or more."""
        return list(compress(self.rows, self.micros))


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
        return _hold_few(index, rows, surface, floors, draws, now, told)
    kept = running(index, np.array(rows, np.int64), now)
    chances = rates(index, kept, surface, draws.rng, told)
    bids = bid(index, kept, chances)
    return Auction(kept.tolist(), bids.micros.tolist(), sell(index, bids, floors, draws.rng))


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
    worth = chances * (columns.value.take(rows) / columns.mu.take(rows))
    micros = np.minimum(worth, HIGHEST_BID).astype(np.int64)
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


def below_floor(index: Index, held: Auction) -> list[int]:
    """Places of the slots that nobody won though an advertiser bid who did not stand on the page by then."""
    account, places = index.columns.account, []
    bidding = {account[row] for row in held.bidding}
    for place, won in enumerate(held.won):
        if won is not None:
            bidding.remove(account[won.row])
        elif bidding:
            places.append(place)
    return places


def _by_lot(places: list[int], rng: np.random.Generator) -> int:
    return places[0] if len(places) == 1 else places[int(rng.integers(len(places)))]


def _hold_few(
    index: Index,
    rows: list[int],
    surface: int,
    floors: Sequence[int],
    draws: Draws,
    now: float,
    told: dict[int, float] | None,
) -> Auction:
    standing = index.columns.standing(rows, surface)
    micros = _bids(standing, draws, now)
    if told:
        for place, (row, starts_at, ends_at, _, _, ahead) in enumerate(standing):
            if row in told and starts_at <= now < ends_at:
                micros[place] = ahead.bid(told[row])
    return Auction(rows, micros, _sell_few(standing, micros, floors, draws.rng))


def _bids(standing: list[Standing], draws: Draws, now: float) -> list[int]:
    while True:
        try:
            return [ahead.pop() if starts_at <= now < ends_at else 0 for _, starts_at, ends_at, _, _, ahead in standing]
        except IndexError:  # some are used up: what was taken of the others is given away
            draws.fill([one[5] for one in standing if not one[5]])


def _sell_few(
    standing: list[Standing], micros: list[int], floors: Sequence[int], rng: np.random.Generator
) -> list[Won | None]:
    left = micros.copy()
    on_page: set[float] = set()
    answers: list[Won | None] = []
    for floor in floors:
        highest, place = _highest(standing, left, on_page)
        if highest <= 0 or highest < floor:
            answers.append(None)
            continue
        if left.count(highest) > 1:
            alike = [at for at, bid in enumerate(left) if bid == highest and standing[at][3] not in on_page]
            place = _by_lot(alike, rng)
        row, _, _, account, reserve, _ = standing[place]
        on_page.add(account)
        second, _ = _highest(standing, left, on_page)
        answers.append(Won(row, min(highest, max(second, floor, reserve)), highest))
    return answers


def _highest(standing: list[Standing], left: list[int], on_page: set[float]) -> tuple[int, int]:
    """The highest bid and its place; those of advertisers who stand on the page are struck out as they come up."""
    while highest := max(left, default=0):
        place = left.index(highest)
        if standing[place][3] not in on_page:
            return highest, place
        left[place] = 0
    return 0, -1
