"""Bids drawn ahead (Thompson sampling): a call for one draw costs what a call for dozens does."""

from collections.abc import Sequence
from itertools import islice

import numpy as np
from numpy.typing import NDArray

Rate = tuple[float, float]
"""A beta distribution: alpha and beta."""
FIRST, _FURTHEST = 4, 64
"""So many at the most are drawn for a row that is new; twice as many each time it has used them up."""


class Ahead(list[int]):
    """What a row bids on one surface in auctions to come: micros, 0 where it stays below the reserve. Each is used
    once. Of a rate that is known they are all the same."""

    __slots__ = ("gain", "most", "rate", "reserve", "width")

    def __init__(self, rate: Rate | float, *, gain: float, most: int, reserve: int, width: int = FIRST) -> None:
        """`gain`: value ÷ μ; `most`: the highest bid; `width`: so many at the most are drawn next."""
        super().__init__()
        self.rate, self.gain, self.most, self.reserve = rate, gain, most, reserve
        self.width = width

    def bid(self, chance: float) -> int:
        micros = int(min(chance * self.gain, self.most))
        return micros if micros >= self.reserve else 0


class Draws:
    """A process' luck."""

    def __init__(self, rng: np.random.Generator) -> None:
        self.rng = rng
        self._parts = rng.spawn(1)[0]

    def fill(self, empty: Sequence[Ahead]) -> None:
        # Rows that are met together are used up together, and where viewers of all kinds ask in turn, the rows of all
        # of them would be at once: a hundred fills within a hundred decisions. Of a random width they spread.
        part = self._parts.random()
        widths = [1 + int(part * one.width) for one in empty]
        young = [
            (one.rate, one, width) for one, width in zip(empty, widths, strict=True) if isinstance(one.rate, tuple)
        ]
        drawn = iter(self._drawn(young) if young else ())
        for one, width in zip(empty, widths, strict=True):
            if isinstance(one.rate, float):
                one.extend([one.bid(one.rate)] * width)
            else:
                one.extend(islice(drawn, width))
            one.width = min(_FURTHEST, 2 * one.width)

    def _drawn(self, young: Sequence[tuple[Rate, Ahead, int]]) -> list[int]:
        parameters = np.array([(*rate, one.gain, one.most, one.reserve) for rate, one, _ in young])
        every = parameters.T.repeat([width for _, _, width in young], axis=1)
        micros = np.minimum(betas(every[:2], self.rng) * every[2], every[3]).astype(np.int64)
        micros *= micros >= every[4]
        drawn: list[int] = micros.tolist()
        return drawn


def betas(rates: NDArray[np.float64], rng: np.random.Generator) -> NDArray[np.float64]:
    """One of each distribution, alphas above their betas: by two gammas, half of what NumPy's own takes for a few."""
    of_alpha, of_beta = rng.standard_gamma(rates)
    drawn: NDArray[np.float64] = of_alpha / (of_alpha + of_beta)
    return drawn
