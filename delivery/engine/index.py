"""Live orders in memory: an immutable snapshot; a change makes the next version and leaves the old one whole.

Each order has a row. Per targeting key a bitmap holds the rows that it lets through (rows that do not care included),
so that candidates are an intersection; NumPy arrays hold the rest by row. A version shares with the one before what
did not change: maps are persistent (HAMT), bitmaps and arrays are copied where they differ.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import lru_cache
from typing import Any, NamedTuple
from uuid import UUID

import msgspec
import numpy as np
from immutables import Map
from numpy.typing import NDArray
from pyroaring import BitMap

from delivery.engine.columns import MU, Columns
from delivery.engine.vocabulary import AGE_BANDS, GENDERS, SURFACES, SURFACES_OF_FUNCTION

ANY = "any"
Key = tuple[str, str]


class Listing(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """What the index needs of one live order. Empty targeting sets let everybody through, but countries never do."""

    order: UUID
    public_id: str
    account: int
    """The advertiser, by the random part of its id (52 bits): two share one as good as never."""
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


Profile = tuple[tuple[object, ...], str]
"""All of a viewer but the id, and the surface."""
Matched = tuple[BitMap, list[int]]
FEW_MATCHED, PROFILES_MOST = 256, 10_000
"""Where so many match at most, it is kept of so many profiles: 20 MB at the very most."""


class Names(Mapping[str, tuple[int, ...]]):
    """Rows by name. What was loaded first stands in a plain dictionary, which is made five times as quickly as a
    persistent map; what has changed since is laid over it, an empty tuple where nobody has the name any more."""

    def __init__(self, first: Mapping[str, tuple[int, ...]] | None = None, since: Map[str, Any] | None = None) -> None:
        self._first = first if first is not None else {}
        self._since: Map[str, tuple[int, ...]] = since if since is not None else Map()

    def __getitem__(self, name: str) -> tuple[int, ...]:
        if rows := self.of(name):
            return rows
        raise KeyError(name)

    def __iter__(self) -> Iterator[str]:
        return (name for name in {*self._first, *self._since} if self.of(name))

    def __len__(self) -> int:
        return sum(1 for _ in self)

    def of(self, name: str) -> tuple[int, ...]:
        """Nobody's is nothing."""
        rows = self._since.get(name)
        return self._first.get(name, ()) if rows is None else rows

    def changed(self, named: Mapping[str, Sequence[int]]) -> "Names":
        if not self._first and not self._since:
            return Names({name: tuple(rows) for name, rows in named.items() if rows})
        since = self._since.mutate()
        for name, rows in named.items():
            if rows or name in self._first:
                since[name] = tuple(rows)
            else:
                since.pop(name, None)
        return Names(self._first, since.finish())


@dataclass(frozen=True, slots=True)
class Index:
    version: int = 0
    rows: Map[UUID, int] = field(default_factory=Map)
    listings: tuple[Listing | None, ...] = ()
    columns: Columns = field(default_factory=lambda: Columns.empty(0))
    bitmaps: Map[Key, BitMap] = field(default_factory=Map)
    """By what an audience asks for."""
    names: Names = field(default_factory=Names)
    """Rows by the names of the order, its target, its owner."""
    free: tuple[int, ...] = ()
    matched: dict[Profile, Matched] = field(default_factory=dict, compare=False, repr=False)
    """What some viewers of late were let through by; shared by versions whose orders are the same."""

    def __len__(self) -> int:
        return len(self.rows)

    def candidates(self, viewer: Viewer, surface: str, excluded: Iterable[str] = ()) -> BitMap:
        """Rows whose targeting lets this viewer through on this surface: theirs not, nor what the caller excludes."""
        return self.match(viewer, surface, excluded)[0]

    def match(self, viewer: Viewer, surface: str, excluded: Iterable[str] = ()) -> Matched:
        """The same, as a bitmap and as a list. Neither is to be changed: others like this viewer are given them too."""
        profile = (viewer[1:], surface)
        found = self.matched.get(profile)
        if found is None:
            rows = self._matching(viewer, surface)
            found = rows, rows.to_array().tolist()
            if len(rows) <= FEW_MATCHED:
                if len(self.matched) >= PROFILES_MOST:
                    self.matched.clear()
                self.matched[profile] = found
        unwanted = [row for name in (viewer.id, *excluded) for row in self.names.of(name)]
        if unwanted:
            left = found[0] - BitMap(unwanted)
            return left, left.to_array().tolist()
        return found

    def _matching(self, viewer: Viewer, surface: str) -> BitMap:
        get = self.bitmaps.get
        interested = self._interested(viewer.interests)
        gender = get(("gender", viewer.gender if viewer.gender in GENDERS else ANY))
        country, place, age = get(("country", viewer.country)), get(("surface", surface)), get(("age", viewer.age_band))
        if not (interested and gender and country and place and age):
            return BitMap()
        # The set that interests leave is the smallest, mostly: what it is met with costs little.
        return interested & country & age & gender & place

    def listing(self, row: int) -> Listing:
        """Of a row of this very version."""
        found = self.listings[row]
        assert found is not None
        return found

    def of_target(self, target: str) -> list[int]:
        listings = self.listings
        return [row for row in self.names.of(target) if (one := listings[row]) is not None and one.target == target]

    def _interested(self, interests: tuple[str, ...]) -> BitMap | None:
        anyone = self.bitmaps.get(("interest", ANY))
        sets = [some for name in interests if (some := self.bitmaps.get(("interest", name))) is not None]
        if anyone is not None:
            sets.append(anyone)
        if len(sets) < 2:
            return sets[0] if sets else None
        return BitMap.union(*sets)

    def changed(self, *, put: Iterable[Listing] = (), drop: Iterable[UUID] = ()) -> "Index":
        """The next version, with these orders put (new or changed) and those dropped."""
        return _Draft(self).made({listing.order: listing for listing in put}, set(drop))

    def paced(self, paces: Mapping[UUID, Pace]) -> "Index":
        """The next version, with these multipliers and rates; what is not named stays."""
        known = [(row, pace) for order, pace in paces.items() if (row := self.rows.get(order)) is not None]
        off = ((1.0, 1.0),) * len(SURFACES)
        figures = [
            (pace.mu, pace.impressions, *(figure for rate in pace.rates or off for figure in rate)) for _, pace in known
        ]
        return self.repaced([row for row, _ in known], np.array(figures).reshape(-1, 2 + 2 * len(SURFACES)))

    def repaced(self, rows: Sequence[int], figures: NDArray[np.float64]) -> "Index":
        """As `paced`, by row: mu, impressions, then alpha and beta of each surface. The last one of a row stands."""
        columns = self.columns.copied()
        columns.table[rows, MU:] = figures
        columns.forget(rows)
        return replace(self, version=self.version + 1, columns=columns)


def keys_of(listing: Listing) -> Sequence[Key]:
    """The bitmaps in which an order stands."""
    return _keys(listing.countries, listing.age_bands, listing.genders, listing.interests, listing.function)


@lru_cache(maxsize=20_000)
def _keys(
    countries: frozenset[str],
    age_bands: frozenset[str],
    genders: frozenset[str],
    interests: frozenset[str],
    function: str,
) -> Sequence[Key]:
    """The same object for the same audience."""
    return (
        *[("country", code) for code in countries],
        *[("age", band) for band in age_bands or AGE_BANDS],
        *[("gender", gender) for gender in genders or (*GENDERS, ANY)],
        *[("interest", name) for name in interests or (ANY,)],
        *[("surface", surface) for surface in SURFACES_OF_FUNCTION[function]],
    )


def names_of(listing: Listing) -> tuple[str, ...]:
    return (*listing.owner_ids, listing.public_id, listing.target)


class _Draft:
    """The version being made: what changes is gathered first, then written once into copies."""

    def __init__(self, base: Index) -> None:
        self.base = base
        self.rows = base.rows.mutate()
        self.listings = list(base.listings)
        self.free = list(base.free)
        self.alike: dict[int, tuple[Sequence[Key], list[int]]] = {}
        """Rows that are put, by what their audiences ask for: by the identity of that."""
        self.removes: dict[Key, list[int]] = defaultdict(list)
        self.named: dict[str, Sequence[int]] = {}
        self.fresh: list[int] = []
        """Rows of orders that the base does not know."""

    def made(self, put: Mapping[UUID, Listing], drop: set[UUID]) -> Index:
        dropped = [row for order in drop if (row := self._drop(order)) is not None]
        places = [self._place(listing) for listing in put.values()]
        columns = self._columns(places, list(put.values()), off=[*dropped, *self.fresh])
        return Index(
            self.base.version + 1,
            self.rows.finish(),
            tuple(self.listings),
            columns,
            self._bitmaps(),
            self.base.names.changed(self.named),
            tuple(self.free),
        )

    def _place(self, listing: Listing) -> int:
        row = self.rows.get(listing.order) if self.base.listings else None
        if row is None:
            row = self.free.pop() if self.free else len(self.listings)
            if row == len(self.listings):
                self.listings.append(None)
            self.rows[listing.order] = row
            self.fresh.append(row)
        else:
            self._leave(row)
        self.listings[row] = listing
        keys = keys_of(listing)
        if (alike := self.alike.get(id(keys))) is None:
            alike = self.alike[id(keys)] = keys, []
        alike[1].append(row)
        self._name(row, listing)
        return row

    def _name(self, row: int, listing: Listing) -> None:
        named, alone = self.named, (row,)
        for name in names_of(listing):
            rows = self._rows_named(name)
            if isinstance(rows, list):
                rows.append(row)
            else:  # most names are of one order alone
                named[name] = [*rows, row] if rows else alone

    def _drop(self, order: UUID) -> int | None:
        row = self.rows.pop(order, None)
        if row is not None:
            self._leave(row)
            self.listings[row] = None
            self.free.append(row)
        return row

    def _leave(self, row: int) -> None:
        listing = self.listings[row]
        assert listing is not None  # a row in use
        for key in keys_of(listing):
            self.removes[key].append(row)
        for name in names_of(listing):
            self.named[name] = [one for one in self._rows_named(name) if one != row]

    def _rows_named(self, name: str) -> Sequence[int]:
        rows = self.named.get(name)
        if rows is None:
            rows = self.base.names.of(name) if self.base.listings else ()
        return rows

    def _bitmaps(self) -> Map[Key, BitMap]:
        bitmaps = self.base.bitmaps.mutate()
        adds: dict[Key, list[int]] = defaultdict(list)
        for keys, some in self.alike.values():
            for key in keys:
                adds[key] += some
        for key in {**self.removes, **adds}:
            rows = BitMap(bitmaps.get(key, ()))
            rows -= BitMap(self.removes.get(key, ()))
            rows |= BitMap(adds.get(key, ()))
            if rows:
                bitmaps[key] = rows
            else:
                bitmaps.pop(key, None)
        return bitmaps.finish()

    def _columns(self, rows: list[int], listings: list[Listing], *, off: list[int]) -> Columns:
        """`off`: rows that nobody has paced yet, or any more."""
        columns = self.base.columns.copied(_room(len(self.listings), self.base.columns.room))
        columns.mu[off] = 0.0
        if rows:
            columns.table[rows, :MU] = [
                (
                    one.starts_at,
                    one.ends_at,
                    one.reserve_micros,
                    one.value,
                    one.max_bid_micros,
                    one.account,
                    one.shard,
                )
                for one in listings
            ]
        columns.forget([*off, *rows])
        return columns


def _room(rows: int, have: int) -> int:
    """Arrays grow by half, so that many single additions copy little."""
    return have if rows <= have else max(64, rows + rows // 2)
