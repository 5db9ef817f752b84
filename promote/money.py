"""Units of money. Coins are whole to people, the ledger counts micros, fiat is in minor units. No float holds money."""

from dataclasses import dataclass

from django.utils.formats import number_format
from django.utils.translation import ngettext

MICROS = 1_000_000
"""Micros in a coin."""

_SIGNS = {
    "USD": "US$",
    "AUD": "A$",
    "CAD": "CA$",
    "GBP": "£",
    "EUR": "€",
    "JPY": "¥",
    "KRW": "₩",
    "IDR": "Rp",
    "THB": "฿",
}
_WITHOUT_CENTS = {"IDR"}
"""Currencies whose ISO minor unit exists on paper only and is never shown."""


@dataclass(frozen=True, slots=True)
class Price:
    """An amount of fiat in ISO 4217 minor units."""

    amount_minor: int
    currency: str

    def as_dict(self) -> dict[str, int | str]:
        return {"amount_minor": self.amount_minor, "currency": self.currency}


def exponent(currency: str) -> int:
    """How many digits of an amount in minor units are decimals, by ISO 4217; two where it is not in the list."""
    from iso4217 import Currency  # reads the whole list

    try:
        digits = Currency(currency).exponent
    except ValueError:
        digits = None
    return 2 if digits is None else digits


def coins_to_micros(coins: int) -> int:
    return coins * MICROS


def micros_to_coins_floor(micros: int) -> int:
    """Whole coins in so many micros, rounded down, as a settlement rounds a user's spend."""
    return micros // MICROS


def micros_to_coins_ceil(micros: int) -> int:
    """Whole coins that cover so many micros, rounded up, as what is owed or missing is told."""
    return -(-micros // MICROS)


def format_coins(coins: int) -> str:
    """`700 coins`, grouped as the reader's language does."""
    return ngettext("%(coins)s coin", "%(coins)s coins", coins) % {"coins": number_format(coins, force_grouping=True)}


def format_micros(micros: int) -> str:
    """Micros as coins with up to two decimals, for costs below one coin: `0.35`."""
    hundredths = micros * 100 // MICROS
    whole, part = divmod(hundredths, 100)
    return number_format(f"{whole}.{part:02d}" if part else whole, force_grouping=True)


def typed(amount_minor: int, exponent: int) -> str:
    """An amount as it is typed into a bank's form, whatever the reader's language: `80000`, `9.50`."""
    whole, part = divmod(amount_minor, 10**exponent)
    return f"{whole}.{part:0{exponent}d}" if part else str(whole)


def format_price(amount_minor: int, currency: str, exponent: int) -> str:
    """`US$9.90`, `Rp160,000`: the sign in front, decimals as the currency is really used."""
    sign = _SIGNS.get(currency, f"{currency} ")
    if exponent == 0 or (currency in _WITHOUT_CENTS and amount_minor % 10**exponent == 0):
        return sign + number_format(amount_minor // 10**exponent, force_grouping=True)
    whole, part = divmod(amount_minor, 10**exponent)
    return sign + number_format(f"{whole}.{part:0{exponent}d}", decimal_pos=exponent, force_grouping=True)
