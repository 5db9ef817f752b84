"""Balances of hot accounts: a checkpoint and what came since. Source: DESIGN.md 6.3, payments.md 1.2.

A checkpoint covers the transactions below the oldest one still running when it was taken, so a transfer that commits
late with a low id is never missed. The database makes it and nobody else can (sql/0052_checkpoints.sql), since who
writes one writes a balance. Transaction ids belong to one PostgreSQL cluster: after a restore into another one the
checkpoints are to be deleted (docs/runbook.md).
"""

from collections.abc import Collection
from datetime import datetime

from django.db import connection


def take(now: datetime) -> int:
    """Writes a checkpoint for every hot account that moved since its last; how many."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT payments_take_checkpoints(%s)", [now])
        return int(cursor.fetchone()[0])


def balance(account_id: int) -> int:
    """Credits less debits of a hot account, as committed: micros, or minor units."""
    return balances([account_id])[account_id]


def balances(account_ids: Collection[int]) -> dict[int, int]:
    """As `balance`, of many hot accounts."""
    with connection.cursor() as cursor:
        cursor.execute(_BALANCES, [list(account_ids)])
        return {id_: int(units) for id_, units in cursor.fetchall()}


_LAST = """
    SELECT account_id, up_to, debits, credits FROM payments_checkpoint last
     WHERE last.account_id = a.id ORDER BY up_to DESC LIMIT 1
"""
_SINCE = """
    SELECT coalesce(sum(side.debits), 0) AS debits, coalesce(sum(side.credits), 0) AS credits
      FROM (SELECT amount AS debits, 0 AS credits FROM payments_transfer
             WHERE debit_id = a.id AND xid >= coalesce(last.up_to, '0'::xid8)
            UNION ALL
            SELECT 0, amount FROM payments_transfer
             WHERE credit_id = a.id AND xid >= coalesce(last.up_to, '0'::xid8)) side
"""
_BALANCES = f"""
    SELECT a.id, coalesce(last.credits, 0) + since.credits - coalesce(last.debits, 0) - since.debits
      FROM payments_ledgeraccount a
      LEFT JOIN LATERAL ({_LAST}) last ON true
      CROSS JOIN LATERAL ({_SINCE}) since
     WHERE a.id = ANY(%s)
"""  # noqa: S608  (constants of this file)
