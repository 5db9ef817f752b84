"""What a statement's line says, whatever file it came in, and what is said where a file can't be read."""

import hashlib
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import date

from promote.refusals import FieldError, Invalid, Text

MOST_ROWS = 20_000


@dataclass(frozen=True, slots=True)
class Row:
    """`amount_minor` is below 0 for what left the account. `ref` is the bank's own id of the line, where it has one."""

    ref: str
    booked_on: date
    amount_minor: int
    currency: str
    text: str
    payer: str
    payer_account: str


def unreadable(told: Text) -> Invalid:
    return Invalid([FieldError("file", "invalid", told)])


def with_refs(rows: Iterable[Row]) -> list[Row]:
    """Rows without an id of the bank's get one of what they say; the second that says the same is `…:2`.

    So a line that comes again in a later statement of the same day has the same id.
    """
    seen: Counter[str] = Counter()
    named = []
    for row in rows:
        if row.ref:
            named.append(row)
            continue
        said = "|".join((row.booked_on.isoformat(), str(row.amount_minor), row.currency, row.text, row.payer_account))
        digest = hashlib.sha256(said.encode()).hexdigest()[:32]
        seen[digest] += 1
        named.append(replace(row, ref=f"own:{digest}:{seen[digest]}"))
    return named
