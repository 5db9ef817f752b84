"""Numbers without a gap: the next of a series is taken in the transaction that writes the document.

A rollback gives it back, and the database refuses to commit one that stands on no document (sql/0037_numbers.sql).
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from zoneinfo import ZoneInfo

from django.db import connection

from payments.models import InvoiceKind
from promote.markets.models import Market

_MARKS = {InvoiceKind.INVOICE: "", InvoiceKind.RECEIPT: "R-", InvoiceKind.CREDIT_NOTE: "C-"}


@dataclass(frozen=True, slots=True)
class Number:
    series: str
    sequence: int
    text: str


def take(*, kind: InvoiceKind, market: Market, now: datetime) -> Number:
    """The next number of the kind, market and year there: `ID-2026-000041`, `ID-R-2026-000007`.

    Call it last: until the caller's transaction ends, others of the series wait.
    """
    return take_many([market], kind=kind, now=now)[0]


def take_many(markets: Sequence[Market], *, kind: InvoiceKind, now: datetime) -> list[Number]:
    """As `take`, a number for each document of these markets, in their order; series by series, in theirs."""
    years = {market.code: now.astimezone(ZoneInfo(market.time_zone)).year for market in markets}
    counts = Counter(market.code for market in markets)
    last = {code: _counted(f"{kind}:{code}:{years[code]}", counts[code]) for code in sorted(counts)}
    next_of = {code: last[code] - counts[code] + 1 for code in counts}
    numbers = []
    for market in markets:
        sequence, year = next_of[market.code], years[market.code]
        next_of[market.code] += 1
        text = f"{market.code}-{_MARKS[kind]}{year}-{sequence:06d}"
        numbers.append(Number(f"{kind}:{market.code}:{year}", sequence, text))
    return numbers


def _counted(series: str, count: int) -> int:
    """The last of `count` numbers more."""
    with connection.cursor() as cursor:
        cursor.execute(_TAKE, {"series": series, "count": count})
        return int(cursor.fetchone()[0])


_TAKE = """
    INSERT INTO payments_invoiceseries (key, next) VALUES (%(series)s, %(count)s + 1)
    ON CONFLICT (key) DO UPDATE SET next = payments_invoiceseries.next + %(count)s
    RETURNING next - 1
"""
