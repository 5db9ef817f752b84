"""What a draft order would pay for its impressions: slots of its audience, each at what the live index bids for it.

Won the cheapest first, as pacing by price does. Source: delivery.md 6.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from delivery import rivals
from delivery.engine.vocabulary import SURFACES_OF_FUNCTION

ENOUGH = 20
"""So many slots of late say what there is to be paid."""
PRICE_SPREAD = 0.15
"""How far prices of the days to come lie from those of now, as a logarithm."""
_FUNCTIONS = {"product_clicks": "anchor", "live_viewers": "live"}
Draws = NDArray[np.float64]
Hours = Sequence[tuple[float, float]]
"""The middle of each part of an order's life, and what share of its traffic comes then."""


@dataclass(frozen=True, slots=True)
class Offers:
    """Slots in the order of their price: which share of all costs how much in all, for one slot of traffic."""

    shares: Draws
    costs: Draws
    fits: int
    """Viewers who have one of the interests that are asked for, among `alike` viewers."""
    alike: int

    @property
    def mean(self) -> float:
        """Of all, in micros."""
        return float(self.costs[-1])

    def bought(self, rng: np.random.Generator, *, budget_micros: int, slots: Draws | None, draws: int) -> Draws:
        """How many impressions the budget buys out of so many slots; None: nobody knows how many there are."""
        spread = rng.lognormal(0.0, PRICE_SPREAD, draws)
        if slots is None:
            return budget_micros / (self.mean * spread)
        if self.fits < self.alike:
            # The history of traffic knows no interests.
            slots = slots * rng.beta(self.fits + 0.5, self.alike - self.fits + 0.5, len(slots))
        reached = np.interp(budget_micros / np.maximum(slots * spread, 1e-9), self.costs, self.shares)
        bought: Draws = slots * reached
        return bought


def surfaces(objective: str) -> tuple[str, ...]:
    """Where an order of this objective is shown."""
    return SURFACES_OF_FUNCTION[_FUNCTIONS.get(objective, "video")]


def offers(
    *, countries: Sequence[str], objective: str, audience: Mapping[str, Any], reserve: int, hours: Hours
) -> Offers | None:
    """None where too few such viewers were there of late."""
    ages, genders = audience.get("age_bands") or (), audience.get("genders") or ()
    wanted = set(audience.get("interests") or ())
    alike = [one for one in rivals.of(countries) if one.fits(surfaces(objective), ages, genders)]
    fits = [one for one in alike if not wanted or wanted.intersection(one.interests)]
    # Of few with such an interest the others say best what is paid for them.
    met = fits if len(fits) >= ENOUGH else alike
    if len(met) < ENOUGH:
        return None
    prices = np.maximum(reserve, rivals.prices(met, [at for at, _share in hours])).ravel()
    weights = np.tile([share for _at, share in hours], len(met)) / len(met)
    order = np.argsort(prices, kind="stable")
    shares, costs = np.cumsum(weights[order]), np.cumsum((weights * prices)[order])
    return Offers(np.insert(shares, 0, 0.0), np.insert(costs, 0, 0.0), len(fits), len(alike))
