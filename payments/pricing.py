"""What a part of a lot costs: pure arithmetic on what was told of the lot so far. Source: DESIGN.md 6.4, docs/adr/0008.

Told so far is floor(paid × used ÷ coins), so that a used-up lot adds up to what was paid. Only where an order gets back
a part that other uses have followed, its price is the order's own, and told runs `ahead` of that until later uses make
up for it: an invoice is never credited with more than it said, and one that goes back whole with just that.
"""

from decimal import Decimal
from typing import NamedTuple

from payments import tax


class Told(NamedTuple):
    """So many micros of a lot, and what they were told to cost, in minor units; the tax is within the gross."""

    micros: int
    gross_minor: int
    tax_minor: int

    def __sub__(self, other: "Told") -> "Told":
        return Told(*(mine - theirs for mine, theirs in zip(self, other, strict=True)))


class Price(NamedTuple):
    """What a lot was bought for, and the tax within it."""

    paid_minor: int
    lot_micros: int
    tax_percent: Decimal

    def of(self, used_micros: int) -> Told:
        """What the first `used_micros` cost where nothing went back."""
        gross = tax.price_so_far(paid_minor=self.paid_minor, lot_micros=self.lot_micros, used_micros=used_micros)
        return Told(used_micros, gross, tax.within(gross, self.tax_percent))


def go_on(told: Told, *, micros: int, price: Price) -> Told:
    """What is told once `micros` more are used, or fewer, below zero: never less for more, nor more for less."""
    plain = price.of(told.micros + micros)
    more = plain.gross_minor - told.gross_minor
    gross = max(0, more) if micros > 0 else min(0, more)
    taxed = tax.within(told.gross_minor + gross, price.tax_percent) - told.tax_minor
    low, high = min(0, gross), max(0, gross)
    return Told(plain.micros, told.gross_minor + gross, told.tax_minor + min(high, max(low, taxed)))


def give_back(told: Told, *, micros: int, price: Price, left: Told) -> Told:
    """What is told once `micros` of an order's part are back, of which `left` stands: all of it, or a share of it."""
    if micros == left.micros:
        return told - left
    plain = price.of(told.micros - micros)
    gross = min(left.gross_minor, max(0, told.gross_minor - plain.gross_minor))
    taxed = tax.share_of(left.tax_minor, part=gross, whole=left.gross_minor) if left.gross_minor else 0
    return told - Told(micros, gross, taxed)
