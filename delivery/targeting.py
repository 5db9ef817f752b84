"""Whether who was shown an order is still among those it is for (delivery.md 5, "targeting no longer true").

A decision asks for the audience as it was then. Its impression comes up to ten minutes later: meanwhile the owner may
have changed the audience under a reopened review, or the viewer is found to be in another country. Of what an audience
names a token holds country, age and gender, not interests.
"""

from functools import lru_cache
from typing import NamedTuple

import msgspec
import numpy as np
from django.db import connection
from numpy.typing import NDArray

from delivery.batch import IMPRESSION_CODE, Batch, Ints, Marks
from delivery.engine.vocabulary import AGE_BANDS, GENDERS, UNKNOWN

_AUDIENCES = "SELECT id, market_id, audience::text FROM orders_order WHERE id = ANY(%s)"


class _Audience(msgspec.Struct):
    """As orders/audience.py writes it; none named is all of them, and of countries the market's own."""

    countries: tuple[str, ...] = ()
    age_bands: tuple[str, ...] = ()
    genders: tuple[str, ...] = ()


class Reach(NamedTuple):
    """Whom an order is for. Ages and genders by a bit for each place of the vocabulary, an unknown gender behind."""

    countries: frozenset[bytes]
    ages: int
    genders: int


_decoder = msgspec.json.Decoder(_Audience)
_UNTOLD_GENDER = len(GENDERS)


def astray(batch: Batch) -> Marks:
    """Impressions of whom their order is not for. What followed one that was billed goes on to count."""
    reach = _of(batch)
    token, order = batch.token, batch.order
    ages, genders = (np.array([getattr(one, name) for one in reach], np.int64)[order] for name in ("ages", "genders"))
    gender = np.where(token["gender"] == UNKNOWN, _UNTOLD_GENDER, token["gender"]).astype(np.int64)
    within: Marks = ((ages >> token["age_band"].astype(np.int64)) & (genders >> gender) & 1).astype(bool)
    within &= _in_their_countries(token["country"], reach, order)
    for row, one in enumerate(batch.told):
        if one.country is not None and one.country.encode() not in reach[order[row]].countries:
            within[row] = False
    found: Marks = ~within & (batch.type == IMPRESSION_CODE)
    return found


def _in_their_countries(codes: NDArray[np.bytes_], reach: list[Reach], order: Ints) -> Marks:
    """Each pair of order and country is looked at once."""
    countries, country = np.unique(codes, return_inverse=True)
    known = countries.tolist()
    pairs, pair = np.unique(order * len(known) + country, return_inverse=True)
    found = [known[one % len(known)] in reach[one // len(known)].countries for one in pairs.tolist()]
    marks: Marks = np.array(found, bool)[pair]
    return marks


def _of(batch: Batch) -> list[Reach]:
    """Of each of the batch's orders, which all exist."""
    with connection.cursor() as cursor:
        cursor.execute(_AUDIENCES, [batch.orders])
        found = {id_: _reach(market, audience) for id_, market, audience in cursor.fetchall()}
    return [found[order] for order in batch.orders]


@lru_cache(maxsize=20_000)
def _reach(market: str, audience: str) -> Reach:
    """Many orders ask for the same."""
    asked = _decoder.decode(audience)
    return Reach(
        frozenset(code.encode() for code in asked.countries or (market,)),
        sum(1 << AGE_BANDS.index(band) for band in asked.age_bands or AGE_BANDS),
        sum(1 << GENDERS.index(name) for name in asked.genders or GENDERS) | (not asked.genders) << _UNTOLD_GENDER,
    )
