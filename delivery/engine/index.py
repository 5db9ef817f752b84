"""Live orders in memory: an immutable snapshot; a change makes the next version and leaves the old one whole.

Each order has a row. Per targeting key a bitmap holds the rows that it lets through (rows that do not care included),
so that candidates are an intersection; NumPy arrays hold the rest by row.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import NamedTuple
from uuid import UUID

import numpy as np
from numpy.typing import NDArray
from pyroaring import BitMap

from delivery.engine.vocabulary import AGE_BANDS, GENDERS, SURFACES, SURFACES_OF_FUNCTION

ANY = "any"
Key = tuple[str, str]


@dataclass(frozen=True, slots=True)
class Listing:
    """What the index needs of one live order. Empty targeting sets let everybody through, but countries never do."""

    order: UUID
    public_id: str
    account: UUID
    owner_ids: frozenset[str]
    """Every name under which a viewer may be the owner."""
    market: str
    objective: str
    action: str
    function: str
    target: str
    countries: frozenset[str]
    age_bands: frozenset[str]
    genders: frozenset[str]
    interests: frozenset[str]
    shard: int
    starts_at: float
    ends_at: float
    reserve_micros: int
    value: float
    max_bid_micros: int = 0
    """0: no maximum of its own."""
    website_url: str = ""
    call_to_action: str = ""


class Pace(NamedTuple):
    """What the pacer publishes of one order: its multiplier, and its rate on each surface as a beta distribution."""

    mu: float
    impressions: float
    rates: tuple[tuple[float, float], ...]


class Viewer(NamedTuple):
    id: str
    country: str
    age_band: str
    gender: str
    interests: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Columns:
    """The arrays, by row. A free row has mu 0, so that it never bids."""

    starts_at: NDArray[np.float64]
    ends_at: NDArray[np.float64]
    reserve: NDArray[np.int64]
    value: NDArray[np.float64]
    max_bid: NDArray[np.int64]
    account: NDArray[np.int64]
    shard: NDArray[np.int64]
    mu: NDArray[np.float64]
    impressions: NDArray[np.float64]
    alpha: NDArray[np.float64]
    """By surface and row, as is beta."""
    beta: NDArray[np.float64]

    @classmethod
    def empty(cls, rows: int) -> "Columns":
        wide = (len(SURFACES), rows)
        return cls(
            starts_at=np.zeros(rows),
            ends_at=np.zeros(rows),
            reserve=np.ones(rows, np.int64),
            value=np.zeros(rows),
            max_bid=np.zeros(rows, np.int64),
            account=np.zeros(rows, np.int64),
            shard=np.zeros(rows, np.int64),
            mu=np.zeros(rows),
            impressions=np.zeros(rows),
            alpha=np.ones(wide),
            beta=np.ones(wide),
        )

    def grown(self, rows: int) -> "Columns":
        """A copy with room for `rows`."""
        have = self.mu.shape[0]
        wider = Columns.empty(max(rows, have))
        for name in self.__slots__:
            getattr(wider, name)[..., :have] = getattr(self, name)
        return wider


@dataclass(frozen=True, slots=True)
class Index:
    version: int = 0
    rows: Mapping[UUID, int] = field(default_factory=dict)
    listings: tuple[Listing | None, ...] = ()
    columns: Columns = field(default_factory=lambda: Columns.empty(0))
    bitmaps: Mapping[Key, BitMap] = field(default_factory=dict)
    accounts: Mapping[UUID, int] = field(default_factory=dict)
    free: tuple[int, ...] = ()

    def __len__(self) -> int:
        return len(self.rows)

    def candidates(self, viewer: Viewer, surface: str, excluded: Iterable[str] = ()) -> BitMap:
        """Rows whose targeting lets this viewer through on this surface: theirs not, nor what the caller excludes."""
        get = self.bitmaps.get
        found = [
            get(("country", viewer.country)),
            get(("surface", surface)),
            get(("age", viewer.age_band)),
            get(("gender", viewer.gender)) if viewer.gender in GENDERS else get(("gender", ANY)),
            self._interested(viewer.interests),
        ]
        sets = [some for some in found if some]
        if len(sets) < len(found):
            return BitMap()
        matching = BitMap.intersection(*sets)
        for name in (viewer.id, *excluded):
            for kind in ("owner", "order", "target"):
                if (unwanted := get((kind, name))) is not None:
                    matching -= unwanted
        return matching

    def of_target(self, target: str) -> BitMap:
        return self.bitmaps.get(("target", target)) or BitMap()

    def _interested(self, interests: tuple[str, ...]) -> BitMap | None:
        anyone = self.bitmaps.get(("interest", ANY))
        sets = [some for name in interests if (some := self.bitmaps.get(("interest", name))) is not None]
        if anyone is not None:
            sets.append(anyone)
        return BitMap.union(*sets) if sets else None

    def changed(self, *, put: Iterable[Listing] = (), drop: Iterable[UUID] = ()) -> "Index":
        """The next version, with these orders put (new or changed) and those dropped."""
        return _Draft(self).made(list(put), list(drop))

    def paced(self, paces: Mapping[UUID, Pace]) -> "Index":
        """The next version, with these multipliers and rates; what is not named stays."""
        columns = self.columns.grown(0)
        for order, pace in paces.items():
            if (row := self.rows.get(order)) is not None:
                columns.mu[row], columns.impressions[row] = pace.mu, pace.impressions
                for surface, (alpha, beta) in enumerate(pace.rates):
                    columns.alpha[surface, row], columns.beta[surface, row] = alpha, beta
        return Index(self.version + 1, self.rows, self.listings, columns, self.bitmaps, self.accounts, self.free)


def keys_of(listing: Listing) -> set[Key]:
    """The bitmaps in which an order stands."""
    bands, genders = listing.age_bands or AGE_BANDS, listing.genders or (*GENDERS, ANY)
    return (
        {("country", code) for code in listing.countries}
        | {("age", band) for band in bands}
        | {("gender", gender) for gender in genders}
        | {("interest", name) for name in listing.interests or (ANY,)}
        | {("surface", surface) for surface in SURFACES_OF_FUNCTION[listing.function]}
        | {("owner", name) for name in listing.owner_ids}
        | {("order", listing.public_id), ("target", listing.target)}
    )


class _Draft:
    """The version being made: copies of what changes, the very objects of the old version elsewhere."""

    def __init__(self, base: Index) -> None:
        self.base = base
        self.rows = dict(base.rows)
        self.listings = list(base.listings)
        self.bitmaps = dict(base.bitmaps)
        self.accounts = dict(base.accounts)
        self.free = list(base.free)
        self.own: set[Key] = set()

    def made(self, put: list[Listing], drop: list[UUID]) -> Index:
        for order in drop:
            self._drop(order)
        places = [(self._place(listing), listing) for listing in put]
        columns = self.base.columns.grown(_room(len(self.listings), self.base.columns.mu.shape[0]))
        for row in self.free:
            columns.mu[row] = 0.0
        for row, listing in places:
            self._fill(columns, row, listing)
        return Index(
            self.base.version + 1,
            self.rows,
            tuple(self.listings),
            columns,
            self.bitmaps,
            self.accounts,
            tuple(self.free),
        )

    def _place(self, listing: Listing) -> int:
        row = self.rows.get(listing.order)
        before = None if row is None else self.listings[row]
        if row is None:
            row = self.free.pop() if self.free else len(self.listings)
            if row == len(self.listings):
                self.listings.append(None)
            self.rows[listing.order] = row
        old, new = set() if before is None else keys_of(before), keys_of(listing)
        for key in old - new:
            self._bitmap(key).discard(row)
        for key in new - old:
            self._bitmap(key).add(row)
        self.listings[row] = listing
        return row

    def _drop(self, order: UUID) -> None:
        row = self.rows.pop(order, None)
        if row is None:
            return
        listing = self.listings[row]
        assert listing is not None  # a row in use
        for key in keys_of(listing):
            bitmap = self._bitmap(key)
            bitmap.discard(row)
            if not bitmap:
                del self.bitmaps[key]
        self.listings[row] = None
        self.free.append(row)

    def _bitmap(self, key: Key) -> BitMap:
        if key not in self.own or key not in self.bitmaps:
            self.bitmaps[key] = BitMap(self.bitmaps.get(key, ()))
            self.own.add(key)
        return self.bitmaps[key]

    def _fill(self, columns: Columns, row: int, listing: Listing) -> None:
        was = self.base.rows.get(listing.order) == row
        columns.starts_at[row], columns.ends_at[row] = listing.starts_at, listing.ends_at
        columns.reserve[row], columns.value[row] = listing.reserve_micros, listing.value
        columns.max_bid[row] = listing.max_bid_micros
        columns.account[row] = self.accounts.setdefault(listing.account, len(self.accounts) + 1)
        columns.shard[row] = listing.shard
        if not was:
            columns.mu[row] = 0.0


def _room(rows: int, have: int) -> int:
    """Arrays grow by half, so that many single additions copy little."""
    return have if rows <= have else max(64, rows + rows // 2)
