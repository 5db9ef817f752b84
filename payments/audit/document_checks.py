"""What must hold of top-ups and documents (DESIGN.md 2, invoices; 6.4, 6.6)."""

from collections.abc import Iterator

from payments.audit import Chunk, register
from payments.audit.walking import all_at_once, text_of, walk_uuids
from promote.money import MICROS


@register("top_ups")
def top_ups() -> Iterator[Chunk]:
    """A paid top-up was credited once, with its coins, and stands in the books of its currency; no other was."""
    yield from walk_uuids("payments_topup", text_of("top_ups"))


@register("invoice_numbers")
def invoice_numbers() -> Iterator[Chunk]:
    """Every number of a series stands on a document."""
    yield from all_at_once("invoice_numbers")


@register("lot_uses")
def lot_uses() -> Iterator[Chunk]:
    """What is told of a lot adds up to its cumulative price, and to no more than the lot."""
    yield from walk_uuids("payments_lot", text_of("lot_uses"), micros=MICROS)
