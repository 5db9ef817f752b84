"""Amounts of a currency as finance reads them."""

from functools import cache

from promote.markets.models import Market
from promote.money import format_price


def shown(amount_minor: int, currency: str) -> str:
    """`−US$1.00`; by two decimals where no market has the currency."""
    return ("−" if amount_minor < 0 else "") + format_price(abs(amount_minor), currency, _exponent(currency))


@cache
def _exponent(currency: str) -> int:
    market = Market.objects.filter(currency=currency).first()
    return market.exponent if market else 2
