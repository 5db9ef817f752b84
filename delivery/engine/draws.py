"""Draws from beta distributions (Thompson sampling), a few ahead: a call for one costs what a call for dozens does."""

from collections.abc import Sequence
from itertools import islice

import numpy as np
from numpy.typing import NDArray

Rate = tuple[float, float]
"""Alpha and beta."""
_FIRST, _FURTHEST = 4, 256
"""So many are drawn of a new distribution; twice as many each time it is asked for more."""
_MOST = 50_000
"""Distributions of which draws are kept: by then most of them are old."""


class Draws:
    """A process' luck. Each draw is used once; those of equal distributions are alike, whosever they are."""

    def __init__(self, rng: np.random.Generator) -> None:
        self.rng = rng
        self._kept: dict[Rate, list[float]] = {}
        self._ahead: dict[Rate, int] = {}

    def of(self, rates: Sequence[Rate | float]) -> list[float]:
        """One of each; what is a number already stands."""
        kept = self._kept
        while True:
            try:
                return [rate if isinstance(rate, float) else kept[rate].pop() for rate in rates]
            except LookupError:  # some are used up: what was drawn of the others is given away
                self._draw([rate for rate in rates if not isinstance(rate, float) and not kept.get(rate)])

    def _draw(self, missing: list[Rate]) -> None:
        if len(self._kept) > _MOST:
            self._kept.clear()
            self._ahead.clear()
        counts = [min(_FURTHEST, 2 * self._ahead.get(rate, _FIRST // 2)) for rate in missing]
        drawn = iter(betas(np.repeat(np.array(missing).T, counts, axis=1), self.rng).tolist())
        for rate, count in zip(missing, counts, strict=True):
            self._ahead[rate] = count
            self._kept.setdefault(rate, []).extend(islice(drawn, count))


def betas(rates: NDArray[np.float64], rng: np.random.Generator) -> NDArray[np.float64]:
    """One of each distribution, alphas above their betas: by two gammas, half of what NumPy's own takes for a few."""
    of_alpha, of_beta = rng.standard_gamma(rates)
    drawn: NDArray[np.float64] = of_alpha / (of_alpha + of_beta)
    return drawn
