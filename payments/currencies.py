"""ISO 4217 numbers: a currency's ledger is its number. Source: ISO 4217 list one (amendment 176)."""

from collections.abc import Mapping

NUMBERS: Mapping[str, int] = {
    "AED": 784, "ARS": 32, "AUD": 36, "BDT": 50, "BGN": 975, "BHD": 48, "BRL": 986, "CAD": 124, "CHF": 756,
    "CLP": 152, "CNY": 156, "COP": 170, "CZK": 203, "DKK": 208, "DZD": 12, "EGP": 818, "EUR": 978, "GBP": 826,
    "GEL": 981, "GHS": 936, "HKD": 344, "HUF": 348, "IDR": 360, "ILS": 376, "INR": 356, "IQD": 368, "ISK": 352,
    "JOD": 400, "JPY": 392, "KES": 404, "KHR": 116, "KRW": 410, "KWD": 414, "KZT": 398, "LAK": 418, "LBP": 422,
    "LKR": 144, "MAD": 504, "MMK": 104, "MXN": 484, "MYR": 458, "NGN": 566, "NOK": 578, "NPR": 524, "NZD": 554,
    "OMR": 512, "PEN": 604, "PHP": 608, "PKR": 586, "PLN": 985, "QAR": 634, "RON": 946, "RSD": 941, "SAR": 682,
    "SEK": 752, "SGD": 702, "THB": 764, "TND": 788, "TRY": 949, "TWD": 901, "UAH": 980, "USD": 840, "UYU": 858,
    "UZS": 860, "VND": 704, "ZAR": 710,
}  # fmt: skip


def ledger_of(currency: str) -> int:
    """The ledger of a currency: `USD` → 840. Raises KeyError for one that we don't know."""
    return NUMBERS[currency]


def code_of(number: int) -> str:
    """The currency of a ledger: 840 → `USD`."""
    return _CODES[number]


_CODES = {number: code for code, number in NUMBERS.items()}
