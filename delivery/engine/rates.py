"""How often an impression leads to the action: beta-binomial, each level's prior the level above (delivery.md 4).

global → market → surface → account → target × audience. A level with little evidence says what the level above says.
"""

from collections.abc import Iterable
from dataclasses import dataclass

HALF_LIFE_S = 7 * 86400
EXPLORE_BELOW = 2000
"""Impressions up to which a target's rate is drawn (Thompson) and not taken at its mean."""
_WEAKEST, _STRONGEST = 20.0, 20_000.0

PRIORS = {
    # Valid plays: 37.9 % of recommended, 17.6 % of randomly shown short videos (KuaiRand); a promoted one is between.
    "video_views": 0.25,
    # Clicks: about half a percent (Open Bandit, first position); visits, follows and live entries are ours, below and
    # above it. A few hundred impressions move them.
    "website_visits": 0.01,
    "followers": 0.005,
    "product_clicks": 0.008,
    "live_viewers": 0.03,
}
PRIOR_STRENGTH = 200.0


@dataclass(frozen=True, slots=True)
class Rate:
    """A beta distribution: mean alpha ÷ (alpha + beta)."""

    alpha: float
    beta: float
    impressions: float = 0.0

    @property
    def mean(self) -> float:
        return self.alpha / (self.alpha + self.beta)


@dataclass(frozen=True, slots=True)
class Count:
    """Discounted impressions and the actions that followed, with at most one action counted per impression."""

    impressions: float
    actions: float


def root(objective: str) -> Rate:
    mean = PRIORS.get(objective, 0.01)
    return Rate(PRIOR_STRENGTH * mean, PRIOR_STRENGTH * (1 - mean))


def strength(mean: float, children: Iterable[Count]) -> float:
    """How many impressions a parent's word is worth to its children, from how far they differ (method of moments).

    Children that differ no more than chance would make them get the strongest prior.
    """
    kept = [child for child in children if child.impressions >= 1]
    if len(kept) < 2 or not 0 < mean < 1:
        return PRIOR_STRENGTH
    trials = sum(child.impressions for child in kept)
    scatter = sum(child.impressions * (child.actions / child.impressions - mean) ** 2 for child in kept)
    noise = mean * (1 - mean)
    spread = (scatter - noise * (len(kept) - 1)) / (trials - sum(c.impressions**2 for c in kept) / trials)
    if spread <= 0:
        return _STRONGEST
    return min(_STRONGEST, max(_WEAKEST, noise / spread - 1))


def below(parent: Rate, count: Count, weight: float) -> Rate:
    """The rate of a level with `count`, whose parent's mean is worth `weight` impressions."""
    actions = min(count.actions, count.impressions)
    return Rate(
        weight * parent.mean + actions,
        weight * (1 - parent.mean) + count.impressions - actions,
        count.impressions,
    )
