"""What is known of each row of the index, side by side, and what of it an auction asks for."""

from collections.abc import Sequence
from itertools import compress
from typing import NamedTuple, cast

import numpy as np
from numpy.typing import NDArray

from delivery.engine.draws import FIRST, Ahead
from delivery.engine.rates import EXPLORE_BELOW
from delivery.engine.vocabulary import SURFACES

Column = NDArray[np.float64]
STARTS_AT, ENDS_AT, RESERVE, VALUE, MAX_BID, ACCOUNT, SHARD, MU, IMPRESSIONS, RATES = range(10)
"""Where each stands in a row of the table; at last alpha and beta of each surface, as `Pace` tells them."""
_WIDTH = RATES + 2 * len(SURFACES)
HIGHEST_BID = 10**12
"""A million coins for one impression: beyond any order's budget, and far from the edge of 64 bits."""


Standing = tuple[int, float, float, float, int, Ahead]
"""One row on one surface: row, start, end, account, reserve, its bids to come. A row that is off never runs. (A named
one would be read half as fast.)"""


class Columns(NamedTuple):
    """What is known of each row, side by side: one row's figures are read in one go, and mostly from one place in
    memory. A free row has mu 0, so that it never bids. Whole numbers stand exactly, up to 2**53."""

    table: NDArray[np.float64]
    known: dict[int, list[Standing | None]]
    """By surface and row: what was asked for before, and did not change since."""
    widths: dict[int, bytearray]
    """By surface and row: how many bids were drawn at once when it changed last, for it is met as often afterwards. The
    pacers move a row twice a second."""

    @classmethod
    def empty(cls, rows: int) -> "Columns":
        table = np.zeros((rows, _WIDTH))
        table[:, RESERVE] = 1
        table[:, RATES:] = 1
        return cls(table, {}, {})

    def copied(self, room: int = 0) -> "Columns":
        """With room for so many rows, or for more where there is more."""
        have = self.room
        if room <= have:
            return self.over(self.table.copy())
        wider = Columns.empty(room)
        wider.table[:have] = self.table
        return wider

    def over(self, table: NDArray[np.float64]) -> "Columns":
        """The same over a copy of its table."""
        known = {surface: some.copy() for surface, some in self.known.items()}
        return Columns(table, known, {surface: some.copy() for surface, some in self.widths.items()})

    def put(self, rows: Sequence[int], figures: NDArray[np.float64]) -> None:
        """From MU on, by row. The last one of a row stands."""
        before = self.table[rows, MU:]
        self.table[rows, MU:] = figures
        # A pacer tells an order's pace at each look, and mostly it is what it was: its draws stay.
        moved = (self.table[rows, MU:] != before).any(axis=1)
        self.forget(list(compress(rows, moved.tolist())))

    def forget(self, rows: Sequence[int]) -> None:
        """These have other figures now."""
        for surface, some in self.known.items():
            widths = self.widths[surface]
            for row in rows:
                if (one := some[row]) is not None:
                    widths[row], some[row] = one[5].width, None

    def standing(self, rows: Sequence[int], surface: int) -> list[Standing]:
        """Reading a row of the table costs as much as the rest of its auction: it is done once for many of them."""
        known = self.known.get(surface)
        if known is None:
            known = self.known[surface] = [None] * self.room
            self.widths[surface] = bytearray(self.room)
        found = [known[row] for row in rows]
        if not all(found):
            missing, widths = [row for row in rows if known[row] is None], self.widths[surface]
            for row, facts in zip(missing, self.table.take(missing, axis=0).tolist(), strict=True):
                known[row] = _standing(row, facts, RATES + 2 * surface, widths[row] or FIRST)
            found = [known[row] for row in rows]
        return cast(list[Standing], found)

    @property
    def room(self) -> int:
        return len(self.table)

    @property
    def starts_at(self) -> Column:
        return self.table[:, STARTS_AT]

    @property
    def ends_at(self) -> Column:
        return self.table[:, ENDS_AT]

    @property
    def reserve(self) -> Column:
        return self.table[:, RESERVE]

    @property
    def value(self) -> Column:
        return self.table[:, VALUE]

    @property
    def max_bid(self) -> Column:
        return self.table[:, MAX_BID]

    @property
    def account(self) -> Column:
        """The same number for the same advertiser."""
        return self.table[:, ACCOUNT]

    @property
    def shard(self) -> Column:
        return self.table[:, SHARD]

    @property
    def mu(self) -> Column:
        return self.table[:, MU]

    @property
    def impressions(self) -> Column:
        return self.table[:, IMPRESSIONS]

    @property
    def alpha(self) -> Column:
        """By surface and row, as is beta."""
        return self.table[:, RATES::2].T

    @property
    def beta(self) -> Column:
        return self.table[:, RATES + 1 :: 2].T


def _standing(row: int, facts: list[float], at: int, width: int) -> Standing:
    """`at`: where alpha and beta of the surface stand."""
    alpha, beta, most, mu = facts[at], facts[at + 1], facts[MAX_BID], facts[MU]
    ahead = Ahead(
        (alpha, beta) if facts[IMPRESSIONS] < EXPLORE_BELOW else alpha / (alpha + beta),
        gain=facts[VALUE] / mu if mu > 0 else 0.0,
        most=int(min(most or HIGHEST_BID, HIGHEST_BID)),
        reserve=int(facts[RESERVE]),
        width=width,
    )
    ends_at = facts[ENDS_AT] if mu > 0 else float("-inf")
    return row, facts[STARTS_AT], ends_at, facts[ACCOUNT], int(facts[RESERVE]), ahead
