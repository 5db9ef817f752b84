"""What must hold of money that went back and of the books of each currency (DESIGN.md 6.1, 6.4, 6.10)."""

import json
from collections.abc import Iterator

from payments import currencies, ledger
from payments.audit import Chunk, register
from payments.audit.walking import all_at_once, text_of, walk_uuids
from promote.money import MICROS


@register("returns")
def returns() -> Iterator[Chunk]:
    """What went back of a payment is the sum of its returns, and no more than was paid; with what finance charged back
    it took no more coins than the lot had.
    """
    yield from walk_uuids("payments_topup", text_of("payment_returns"))
    yield from all_at_once("chargebacks")


@register("withdrawals")
def withdrawals() -> Iterator[Chunk]:
    """A withdrawal under way holds the coins of its legs; one that has ended holds none. Each leg's coins came from its
    own lot, and went for good or back on that lot, as the leg says.
    """
    withdrawn = ledger.platform("withdrawn")
    yield from walk_uuids("payments_withdrawal", text_of("withdrawals"), micros=MICROS, withdrawn=withdrawn)


@register("books")
def books() -> Iterator[Chunk]:
    """What is owed by currency: in coins that were sold, the net price of what of them is not told as used
    (coin_liability); to who withdraws, the price of the legs under way (withdrawals_payable).

    Of the other accounts it proves nothing by itself: `zero_sum` has that each book adds up, `top_ups` that what was
    taken stands in it with its tax, and a clearing account is compared with its provider (reconciling.py).
    """
    numbers = json.dumps(dict(currencies.NUMBERS))
    yield from all_at_once("books", numbers=numbers)
    yield from all_at_once("payable", numbers=numbers)
