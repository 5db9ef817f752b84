"""Live orders in memory: an immutable snapshot; a change makes the next version and leaves the old one whole.

Each order has a row. Per targeting key a bitmap holds the rows that it lets through (rows that do not care included),
so that candidates are an intersection; NumPy arrays hold the rest by row. A version shares with the one before what
did not change: maps are persistent (HAMT), bitmaps and arrays are copied where they differ.
"""

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import lru_cache
from typing import Any, NamedTuple

import msgspec
import numpy as np
from immutables import Map
from numpy.typing import NDArray
from pyroaring import BitMap

from delivery.engine.columns import MU, Columns
from delivery.engine.vocabulary import AGE_BANDS, GENDERS, SURFACES, SURFACES_OF_FUNCTION

ANY = "any"
_ORDER = "ord_"
"""What the name of an order begins with; its id in hex follows."""
Key = tuple[str, str]


class Listing(msgspec.Struct, frozen=True, gc=False):
    """What the index needs of one live order. Empty targeting sets let everybody through, but countries never do."""

    order: str
    """Its id in hex: a UUID takes twenty times as long to make, and is found half as quickly."""
    account: int
    """The advertiser, by the random part of its id (52 bits): two share one as good as never."""
    owner_ids: tuple[str, ...]
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

    @property
    def public_id(self) -> str:
        return f"{_ORDER}{self.order}"


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


class Names:
    """Rows by name. What was loaded first stands in a plain dictionary, which is made five times as quickly as a
    persistent map; what has changed since is laid over it, nothing where nobody has the name any more."""

    __slots__ = ("_first", "_since")

    def __init__(self, first: Mapping[str, Sequence[int]] | None = None, since: Map[str, Any] | None = None) -> None:
        self._first: Mapping[str, Sequence[int]] = first if first is not None else {}
        self._since: Map[str, Sequence[int]] = since if since is not None else Map()

    def of(self, name: str) -> Sequence[int]:
        """Nobody's is nothing."""
        rows = self._since.get(name)
        return self._first.get(name, ()) if rows is None else rows

    def changed(self, *, put: Mapping[str, Sequence[int]], drop: Mapping[str, Sequence[int]]) -> "Names":
        """With these rows by name, and without those. A row may be both: it has the name, as before."""
        if not self._first and not self._since:
            return Names(put)
        since = self._since.mutate()
        for name in {**drop, **put}:
            gone = drop.get(name, ())
            rows = (*(row for row in self.of(name) if row not in gone), *put.get(name, ()))
            if rows or name in self._first:
                since[name] = rows
            else:
                since.pop(name, None)
        return Names(self._first, since.finish())


@dataclass(frozen=True, slots=True)
class Index:
    version: int = 0
    rows: Map[str, int] = field(default_factory=Map)
    """By order."""
    listings: tuple[Listing | None, ...] = ()
    columns: Columns = field(default_factory=lambda: Columns.empty(0))
    bitmaps: Map[Key, BitMap] = field(default_factory=Map)
    """By what an audience asks for."""
    names: Names = field(default_factory=Names)
    """Rows by the names of an order's target and its owner."""
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
        unwanted = [*self.names.of(viewer.id), *(row for name in excluded for row in self.named(name))]
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

    def named(self, name: str) -> Sequence[int]:
        """Rows by the name of an order, its target or its owner."""
        rows, row = self.names.of(name), self.of_order(name)
        return rows if row is None else [*rows, row]

    def of_order(self, public_id: str) -> int | None:
        return self.rows.get(public_id.removeprefix(_ORDER)) if public_id.startswith(_ORDER) else None

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

    def changed(self, *, put: Iterable[Listing] = (), drop: Iterable[str] = ()) -> "Index":
        """The next version, with these orders put (new or changed) and those dropped."""
        return _Draft(self).made({listing.order: listing for listing in put}, set(drop))

    def paced(self, paces: Mapping[str, Pace]) -> "Index":
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
        columns.put(rows, figures)
        return self.over(columns)

    def over(self, columns: Columns) -> "Index":
        """The next version: the same orders with these figures."""
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
    return (listing.public_id, *_kept_names(listing))


def _kept_names(listing: Listing) -> tuple[str, ...]:
    """Those by which orders have to be looked for."""
    return (*listing.owner_ids, listing.target)


class _Draft:
    """The version being made: what changes is gathered first, then written once into copies. Loading all of them at
    first is no other change: so it goes in passes over what is put."""

    def __init__(self, base: Index) -> None:
        self.base = base
        self.rows = base.rows.mutate()
        self.listings = list(base.listings)
        self.free = list(base.free)
        self.fresh: list[int] = []
        """Rows of orders that the base does not know."""
        self.alike: dict[int, tuple[Sequence[Key], list[int]]] = {}
        """Rows that are put, by what their audiences ask for: by the identity of that."""
        self.removes: dict[Key, list[int]] = defaultdict(list)
        self.named: dict[str, list[int] | tuple[int]] = {}
        self.unnamed: dict[str, list[int]] = defaultdict(list)

    def made(self, put: Mapping[str, Listing], drop: set[str]) -> Index:
        dropped = [row for order in drop if (row := self._drop(order)) is not None]
        rows, listings = self._seated(put), put.values()
        for row, listing in zip(rows, listings, strict=True):
            self.listings[row] = listing
        self._target(rows, listings)
        self._name(rows, listings)
        columns = self._columns(rows, listings, off=[*dropped, *self.fresh])
        return Index(
            self.base.version + 1,
            self.rows.finish(),
            tuple(self.listings),
            columns,
            self._bitmaps(),
            self.base.names.changed(put=self.named, drop=self.unnamed),
            tuple(self.free),
        )

    def _seated(self, orders: Collection[str]) -> list[int]:
        """A row for each: its own, of which nothing stands any more, or a new one."""
        places = {order: row for order in orders if (row := self.rows.get(order)) is not None}
        for row in places.values():
            self._leave(row)
        new = [order for order in orders if order not in places]
        again = [self.free.pop() for _ in new[: len(self.free)]]
        more = range(len(self.listings), len(self.listings) + len(new) - len(again))
        self.listings += [None] * len(more)
        self.fresh = [*again, *more]
        seated = dict(zip(new, self.fresh, strict=True))
        self.rows.update(seated)
        places |= seated
        return [places[order] for order in orders]

    def _target(self, rows: list[int], listings: Iterable[Listing]) -> None:
        for row, listing in zip(rows, listings, strict=True):
            keys = keys_of(listing)
            if (alike := self.alike.get(id(keys))) is None:
                alike = self.alike[id(keys)] = keys, []
            alike[1].append(row)

    def _name(self, rows: list[int], listings: Iterable[Listing]) -> None:
        named = self.named
        for row, listing in zip(rows, listings, strict=True):
            alone = (row,)
            for name in _kept_names(listing):
                if (others := named.setdefault(name, alone)) is alone:
                    continue  # most names are of one order alone
                if isinstance(others, tuple):
                    others = named[name] = [*others]
                others.append(row)

    def _drop(self, order: str) -> int | None:
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
        for name in _kept_names(listing):
            self.unnamed[name].append(row)

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

    def _columns(self, rows: list[int], listings: Iterable[Listing], *, off: list[int]) -> Columns:
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
