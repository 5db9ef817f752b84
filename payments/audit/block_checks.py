"""What must hold of sealed history: nothing in it was changed, taken out or put in since (docs/adr/0012)."""

from collections.abc import Iterator, Mapping
from dataclasses import replace

from payments.audit import Chunk, register
from payments.audit.walking import all_at_once, each, walk
from payments.models import Block


@register("block_chain")
def block_chain() -> Iterator[Chunk]:
    """Every block is as it was sealed, and follows the one before it."""
    yield from walk("payments_block", "block_chain", key="number", size=10)


@register("blocks")
def blocks() -> Iterator[Chunk]:
    """The rows of every block have its hash; else the first of them that does not fit is named."""
    numbers = Block.objects.order_by("number").values_list("number", flat=True)
    for chunk in each("block_rows", [{"number": number} for number in numbers]):
        yield replace(chunk, wrong=_first_wrong_row(chunk.wrong)) if chunk.wrong else chunk


def anchors(kept: Mapping[int, str]) -> Iterator[Chunk]:
    """The blocks whose numbers and hashes were kept elsewhere are still those: history was not written anew."""
    hashes = dict(Block.objects.filter(number__in=kept).values_list("number", "hash"))
    for number, kept_hash in sorted(kept.items()):
        found = bytes(hashes[number]).hex() if number in hashes else None
        wrong = (
            None if found == kept_hash else f"block {number} has the hash {found}, not the {kept_hash} that was kept"
        )
        yield Chunk(1, wrong)


def _first_wrong_row(block: str) -> str:
    """Which row of a block whose hash differs; the block itself, should its marks fit all the same."""
    (chunk,) = all_at_once("block_wrong_row", number=int(block.removeprefix("block ")))
    return chunk.wrong or f"{block}: its rows do not have its hash"
