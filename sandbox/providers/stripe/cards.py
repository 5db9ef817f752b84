"""Stripe's published test cards and what each does. A number that is none of them is refused: no real card here.

A number lives only as long as the call that reads it; kept are brand, last four digits and expiry, and which of the
published cards it was.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any


@dataclass(frozen=True)
class TestCard:
    number: str
    brand: str
    country: str
    note: str
    decline_code: str | None = None
    error_code: str = "card_declined"
    challenge: bool = False
    always_asks: bool = False
    """Also from a card that is saved, while its holder is away."""


_D = "Your card was declined."
MESSAGES = {
    "generic_decline": _D,
    "insufficient_funds": "Your card has insufficient funds.",
    "lost_card": _D,
    "stolen_card": _D,
    "expired_card": "Your card has expired.",
    "incorrect_cvc": "Your card's security code is incorrect.",
    "processing_error": "An error occurred while processing your card. Try again in a little bit.",
    "test_mode_live_card": "Your card was declined. Your request was in test mode, but used a non test (live) card.",
}

TEST_CARDS = (
    TestCard("4242424242424242", "visa", "US", "Pays"),
    TestCard("5555555555554444", "mastercard", "US", "Pays"),
    TestCard("378282246310005", "amex", "US", "Pays"),
    TestCard("4000003600000006", "visa", "ID", "Pays, issued in Indonesia"),
    TestCard("4000007640000003", "visa", "TH", "Pays, issued in Thailand"),
    TestCard(
        "4000002760003184", "visa", "DE", "Asks its holder each time (3D Secure)", challenge=True, always_asks=True
    ),
    TestCard("4000002500003155", "visa", "FR", "Asks its holder until it is saved (3D Secure)", challenge=True),
    TestCard("4000000000000002", "visa", "US", "Declined", "generic_decline"),
    TestCard("4000000000009995", "visa", "US", "Insufficient funds", "insufficient_funds"),
    TestCard("4000000000009987", "visa", "US", "Lost card", "lost_card"),
    TestCard("4000000000009979", "visa", "US", "Stolen card", "stolen_card"),
    TestCard("4000000000000069", "visa", "US", "Expired card", "expired_card", "expired_card"),
    TestCard("4000000000000127", "visa", "US", "Wrong security code", "incorrect_cvc", "incorrect_cvc"),
    TestCard("4000000000000119", "visa", "US", "Processing error", "processing_error", "processing_error"),
)
_BY_NUMBER = {card.number: card for card in TEST_CARDS}
_LIVE = TestCard("", "unknown", "US", "", "test_mode_live_card")


def name_of(card: TestCard) -> int | None:
    """Which of the published cards it is: kept instead of its number."""
    return TEST_CARDS.index(card) if card in TEST_CARDS else None


def named(name: int | None) -> TestCard | None:
    return None if name is None else TEST_CARDS[name]


class FieldProblem(Exception):
    """What the payer typed can't be a card: told beside the field, nothing is sent to a bank."""

    def __init__(self, field: str, message: str) -> None:
        super().__init__(message)
        self.field = field


@dataclass(frozen=True)
class Entered:
    """A card as typed, reduced to what may be kept."""

    card: TestCard
    last4: str
    exp_month: int
    exp_year: int

    def details(self) -> dict[str, Any]:
        return {
            "brand": self.card.brand,
            "checks": {"address_line1_check": None, "address_postal_code_check": None, "cvc_check": "pass"},
            "country": self.card.country,
            "exp_month": self.exp_month,
            "exp_year": self.exp_year,
            "funding": "credit",
            "last4": self.last4,
            "network": self.card.brand,
        }


def read(*, number: str, expiry: str, cvc: str, now: datetime | None = None) -> Entered:
    """The entered card, or FieldProblem for the first field that can't be right."""
    digits = re.sub(r"[\s-]", "", number)
    if not digits.isascii() or not digits.isdigit() or not 13 <= len(digits) <= 19 or not _luhn(digits):
        raise FieldProblem("number", "Your card number is invalid.")
    month, year = _expiry(expiry, now or datetime.now(UTC))
    if not re.fullmatch(r"\d{3,4}", cvc.strip(), re.ASCII):
        raise FieldProblem("cvc", "Your card's security code is incomplete.")
    return Entered(card=_BY_NUMBER.get(digits, _LIVE), last4=digits[-4:], exp_month=month, exp_year=year)


def _expiry(text: str, now: datetime) -> tuple[int, int]:
    match = re.fullmatch(r"\s*(\d{1,2})\s*[/\s-]?\s*(\d{2}|\d{4})\s*", text, re.ASCII)
    if match is None:
        raise FieldProblem("expiry", "Your card's expiration date is incomplete.")
    month, year = int(match[1]), int(match[2])
    year += 2000 if year < 100 else 0
    if not 1 <= month <= 12:
        raise FieldProblem("expiry", "Your card's expiration date is invalid.")
    if (year, month) < (now.year, now.month) or year > now.year + 50:
        raise FieldProblem("expiry", "Your card's expiration year is in the past.")
    return month, year


def _luhn(digits: str) -> bool:
    total = 0
    for place, digit in enumerate(reversed(digits)):
        value = int(digit) * (1 + place % 2)
        total += value - 9 if value > 9 else value
    return total % 10 == 0
