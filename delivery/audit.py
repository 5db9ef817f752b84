"""What delivery adds to the audit: events, rollups and the ledger tell the same of every order (DESIGN.md 6.8)."""

from collections.abc import Iterator

from django.db import connection

from payments.audit import Chunk, register

# A charge is a transfer from the order's escrow of a journal of kind `charge`.
_CHARGES = """
    WITH told AS (
        SELECT id, sum(micros) AS micros FROM (
            SELECT order_id AS id, price_micros AS micros FROM delivery_event WHERE charged
            UNION ALL SELECT order_id, micros FROM delivery_dropped_day WHERE micros > 0) kept GROUP BY 1
    ), moved AS (
        SELECT o.id, sum(t.amount) AS micros
          FROM payments_transfer t
          JOIN payments_journal j ON j.id = t.journal_id AND j.key LIKE 'charge:%'
          JOIN orders_order o ON o.escrow_id = t.debit_id GROUP BY 1
    )
    SELECT coalesce(told.id, moved.id), coalesce(told.micros, 0), coalesce(moved.micros, 0)
      FROM told FULL JOIN moved USING (id)
"""
_ROLLUPS = """
    WITH told AS (
        SELECT id, sum(n)::bigint AS n, sum(micros) AS micros FROM (
            SELECT order_id AS id, count(*) AS n, coalesce(sum(price_micros) FILTER (WHERE charged), 0) AS micros
              FROM delivery_event WHERE type = 0 GROUP BY 1
            UNION ALL SELECT order_id, impressions, micros FROM delivery_dropped_day) kept GROUP BY 1
    ), by_minute AS (
        SELECT order_id AS id, sum(impressions) AS n, sum(charged_micros) AS micros
          FROM delivery_minute_rollup GROUP BY 1 HAVING sum(impressions) > 0
    ), by_hour AS (
        SELECT order_id AS id, sum(impressions) AS n, sum(charged_micros) AS micros, dimension
          FROM delivery_hour_rollup GROUP BY 1, 4 HAVING sum(impressions) > 0
    )
    SELECT coalesce(told.id, m.id),
           (told.n, told.micros) IS NOT DISTINCT FROM (m.n, m.micros)
           AND NOT EXISTS (SELECT FROM by_hour h WHERE h.id = told.id AND (h.n, h.micros) <> (told.n, told.micros))
      FROM told FULL JOIN by_minute m USING (id)
"""
# What went back is what was marked, and what moved for it left our spend.
_RETURNS = """
    SELECT r.order_id,
           r.micros = (SELECT sum(c.price_micros) FROM delivery_invalid_charge c WHERE c.returned_id = r.id)
           AND CASE WHEN r.after_settlement THEN r.coins * 1000000 + r.coupon_micros ELSE r.micros END
             = coalesce((SELECT sum(t.amount) FROM payments_journal j
                           JOIN payments_transfer t ON t.journal_id = j.id
                           JOIN payments_ledgeraccount a ON a.id = t.debit_id AND a.code = 'spend'
                          WHERE j.key = 'charge_return:ret_' || replace(r.id::text, '-', '')), 0)
      FROM delivery_charge_return r
"""


@register("charge_returns")
def charge_returns() -> Iterator[Chunk]:
    with connection.cursor() as cursor:
        cursor.execute(_RETURNS)
        rows = cursor.fetchall()
    wrong = next((row for row in rows if not row[1]), None)
    yield Chunk(len(rows), f"order {wrong[0]}: what was returned is not what was marked" if wrong else None)


@register("charges_are_transfers")
def charges_are_transfers() -> Iterator[Chunk]:
    with connection.cursor() as cursor:
        cursor.execute(_CHARGES)
        rows = cursor.fetchall()
    wrong = next((row for row in rows if row[1] != row[2]), None)
    yield Chunk(len(rows), f"order {wrong[0]}: events {wrong[1]}, transfers {wrong[2]}" if wrong else None)


@register("rollups_are_events")
def rollups_are_events() -> Iterator[Chunk]:
    with connection.cursor() as cursor:
        cursor.execute(_ROLLUPS)
        rows = cursor.fetchall()
    wrong = next((row for row in rows if not row[1]), None)
    yield Chunk(len(rows), f"order {wrong[0]}: its rollups are not its events" if wrong else None)
