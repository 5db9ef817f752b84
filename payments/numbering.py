"""Numbers without a gap: the next of a series is taken in the transaction that writes the document.

A rollback gives it back, and the database refuses to commit one that stands on no document (sql/0011_invoices.sql).
"""

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
    year = now.astimezone(ZoneInfo(market.time_zone)).year
    series = f"{kind}:{market.code}:{year}"
    with connection.cursor() as cursor:
        cursor.execute(_TAKE, [series])
        (sequence,) = cursor.fetchone()
    return Number(series, sequence, f"{market.code}-{_MARKS[kind]}{year}-{sequence:06d}")


_TAKE = """
    INSERT INTO payments_invoiceseries (key, next) VALUES (%s, 2)
    ON CONFLICT (key) DO UPDATE SET next = payments_invoiceseries.next + 1
    RETURNING next - 1
"""
