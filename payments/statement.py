"""The statement: every event that moved an account's free coins, newest first, with the balance after it."""

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from django.db import connection
from django.utils.translation import gettext_lazy as _

from payments.models import AccountKind
from promote.accounts.models import Account
from promote.money import MICROS
from promote.refusals import Text

_MOST = 500
WORDS: dict[str, Text] = {
    "grant": _("Coins given to you"),
    "top_up": _("Top-up"),
    "order_pay": _("Promotion paid"),
    "order_settle": _("Unspent coins returned"),
    "charge_return": _("Invalid charges returned"),
    "gift": _("Gift in a live"),
    "clawback": _("Coins taken back"),
    "clawback_undone": _("Coins given back"),
    "withdrawal": _("Withdrawal"),
    "withdrawal_failed": _("Withdrawal came back"),
    "correction": _("Correction by our staff"),
    "write_off": _("Debt written off"),
    "expiry": _("Coins expired"),
}


@dataclass(frozen=True, slots=True)
class StatementEntry:
    id: str
    at: datetime
    kind: str
    title: Text
    ref: str
    coins: int
    """What it changed of the free coins: below zero for what left."""
    debt_coins: int
    """What it changed of what is owed: below zero for what was repaid."""
    balance_coins: int
    """Free coins after it."""


@dataclass(frozen=True, slots=True)
class StatementPage:
    entries: list[StatementEntry]
    next_cursor: int | None


def statement(*, account: Account, cursor: int | None = None, limit: int = 50) -> StatementPage:
    """Up to `limit` entries older than `cursor` (a journal id), newest first.

    One statement of SQL, hence one snapshot: the balances run back from what the lots hold in it.
    """
    asked = {
        "owner": account.id,
        "before": cursor,
        "limit": limit + 1,
        "lot": AccountKind.LOT,
        "debt": AccountKind.DEBT,
    }
    with connection.cursor() as rows:
        rows.execute(_STATEMENT, asked)
        found = rows.fetchall()
    entries = [_entry(*row[1:]) for row in found[:limit]]
    return StatementPage(entries, found[limit - 1][0] if len(found) > limit else None)


def everything(*, account: Account) -> Iterator[StatementEntry]:
    """All of it, newest first, read page by page. What commits meanwhile is newer than the first page: left out."""
    cursor = None
    while True:
        page = statement(account=account, cursor=cursor, limit=_MOST)
        yield from page.entries
        if page.next_cursor is None:
            return
        cursor = page.next_cursor


def _entry(key: str, at: datetime, kind: str, ref: str, change: int, debt: int, after: int) -> StatementEntry:
    # Of the key, since a journal's number would tell how much business there is.
    return StatementEntry(
        id=f"ent_{hashlib.sha256(key.encode()).hexdigest()[:32]}",
        at=at,
        kind=kind,
        title=WORDS.get(kind, kind),
        ref=ref,
        coins=change // MICROS,
        debt_coins=debt // MICROS,
        balance_coins=after // MICROS,
    )


_STATEMENT = """
    WITH own AS (
        SELECT id, kind = %(debt)s AS debt, credits - debits AS balance FROM payments_ledgeraccount
         WHERE owner = %(owner)s AND kind IN (%(lot)s, %(debt)s) AND NOT closed
    ), moved AS (
        SELECT t.journal_id, own.debt, t.amount AS micros
          FROM own JOIN payments_transfer t ON t.credit_id = own.id
        UNION ALL
        SELECT t.journal_id, own.debt, -t.amount
          FROM own JOIN payments_transfer t ON t.debit_id = own.id
    ), entries AS (
        SELECT journal_id,
               coalesce(sum(micros) FILTER (WHERE NOT debt), 0) AS change,
               coalesce(-sum(micros) FILTER (WHERE debt), 0) AS owed
          FROM moved GROUP BY journal_id
    ), running AS (
        SELECT entries.*,
               (SELECT coalesce(sum(balance), 0) FROM own WHERE NOT debt) - coalesce(sum(change) OVER (
                   ORDER BY journal_id DESC ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING), 0) AS after
          FROM entries
    )
    SELECT j.id, j.key, j.created_at, j.kind, j.ref,
           running.change::bigint, running.owed::bigint, running.after::bigint
      FROM running JOIN payments_journal j ON j.id = running.journal_id
     WHERE %(before)s::bigint IS NULL OR j.id < %(before)s
     ORDER BY j.id DESC LIMIT %(limit)s
"""
