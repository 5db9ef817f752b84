"""What must hold between orders and the ledger; run by `manage.py audit` with payments' own checks (DESIGN.md 6.11)."""

from collections.abc import Iterator

from payments.audit import Chunk, register
from payments.audit.guards import hold
from payments.audit.walking import walk_ids, walk_uuids

CHUNK = 5_000

# Per order what the ledger says moved into and out of its escrow, by the kind of the other account. Each order's are
# looked up by themselves, so that no plan reads all transfers for those of a few thousand.
_NUMBERS = """
WITH judged AS (
    SELECT o.id, CASE
        WHEN e.id IS NULL OR e.kind <> 'escrow' THEN 'has no escrow'
        WHEN e.owner IS DISTINCT FROM o.account_id THEN 'has the escrow of another account'
        WHEN got.paid <> o.pay_coins * 1000000 THEN 'was not paid what it says'
        WHEN got.coupon <> o.coupon_coins * 1000000 THEN 'did not get the coupon that it says'
        WHEN gave.charged - got.returned > got.paid + got.coupon THEN 'was charged more than was paid'
        WHEN o.status NOT IN ('settled', 'rejected', 'cancelled') AND e.closed THEN 'is open, its escrow is closed'
        WHEN o.status NOT IN ('settled', 'rejected', 'cancelled') THEN NULL
        WHEN NOT e.closed OR got.whole <> gave.whole THEN 'is final, its escrow is not emptied'
        WHEN gave.charged - got.returned <> o.charged_micros THEN 'was not charged what it says'
        WHEN gave.refunded <> o.refunded_coins * 1000000 THEN 'did not return what it says'
        WHEN got.coupon - gave.coupon_rest <> o.coupon_spent_micros THEN 'did not spend the coupon that it says'
        WHEN gave.charged - got.returned - got.rounding <> o.spent_coins * 1000000 + o.coupon_spent_micros
        THEN 'spent other than it says'
    END AS wrong
      FROM orders_order o
      LEFT JOIN payments_ledgeraccount e ON e.id = o.escrow_id
      -- A charge that went back into the escrow is a charge less, not a rounding.
      CROSS JOIN LATERAL (
            SELECT coalesce(sum(t.amount), 0) AS whole,
                   coalesce(sum(t.amount) FILTER (WHERE went_back), 0) AS returned,
                   coalesce(sum(t.amount) FILTER (WHERE NOT went_back AND kind = 'lot'), 0) AS paid,
                   coalesce(sum(t.amount) FILTER (WHERE NOT went_back AND kind = 'campaign'), 0) AS coupon,
                   coalesce(sum(t.amount) FILTER (WHERE NOT went_back AND kind = 'platform'), 0) AS rounding
              FROM (SELECT t.amount, other.kind, j.kind = 'charge_return' AS went_back
                      FROM payments_transfer t JOIN payments_ledgeraccount other ON other.id = t.debit_id
                      JOIN payments_journal j ON j.id = t.journal_id
                     WHERE t.credit_id = o.escrow_id) t) got
      CROSS JOIN LATERAL (
            SELECT coalesce(sum(t.amount), 0) AS whole,
                   coalesce(sum(t.amount) FILTER (WHERE other.kind = 'platform'), 0) AS charged,
                   coalesce(sum(t.amount) FILTER (WHERE other.kind = 'lot'), 0) AS refunded,
                   coalesce(sum(t.amount) FILTER (WHERE other.kind = 'campaign'), 0) AS coupon_rest
              FROM payments_transfer t JOIN payments_ledgeraccount other ON other.id = t.credit_id
             WHERE t.debit_id = o.escrow_id) gave
     WHERE o.id > %(after)s AND o.id <= %(up_to)s
)
SELECT count(*), (array_agg('order ' || id || ' ' || wrong ORDER BY id) FILTER (WHERE wrong IS NOT NULL))[1]
  FROM judged
"""

_HISTORIES = """
WITH judged AS (
    SELECT o.id, CASE WHEN h.to_status IS DISTINCT FROM o.status
                      THEN 'is ' || o.status || ', its history says ' || coalesce(h.to_status, 'nothing') END AS wrong
      FROM orders_order o LEFT JOIN LATERAL (
          SELECT to_status FROM orders_ordertransition t WHERE t.order_id = o.id ORDER BY t.id DESC LIMIT 1) h ON true
     WHERE o.id > %(after)s AND o.id <= %(up_to)s
)
SELECT count(*), (array_agg('order ' || id || ' ' || wrong ORDER BY id) FILTER (WHERE wrong IS NOT NULL))[1]
  FROM judged
"""

_ESCROWS = """
SELECT count(*), 'escrow ' || min(e.id) FILTER (WHERE o.id IS NULL) || ' belongs to no order'
  FROM payments_ledgeraccount e LEFT JOIN orders_order o ON o.escrow_id = e.id
 WHERE e.kind = 'escrow' AND e.id BETWEEN %(low)s AND %(high)s
"""

_OFFERS = """
SELECT count(*), 'offer ' || (array_agg(f.id ORDER BY f.id) FILTER (WHERE held.open > 1 OR held.spent > 1
                     OR (f.status = 'in_use') <> (held.open = 1) OR (f.status = 'used') <> (held.spent = 1)))[1]
                 || ' and its orders disagree'
  FROM coupons_offer f
 CROSS JOIN LATERAL (
       SELECT count(*) FILTER (WHERE o.refunded_at IS NULL) AS open,
              count(*) FILTER (WHERE o.charged_micros > 0) AS spent
         FROM orders_order o WHERE o.offer_id = f.id) held
 WHERE f.id > %(after)s AND f.id <= %(up_to)s
"""


@register("order_guards")
def guards() -> Iterator[Chunk]:
    """Orders' constraints and triggers are there, valid, switched on, and as they were written."""
    yield from hold("orders")


@register("order_numbers")
def orders() -> Iterator[Chunk]:
    """Each order's numbers are those of its escrow; a final one's escrow is empty and closed."""
    yield from walk_uuids("orders_order", _NUMBERS, size=CHUNK)


@register("order_histories")
def order_histories() -> Iterator[Chunk]:
    """Each order stands where its history's last row left it."""
    yield from walk_uuids("orders_order", _HISTORIES, size=CHUNK)


@register("order_escrows")
def escrows() -> Iterator[Chunk]:
    """Each order's escrow belongs to an order."""
    yield from walk_ids("payments_ledgeraccount", _ESCROWS)


@register("order_offers")
def offers() -> Iterator[Chunk]:
    """An offer is in use by just the order that holds it, and used only where that spent something."""
    yield from walk_uuids("coupons_offer", _OFFERS)
