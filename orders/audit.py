"""What must hold between orders and the ledger; run by `manage.py audit` with payments' own checks (DESIGN.md 6.11)."""

from collections.abc import Iterator
from uuid import UUID

from django.db import connection

from payments.audit import Chunk, register
from payments.audit.guards import hold

CHUNK = 5_000
_LEAST = UUID(int=0)

# Per order what the ledger says moved into and out of its escrow, by the kind of the other account.
_NUMBERS = """
WITH orders AS (
    SELECT * FROM orders_order WHERE id > %(after)s ORDER BY id LIMIT %(size)s
), moves AS (
    -- A charge that went back into the escrow is a charge less, not a rounding.
    SELECT o.id, CASE WHEN j.kind = 'charge_return' THEN 'returned' ELSE other.kind END AS kind,
           t.amount AS received, 0 AS given FROM orders o
      JOIN payments_transfer t ON t.credit_id = o.escrow_id JOIN payments_ledgeraccount other ON other.id = t.debit_id
      JOIN payments_journal j ON j.id = t.journal_id
    UNION ALL
    SELECT o.id, other.kind, 0, t.amount FROM orders o
      JOIN payments_transfer t ON t.debit_id = o.escrow_id JOIN payments_ledgeraccount other ON other.id = t.credit_id
), sums AS (
    SELECT id,
           coalesce(sum(received) FILTER (WHERE kind = 'lot'), 0) AS paid,
           coalesce(sum(received) FILTER (WHERE kind = 'campaign'), 0) AS coupon,
           coalesce(sum(given) FILTER (WHERE kind = 'platform'), 0)
               - coalesce(sum(received) FILTER (WHERE kind = 'returned'), 0) AS charged,
           coalesce(sum(received) FILTER (WHERE kind = 'platform'), 0) AS rounding,
           coalesce(sum(given) FILTER (WHERE kind = 'lot'), 0) AS refunded,
           coalesce(sum(given) FILTER (WHERE kind = 'campaign'), 0) AS coupon_rest,
           coalesce(sum(received) - sum(given), 0) AS balance
      FROM moves GROUP BY id
), judged AS (
    SELECT o.id, CASE
        WHEN e.id IS NULL OR e.kind <> 'escrow' THEN 'has no escrow'
        WHEN e.owner IS DISTINCT FROM o.account_id THEN 'has the escrow of another account'
        WHEN s.paid <> o.pay_coins * 1000000 THEN 'was not paid what it says'
        WHEN s.coupon <> o.coupon_coins * 1000000 THEN 'did not get the coupon that it says'
        WHEN s.charged > s.paid + s.coupon THEN 'was charged more than was paid'
        WHEN o.status NOT IN ('settled', 'rejected', 'cancelled') AND e.closed THEN 'is open, its escrow is closed'
        WHEN o.status NOT IN ('settled', 'rejected', 'cancelled') THEN NULL
        WHEN NOT e.closed OR s.balance <> 0 THEN 'is final, its escrow is not emptied'
        WHEN s.charged <> o.charged_micros THEN 'was not charged what it says'
        WHEN s.refunded <> o.refunded_coins * 1000000 THEN 'did not return what it says'
        WHEN s.coupon - s.coupon_rest <> o.coupon_spent_micros THEN 'did not spend the coupon that it says'
        WHEN s.charged - s.rounding <> o.spent_coins * 1000000 + o.coupon_spent_micros THEN 'spent other than it says'
    END AS wrong
      FROM orders o LEFT JOIN sums s ON s.id = o.id LEFT JOIN payments_ledgeraccount e ON e.id = o.escrow_id
)
SELECT count(*), (array_agg(id ORDER BY id DESC))[1],
       (array_agg('order ' || id || ' ' || wrong ORDER BY id) FILTER (WHERE wrong IS NOT NULL))[1]
  FROM judged
"""

_HISTORIES = """
WITH orders AS (
    SELECT id, status FROM orders_order WHERE id > %(after)s ORDER BY id LIMIT %(size)s
), judged AS (
    SELECT o.id, CASE WHEN h.to_status IS DISTINCT FROM o.status
                      THEN 'is ' || o.status || ', its history says ' || coalesce(h.to_status, 'nothing') END AS wrong
      FROM orders o LEFT JOIN LATERAL (
          SELECT to_status FROM orders_ordertransition t WHERE t.order_id = o.id ORDER BY t.id DESC LIMIT 1) h ON true
)
SELECT count(*), (array_agg(id ORDER BY id DESC))[1],
       (array_agg('order ' || id || ' ' || wrong ORDER BY id) FILTER (WHERE wrong IS NOT NULL))[1]
  FROM judged
"""


@register("order_guards")
def guards() -> Iterator[Chunk]:
    """Orders' constraints and triggers are there, valid, switched on, and as they were written."""
    yield from hold("orders")


@register("order_numbers")
def orders() -> Iterator[Chunk]:
    """Each order's numbers are those of its escrow; a final one's escrow is empty and closed."""
    yield from _walk(_NUMBERS)


@register("order_histories")
def order_histories() -> Iterator[Chunk]:
    """Each order stands where its history's last row left it."""
    yield from _walk(_HISTORIES)


@register("order_escrows")
def escrows() -> Iterator[Chunk]:
    """Each order's escrow belongs to an order."""
    with connection.cursor() as cursor:
        cursor.execute(
            """SELECT count(*), min(e.id) FILTER (WHERE o.id IS NULL) FROM payments_ledgeraccount e
                 LEFT JOIN orders_order o ON o.escrow_id = e.id WHERE e.kind = 'escrow'"""
        )
        seen, wrong = cursor.fetchone()
    yield Chunk(seen, f"escrow {wrong} belongs to no order" if wrong is not None else None)


@register("order_offers")
def offers() -> Iterator[Chunk]:
    """An offer is in use by just the order that holds it, and used only where that spent something."""
    with connection.cursor() as cursor:
        cursor.execute(
            """WITH held AS (
                   SELECT f.id, f.status,
                          count(o.id) FILTER (WHERE o.refunded_at IS NULL) AS open,
                          count(o.id) FILTER (WHERE o.charged_micros > 0) AS spent
                     FROM coupons_offer f LEFT JOIN orders_order o ON o.offer_id = f.id GROUP BY f.id)
               SELECT count(*), min(id::text) FILTER (WHERE open > 1 OR spent > 1
                      OR (status = 'in_use') <> (open = 1) OR (status = 'used') <> (spent = 1)) FROM held"""
        )
        seen, wrong = cursor.fetchone()
    yield Chunk(seen, f"offer {wrong} and its orders disagree" if wrong is not None else None)


def _walk(query: str) -> Iterator[Chunk]:
    """Runs a query over orders by id, a chunk at a time."""
    after = _LEAST
    while True:
        with connection.cursor() as cursor:
            cursor.execute(query, {"after": after, "size": CHUNK})
            seen, last, wrong = cursor.fetchone()
        yield Chunk(seen, wrong)
        if seen < CHUNK:
            return
        after = last
