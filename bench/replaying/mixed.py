"""200 orders at once: budgets from a few impressions to thousands, audiences from everybody to a small part."""

from dataclasses import dataclass, replace

import msgspec
import numpy as np

from bench.replaying import baselines
from bench.replaying.log import Log
from bench.replaying.market import LIFE_S, Asked, a_listing
from delivery.engine.index import Index, Viewer
from delivery.engine.vocabulary import AGE_BANDS, GENDERS

ORDERS = 200
DEMAND = 1 / 3
"""All budgets together, of what the whole log costs."""
WIDEST = 100.0
"""The largest budget, in smallest ones, before those of small audiences are fitted to them."""
INTERESTS = tuple(f"interest-{number}" for number in range(8))


@dataclass(frozen=True, slots=True)
class World:
    viewers: list[Viewer]
    orders: list[Asked]
    feasible: list[int]
    """What an order could spend were it alone: its budget, or the price of all that it may be shown to."""


def world(log: Log, seed: int = 7) -> World:
    """The same viewers and orders for the same seed and log."""
    rng = np.random.default_rng(seed)
    viewers = _viewers(len(log), rng)
    orders = _orders(log, rng)
    return World(viewers, orders, _feasible(log, viewers, orders))


def fixed_bids(log: Log, of: World) -> list[Asked]:
    """The orders with the fixed bid that is best for each on its own audience, had it the right share of auctions."""
    steps, index, told = baselines.ladder(log), _index(of.orders), []
    matching = _matching(of.viewers, index)
    for asked in of.orders:
        mine = matching[:, index.rows[asked.listing.order]] & _alive(len(log), asked)
        best = baselines.throttling(Log(log.prices[mine], log.rates[mine]), asked.budget, steps)
        told.append(replace(asked, listing=msgspec.structs.replace(asked.listing, max_bid_micros=max(1, best.bid))))
    return told


def _viewers(count: int, rng: np.random.Generator) -> list[Viewer]:
    ages = rng.choice(len(AGE_BANDS), count, p=(0.35, 0.3, 0.18, 0.1, 0.07))
    genders, interests = rng.choice(len(GENDERS), count, p=(0.48, 0.48, 0.04)), rng.choice(len(INTERESTS), count)
    kinds = {
        (age, gender, interest): Viewer("viewer", "CN", AGE_BANDS[age], GENDERS[gender], (INTERESTS[interest],))
        for age in range(len(AGE_BANDS))
        for gender in range(len(GENDERS))
        for interest in range(len(INTERESTS))
    }
    return [kinds[kind] for kind in zip(ages.tolist(), genders.tolist(), interests.tolist(), strict=True)]


def _orders(log: Log, rng: np.random.Generator) -> list[Asked]:
    sizes = np.exp(rng.uniform(0, np.log(WIDEST), ORDERS))
    budgets = (sizes / sizes.sum() * log.cost * DEMAND).astype(np.int64)
    price, rate = log.cost / len(log), float(log.rates.mean())
    orders = []
    for number, budget in enumerate(budgets.tolist()):
        quality = float(rng.lognormal(0, 0.4))
        starts_at, length = (0.0, 1.0) if rng.random() < 0.5 else (rng.uniform(0, 0.4), rng.uniform(0.4, 0.6))
        listing = a_listing(
            number,
            age_bands=frozenset(_some(AGE_BANDS, rng)),
            genders=frozenset(_some(GENDERS[:2], rng)),
            interests=frozenset(_some(INTERESTS, rng)),
            starts_at=starts_at * LIFE_S,
            ends_at=min(1.0, starts_at + length) * LIFE_S,
        )
        orders.append(Asked(listing, budget, score=rate * quality, price=price, quality=quality))
    return orders


def _some(names: tuple[str, ...], rng: np.random.Generator) -> list[str]:
    """Everybody for half of the orders, some of `names` for the others."""
    if rng.random() < 0.5:
        return []
    return [str(name) for name in rng.choice(names, rng.integers(1, len(names)), replace=False)]


def _feasible(log: Log, viewers: list[Viewer], orders: list[Asked]) -> list[int]:
    index = _index(orders)
    matching = _matching(viewers, index)
    return [
        min(
            asked.budget,
            int(log.prices[matching[:, index.rows[asked.listing.order]] & _alive(len(log), asked)].sum()),
        )
        for asked in orders
    ]


def _index(orders: list[Asked]) -> Index:
    return Index().changed(put=[asked.listing for asked in orders])


def _matching(viewers: list[Viewer], index: Index) -> np.ndarray[tuple[int, int], np.dtype[np.bool_]]:
    """Viewer by row: whose targeting lets whom through."""
    kinds = {viewer: place for place, viewer in enumerate(dict.fromkeys(viewers))}
    fits = np.zeros((len(kinds), index.columns.room), bool)
    for viewer, place in kinds.items():
        fits[place, index.candidates(viewer, "feed").to_array()] = True
    return fits[[kinds[viewer] for viewer in viewers]]


def _alive(rows: int, asked: Asked) -> np.ndarray[tuple[int], np.dtype[np.bool_]]:
    times = np.arange(rows) * (LIFE_S / rows)
    return (times >= asked.listing.starts_at) & (times < asked.listing.ends_at)
