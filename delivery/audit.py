"""What delivery adds to the audit: events, rollups and the ledger tell the same of every order (DESIGN.md 6.8)."""

from collections.abc import Iterator

from payments.audit import Chunk, register
from payments.audit.guards import hold
from payments.audit.walking import walk_uuids

CHUNK = 20_000
"""Orders, by whose ids events, rollups and transfers are looked up."""

# A charge is a transfer from the order's escrow of a journal of kind `charge`.
_CHARGES = """
    WITH told AS (
        SELECT id, sum(micros) AS micros FROM (
            SELECT order_id AS id, price_micros AS micros FROM delivery_event
             WHERE type = 0 AND charged AND order_id > %(after)s AND order_id <= %(up_to)s
            UNION ALL
            SELECT order_id, micros FROM delivery_dropped_day
             WHERE micros > 0 AND order_id > %(after)s AND order_id <= %(up_to)s) kept GROUP BY 1
    ), moved AS (
        SELECT o.id, charges.micros FROM orders_order o
         CROSS JOIN LATERAL (
               SELECT sum(t.amount) AS micros FROM payments_transfer t
                 JOIN payments_journal j ON j.id = t.journal_id AND j.key LIKE 'charge:%%'
                WHERE t.debit_id = o.escrow_id) charges
         WHERE charges.micros > 0 AND o.id > %(after)s AND o.id <= %(up_to)s
    )
    SELECT count(*), (array_agg(format('order %%s: events %%s, transfers %%s', id, coalesce(told.micros, 0),
                                       coalesce(moved.micros, 0)) ORDER BY id)
                      FILTER (WHERE coalesce(told.micros, 0) <> coalesce(moved.micros, 0)))[1]
      FROM told FULL JOIN moved USING (id)
"""
_ROLLUPS = """
    WITH told AS (
        SELECT id, sum(n)::bigint AS n, sum(micros) AS micros FROM (
            SELECT order_id AS id, count(*) AS n, coalesce(sum(price_micros) FILTER (WHERE charged), 0) AS micros
              FROM delivery_event WHERE type = 0 AND order_id > %(after)s AND order_id <= %(up_to)s GROUP BY 1
            UNION ALL
            SELECT order_id, impressions, micros FROM delivery_dropped_day
             WHERE order_id > %(after)s AND order_id <= %(up_to)s) kept GROUP BY 1
    ), by_minute AS (
        SELECT order_id AS id, sum(impressions) AS n, sum(charged_micros) AS micros FROM delivery_minute_rollup
         WHERE order_id > %(after)s AND order_id <= %(up_to)s GROUP BY 1 HAVING sum(impressions) > 0
    ), by_hour AS (
        SELECT order_id AS id, sum(impressions) AS n, sum(charged_micros) AS micros, dimension FROM delivery_hour_rollup
         WHERE order_id > %(after)s AND order_id <= %(up_to)s GROUP BY 1, 4 HAVING sum(impressions) > 0
    )
    SELECT count(*), (array_agg(format('order %%s: its rollups are not its events', id) ORDER BY id)
                      FILTER (WHERE (told.n, told.micros) IS DISTINCT FROM (m.n, m.micros)
                                 OR EXISTS (SELECT FROM by_hour h
                                             WHERE h.id = told.id AND (h.n, h.micros) <> (told.n, told.micros))))[1]
      FROM told FULL JOIN by_minute m USING (id)
"""
# What went back is what was marked, and what moved for it left our spend.
_RETURNS = """
    WITH judged AS (
        SELECT r.id, r.order_id,
               r.micros = (SELECT sum(c.price_micros) FROM delivery_invalid_charge c WHERE c.returned_id = r.id)
               AND CASE WHEN r.after_settlement THEN r.coins * 1000000 + r.coupon_micros ELSE r.micros END
                 = coalesce((SELECT sum(t.amount) FROM payments_journal j
                               JOIN payments_transfer t ON t.journal_id = j.id
                               JOIN payments_ledgeraccount a ON a.id = t.debit_id AND a.code = 'spend'
                              WHERE j.key = 'charge_return:ret_' || replace(r.id::text, '-', '')), 0) AS fits
          FROM delivery_charge_return r WHERE r.id > %(after)s AND r.id <= %(up_to)s
    )
    SELECT count(*), (array_agg(format('order %%s: what was returned is not what was marked', order_id) ORDER BY id)
                      FILTER (WHERE fits IS NOT TRUE))[1] FROM judged
"""


@register("delivery_guards")
def guards() -> Iterator[Chunk]:
    """Delivery's constraints and triggers are there, valid, switched on, and as they were written."""
    yield from hold("delivery")


@register("charge_returns")
def charge_returns() -> Iterator[Chunk]:
    """What was returned of an order's charges is what was marked, and moved."""
    yield from walk_uuids("delivery_charge_return", _RETURNS, size=CHUNK)


@register("charges_are_transfers")
def charges_are_transfers() -> Iterator[Chunk]:
    """What an order's charged events cost left its escrow, and nothing else did by a charge."""
    yield from walk_uuids("orders_order", _CHARGES, size=CHUNK)


@register("rollups_are_events")
def rollups_are_events() -> Iterator[Chunk]:
    """An order's rollups, by minute and by hour, add up to its events."""
    yield from walk_uuids("orders_order", _ROLLUPS, size=CHUNK)
