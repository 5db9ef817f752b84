"""What must hold of lots, debts, escrows and gifts (DESIGN.md 6.4, 6.5, 6.10)."""

from collections.abc import Iterator

from payments import ledger
from payments.audit import Chunk, register
from payments.audit.walking import all_at_once, text_of, walk, walk_uuids
from promote.money import MICROS


@register("lots")
def lots() -> Iterator[Chunk]:
    """A lot was credited once, by its opening journal, with exactly its coins, for its owner; it holds whole coins."""
    yield from walk("payments_ledgeraccount", "lots", micros=MICROS, issuance=ledger.platform("issuance"))


@register("debts")
def debts() -> Iterator[Chunk]:
    """Who owes has no free coins: every credit repaid first."""
    yield from all_at_once("debts")


@register("escrows")
def escrows() -> Iterator[Chunk]:
    """An escrow was funded by its owner's lots and one campaign at most; a closed one was divided by the formula, and
    each lot got back no more than it gave.
    """
    yield from walk("payments_ledgeraccount", "escrows", micros=MICROS, spend=ledger.platform("spend"))
    yield from walk("payments_ledgeraccount", "returns")


@register("gifts")
def gifts() -> Iterator[Chunk]:
    """A gift's journal moved its coins, from its account's lots."""
    yield from walk_uuids("payments_gift", text_of("gifts"), micros=MICROS)
