"""Card numbers that somebody types where none belongs: refused, so that none is kept or printed.

Source: payments.md 7 (PCI). Not asked of tax ids and phone numbers, which are long numbers themselves.
"""

import re
from collections.abc import Mapping

from django.utils.translation import gettext_lazy as _

from promote.refusals import FieldError, Invalid

_LONG_NUMBERS = re.compile(r"(?<!\d)\d(?:[ .-]?\d){12,18}(?!\d)", re.ASCII)


def refuse(texts: Mapping[str, str]) -> None:
    """Raises Invalid, which names the fields with a card number in them."""
    told = _("This holds a card number, and we keep none: a card is given on the payment provider's page only.")
    if found := [name for name, text in texts.items() if _is_in(text)]:
        raise Invalid([FieldError(name, "card_number", told) for name in found])


def _is_in(text: str) -> bool:
    numbers = (re.sub(r"\D", "", found) for found in _LONG_NUMBERS.findall(text))
    return any(number[0] in "3456" and _adds_up(number) for number in numbers)


def _adds_up(digits: str) -> bool:
    """Luhn's sum, by which card numbers are known."""
    doubled = [sum(divmod(int(digit) * 2, 10)) for digit in digits[-2::-2]]
    return (sum(doubled) + sum(int(digit) for digit in digits[-1::-2])) % 10 == 0
