"""Tax that a price includes, and the price of a part of a lot: integer arithmetic, cumulative, so that parts add up."""

from decimal import Decimal

PER_MYRIAD = 10_000


def within(gross_minor: int, percent: Decimal) -> int:
    """The tax that `gross_minor` includes at `percent`, in minor units, rounded half up.

    The rate has two decimals (a market's row), so in ten-thousandths it is whole: nothing is lost.
    """
    rate = int(percent * 100)
    return (2 * gross_minor * rate + PER_MYRIAD + rate) // (2 * (PER_MYRIAD + rate))


def share_of(tax_minor: int, *, part: int, whole: int) -> int:
    """The tax of a part of what was taxed as a whole: rounded half up; of all of it, all of it."""
    return (2 * tax_minor * part + whole) // (2 * whole)


def price_so_far(*, paid_minor: int, lot_micros: int, used_micros: int) -> int:
    """What the first `used_micros` of a lot cost: floor(paid × used ÷ coins). All of it costs what was paid."""
    return paid_minor * used_micros // lot_micros
