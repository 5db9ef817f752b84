"""Identifiers that look like Stripe's: a prefix, then letters and digits that can't be guessed."""

from __future__ import annotations

import secrets
import string

_ALPHABET = string.ascii_letters + string.digits

# length of the random part, as seen in the documentation's examples
_LENGTHS = {"cs_test": 58, "cus": 14, "re": 24, "req": 14}


def new(prefix: str) -> str:
    return f"{prefix}_{text(_LENGTHS.get(prefix, 24))}"


def text(length: int) -> str:
    return "".join(secrets.choice(_ALPHABET) for _ in range(length))
