"""Our references for transfers: ISO 11649 creditor references of ten digits, `RF28 1000 0000 19`.

The two check digits (ISO 7064, MOD 97-10) catch any one wrong digit and any two that changed places.
"""

import re

from django.db import connection

_BODY_DIGITS = 10
_LETTERS = "2715"
"""RF as numbers: R is 27, F is 15."""
_ANYWHERE = re.compile(r"(?=RF(\d{2})(\d{10}))", re.ASCII)


def take() -> str:
    """The next reference; no two are alike."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT nextval('payments_bank_reference')")
        (number,) = cursor.fetchone()
    return of(number)


def of(number: int) -> str:
    body = f"{number:0{_BODY_DIGITS}d}"
    return f"RF{_check(body)}{body}"


def find(text: str) -> list[str]:
    """The references in a text, in whatever way it is spaced, cut by lines, or written small. Wrong ones are none."""
    dense = re.sub(r"[^0-9A-Z]", "", text.upper())
    found = [f"RF{check}{body}" for check, body in _ANYWHERE.findall(dense) if check == _check(body)]
    return list(dict.fromkeys(found))


def grouped(reference: str) -> str:
    """As people read and type it: `RF28 1000 0000 19`."""
    return " ".join(reference[at : at + 4] for at in range(0, len(reference), 4))


def _check(body: str) -> str:
    return f"{98 - int(f'{body}{_LETTERS}00') % 97:02d}"
