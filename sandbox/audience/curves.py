"""What the logs say: how busy an hour is, how many watch, how many click, what an impression costs elsewhere."""

import csv
import random
from bisect import bisect
from itertools import accumulate
from pathlib import Path
from typing import Final

DATA = Path(__file__).parent.parent / "data"
PRIOR_SHOWN: Final = 1000
"""Weight of the overall click rate beside an item's own few impressions (a beta prior's strength)."""
MICROS_PER_FEN: Final = 166
"""One CNY fen per thousand impressions as micros per impression: 0.01 CNY at 6.1 a US dollar, 100 coins US$0.99."""
PRICES_SINCE: Final = 10
"""Short-video impressions today against the display banners of the log (2013). Ours, not from the log."""


def _table(name: str) -> list[dict[str, str]]:
    with (DATA / name).open() as file:
        return list(csv.DictReader(file))


_HOURS: Final = _table("kuairand_hourly.csv")
_MEAN: Final = sum(int(row["exposures"]) for row in _HOURS) / len(_HOURS)
BUSY: Final = tuple(int(row["exposures"]) / _MEAN for row in _HOURS)
"""Traffic of each hour of day, 1 being the day's mean."""
WATCHED: Final = tuple(int(row["valid"]) / int(row["exposures"]) for row in _HOURS)
"""Share of impressions that are watched when the feed chose the video for the viewer."""
WATCHED_BY_CHANCE: Final = tuple(int(row["random_valid"]) / int(row["random_exposures"]) for row in _HOURS)
"""The same where the video was shown at random."""

_POSITIONS: Final = [(int(row["shown"]), int(row["clicked"])) for row in _table("open_bandit_positions.csv")]
CLICKED: Final = sum(clicked for _, clicked in _POSITIONS) / sum(shown for shown, _ in _POSITIONS)
CLICKED_AT: Final = tuple(clicked / shown for shown, clicked in _POSITIONS)
"""Click rate by position, first to last."""
ITEM_APPEAL: Final = tuple(
    (int(row["clicked"]) + PRIOR_SHOWN * CLICKED) / ((int(row["shown"]) + PRIOR_SHOWN) * CLICKED)
    for row in _table("open_bandit_items.csv")
)
"""How much better or worse than the mean an item is clicked; small samples drawn towards 1."""

_PRICES: Final = [int(row["price_fen_per_thousand"]) for row in _table("ipinyou_price_levels.csv")]


def busy(hour: float, least: float = 0.0) -> float:
    """Traffic at this hour of day (a fraction is between two hours), 1 being the mean; never below `least`."""
    this, part = int(hour) % 24, hour % 1
    return max(least, BUSY[this] * (1 - part) + BUSY[(this + 1) % 24] * part)


def draw_floor_micros(rng: random.Random, scale: float = PRICES_SINCE) -> int:
    """What a slot is worth to others, in micros per impression: a price level of the log, between two levels."""
    at = rng.random() * (len(_PRICES) - 1)
    lower = _PRICES[int(at)]
    return round((lower + (_PRICES[int(at) + 1] - lower) * (at % 1)) * MICROS_PER_FEN * scale)


def appeal(target: str) -> float:
    """How clickable this target is, for all viewers and runs alike: the appeal of one of the log's items."""
    return ITEM_APPEAL[random.Random(target).randrange(len(ITEM_APPEAL))]


class Drawing:
    """Draws one of some things by weight."""

    def __init__(self, weights: dict[str, float]) -> None:
        self._things = list(weights)
        self._sums = list(accumulate(weights.values()))

    def draw(self, rng: random.Random) -> str:
        return self._things[bisect(self._sums, rng.random() * self._sums[-1])]
