"""What must hold of money that went back and of the books of each currency (DESIGN.md 6.1, 6.4, 6.10)."""

import json
from collections.abc import Iterator

from payments import currencies
from payments.audit import Chunk, register
from payments.audit.walking import all_at_once
from promote.money import MICROS


@register("returns")
def returns() -> Iterator[Chunk]:
    """What went back of a payment is the sum of its returns, and no more than was paid."""
    yield from all_at_once("payment_returns")


@register("withdrawals")
def withdrawals() -> Iterator[Chunk]:
    """A withdrawal under way holds the coins of its legs; one that has ended holds none."""
    yield from all_at_once("withdrawals", micros=MICROS)


@register("books")
def books() -> Iterator[Chunk]:
    """What is owed in coins that were sold is the net price of what of them is not told as used, by currency."""
    yield from all_at_once("books", numbers=json.dumps(dict(currencies.NUMBERS)))
