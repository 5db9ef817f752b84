"""Minor units to the decimal strings that some providers count in, and back, to the last digit."""

import re
from collections.abc import Iterable
from decimal import Decimal
from fractions import Fraction

from promote.money import exponent

_AMOUNT = re.compile(r"\d{1,15}(\.\d{1,10})?", re.ASCII)


def parts(total_minor: int, shares: Iterable[Fraction]) -> list[int]:
    """What each share of a whole comes to, rounded down from the sum so far: all of them add up to the whole."""
    found, before = [], Fraction(0)
    for share in shares:
        after = before + share
        found.append(int(total_minor * after) - int(total_minor * before))
        before = after
    return found


def to_decimal(amount_minor: int, currency: str) -> str:
    """990 USD → `9.90`; 150 JPY → `150`."""
    digits = exponent(currency)
    whole, part = divmod(amount_minor, 10**digits)
    return f"{whole}.{part:0{digits}d}" if digits else str(whole)


def to_minor(text: object, currency: str) -> int:
    """`9.90` USD → 990. Raises ValueError where it is no amount, or finer than the currency counts."""
    if not _AMOUNT.fullmatch(str(text)):
        raise ValueError(f"not an amount: {str(text)[:40]!r}")
    scaled = Decimal(str(text)).scaleb(exponent(currency))
    whole = int(scaled)
    if whole != scaled:
        raise ValueError(f"not an amount of {currency}: {text!r}")
    return whole


def to_minor_signed(text: object, currency: str) -> int:
    """`-9.90` USD → -990. Raises ValueError as `to_minor` does."""
    plain = str(text)
    return -to_minor(plain[1:], currency) if plain.startswith("-") else to_minor(plain, currency)
