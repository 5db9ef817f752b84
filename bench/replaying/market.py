"""The market of a log, run through the engine: its auction, its steps of pacing, and exact counters of each budget.

Each row is one slot, asked for at its time: the market's price is its floor, its rate the platform's own prediction.
`now` is passed in, so that hours take seconds. What a row sold is reserved at once and charged when it was seen.
"""

from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from heapq import heapify, heappop, heappush
from typing import NamedTuple, Protocol
from uuid import UUID

import numpy as np
from numpy.typing import NDArray

from bench.replaying.counters import Account, Copied, Counters, Release, Sold
from bench.replaying.log import RESERVE, Log
from delivery.engine import auction, steps
from delivery.engine.curve import HOURS, Curve
from delivery.engine.draws import Draws
from delivery.engine.index import Index, Listing, Pace, Viewer
from delivery.engine.pacing import State
from delivery.engine.steps import Outlook, Step

LIFE_S = 2 * 3600.0
"""The time that the whole log takes."""
SEEN_AFTER_S = 1.5
EVEN = Curve.of((1.0,) * HOURS, 0)
"""Rows come evenly in replayed time: the order of the log is its clock."""
EVERYBODY = Viewer("viewer", "CN", "25-34", "female", ())
_RATES, _LEARNED = ((1.0, 1.0),) * 3, 1e6
"""Not used: the platform tells its rate for every order."""


@dataclass(frozen=True, slots=True)
class Asked:
    """An order of the replay. `quality`: how its chance of an action compares with the log's."""

    listing: Listing
    budget: int
    score: float
    """Expected of an impression."""
    price: float
    """Expected for one."""
    quality: float = 1.0
    known: bool = True


class Turn(NamedTuple):
    """What a look comes to: the multiplier, what is released, when to look again, in how many auctions to bid."""

    mu: float
    most: int
    due_at: float
    chance: float = 1.0


class Rule(Protocol):
    """How an order is paced."""

    def look(self, account: Account, now: float) -> Turn: ...


class Ours:
    """The product's own rule: delivery/engine/steps.py, as the pacer takes it."""

    def __init__(self, asked: Asked) -> None:
        listing = asked.listing
        self.asked = asked
        self.outlook = Outlook(asked.score, asked.price, listing.reserve_micros, EVEN, listing.ends_at)
        self.state: State | None = None

    def look(self, account: Account, now: float) -> Turn:
        step = self._step(account, now)
        self.state = step.state
        return Turn(step.state.mu, step.most, step.due_at)

    def _step(self, account: Account, now: float) -> Step:
        if self.state is None:
            return steps.first(account.purse, self.outlook, at=now, known=self.asked.known)
        return steps.following(self.state, account.purse, self.outlook, at=now)


@dataclass(slots=True)
class Outcome:
    """What came of a replay, by order."""

    spent: list[int]
    value: list[float]
    charges: list[int]
    distance: list[float]
    """Mean distance of the spend from the ideal, as a share of the budget."""
    curves: list[list[float]] = field(default_factory=list)
    """Spent by the time of each sample, as a share of the budget."""


Counting = Callable[[Sequence[UUID], Sequence[int]], Counters]


class Market:
    def __init__(
        self,
        log: Log,
        orders: Sequence[Asked],
        rule: Callable[[Asked], Rule],
        *,
        coins: bool = False,
        counters: Counting = Copied,
    ) -> None:
        """`coins`: the rule throttles, by a coin for each order and auction."""
        self.log, self.orders, self.flips_coins = log, orders, coins
        self.index = Index().changed(put=[asked.listing for asked in orders])
        self.places = {self.index.rows[asked.listing.order]: place for place, asked in enumerate(orders)}
        self.rules = [rule(asked) for asked in orders]
        self.counters = counters(
            [UUID(hex=asked.listing.order) for asked in orders], [asked.budget for asked in orders]
        )
        self.values = [0.0] * len(orders)
        self.due = [(asked.listing.starts_at, place) for place, asked in enumerate(orders)]
        heapify(self.due)
        self.seen: deque[tuple[float, Sold]] = deque()
        self.rng = np.random.default_rng(1)
        self.draws = Draws(self.rng)
        self.quality = {row: orders[place].quality for row, place in self.places.items()}
        self.chance = np.ones(self.index.columns.room)
        self.matching: dict[Viewer, NDArray[np.int64]] = {}

    def run(self, viewers: Callable[[int], Viewer] = lambda _: EVERYBODY, samples: int = 200) -> Outcome:
        prices, rates = self.log.prices.tolist(), self.log.rates.tolist()
        every_s, begun = LIFE_S / len(self.log), self.due[0][0]
        marks = np.linspace(0, len(prices), samples + 1)[1:].round().astype(int).tolist()
        curves: list[list[int]] = []
        for number, (price, rate) in enumerate(zip(prices, rates, strict=True)):
            now = begun + number * every_s
            self._charge(now)
            self._look(now)
            self._sell(viewers(number), price, rate, now)
            while len(curves) < samples and marks[len(curves)] == number + 1:
                curves.append([account.charged + account.reserved for account in self._accounts()])
        self._charge(float("inf"))
        return self._outcome(curves, begun)

    def _accounts(self) -> list[Account]:
        return self.counters.accounts(range(len(self.orders)))

    def _charge(self, now: float) -> None:
        while self.seen and self.seen[0][0] <= now:
            _at, sold = self.seen.popleft()
            self.counters.charge(sold)

    def _look(self, now: float) -> None:
        """Every look that is due, and new versions of the index for them, as the deciders take it."""
        while due := self._due(now):
            accounts = self.counters.accounts([place for _at, place in due])
            turns = [self.rules[place].look(account, at) for (at, place), account in zip(due, accounts, strict=True)]
            releases = [
                Release(place, turn.most, Pace(turn.mu, _LEARNED, _RATES))
                for (_at, place), turn in zip(due, turns, strict=True)
            ]
            self.counters.release(releases)
            for (_at, place), turn in zip(due, turns, strict=True):
                self.chance[self.index.rows[self.orders[place].listing.order]] = turn.chance
                heappush(self.due, (turn.due_at, place))
            self.index = self.index.paced({self.orders[one.place].listing.order: one.pace for one in releases})

    def _due(self, now: float) -> list[tuple[float, int]]:
        """Orders to be looked at, each once, and when each was due. Those that are over leave the line."""
        due: list[tuple[float, int]] = []
        while self.due and self.due[0][0] <= now:
            at, place = heappop(self.due)
            if at < self.orders[place].listing.ends_at:
                due.append((at, place))
        return due

    def _sell(self, viewer: Viewer, floor: int, rate: float, now: float) -> None:
        """As the edge does: an auction, one reservation, and as often as there the auction again without whom Redis
        refuses."""
        rows = self._candidates(viewer)
        if self.flips_coins:
            rows = rows[self.rng.random(rows.shape[0]) < self.chance[rows]]
        left: list[int] = rows.tolist()
        told = {row: rate * self.quality[row] for row in left}
        for _ in range(auction.ROUNDS):
            if not left:
                return
            [won] = auction.hold(self.index, left, 0, [floor], self.draws, now=now, told=told).won
            if won is None:
                return
            sold = self.counters.reserve(self.places[won.row], won.price_micros)
            if sold is not None:
                self.seen.append((now + SEEN_AFTER_S, sold))
                self.values[sold.place] += told[won.row]
                return
            left.remove(won.row)

    def _candidates(self, viewer: Viewer) -> NDArray[np.int64]:
        """By bitmap, once for viewers alike: pacing moves no bitmap."""
        if viewer not in self.matching:
            self.matching[viewer] = np.array(self.index.candidates(viewer, "feed").to_array(), np.int64)
        return self.matching[viewer]

    def _outcome(self, curves: list[list[int]], begun: float) -> Outcome:
        times = begun + LIFE_S * np.arange(1, len(curves) + 1) / len(curves)
        budgets = np.array([asked.budget for asked in self.orders])
        spent = np.array(curves) / budgets
        starts = np.array([asked.listing.starts_at for asked in self.orders])
        ends = np.array([asked.listing.ends_at for asked in self.orders])
        ideal = (times[:, None] - starts) / (ends - starts)
        inside = (ideal > 0) & (ideal <= 1)
        distance = (np.abs(spent - ideal) * inside).sum(axis=0) / np.maximum(1, inside.sum(axis=0))
        accounts = self._accounts()
        return Outcome(
            spent=[account.charged for account in accounts],
            value=self.values,
            charges=[account.charges for account in accounts],
            distance=distance.tolist(),
            curves=spent.T.tolist(),
        )


def a_listing(number: int, **facts: object) -> Listing:
    """An order that everybody may see, through the whole log."""
    plain: dict[str, object] = {
        "order": UUID(int=number + 1).hex,
        "account": 10**6 + number,
        "owner_ids": (),
        "market": "CN",
        "objective": "website_visits",
        "action": "website_visit",
        "function": "video",
        "target": f"vid_{number}",
        "countries": frozenset({"CN"}),
        "age_bands": frozenset(),
        "genders": frozenset(),
        "interests": frozenset(),
        "shard": 0,
        "starts_at": 0.0,
        "ends_at": LIFE_S,
        "reserve_micros": RESERVE,
        "value": 1.0,
    }
    return Listing(**{**plain, **facts})  # type: ignore[arg-type]
