"""What was taken and paid back by each method of payment, by our books and by the provider's lines, in a run's period.

A payment belongs to the period of its line, wherever we put it; without a line, to that of our own row. So the edges of
a period make nothing differ, and what is apart is what was compared and found. Source: DESIGN.md 2, Payment.
"""

from dataclasses import dataclass

from django.db import connection

from payments.models import Reconciliation

_SUMS = """
WITH line AS MATERIALIZED (
    SELECT l.kind, l.amount_minor, l.currency, l.subject, l.payment_ref, coalesce(t.method, l.method) AS method
      FROM payments_providerline l
      LEFT JOIN payments_topup t ON t.gateway = l.gateway AND t.payment_ref = l.payment_ref AND t.payment_ref <> ''
     WHERE l.gateway = %(gateway)s AND l.at >= %(since)s AND l.at < %(until)s
       AND l.kind IN ('payment', 'refund', 'dispute', 'refund_failed', 'dispute_won')
), returned AS (
    SELECT r.provider_ref, r.kind, r.state, r.amount_minor, r.currency, t.method, r.noticed_at, r.done_at, r.undone_at
      FROM payments_paymentreturn r JOIN payments_topup t ON t.id = r.top_up_id WHERE r.gateway = %(gateway)s
), part (method, currency, taken, back, their_taken, their_back) AS (
    SELECT method, currency, 0, 0, CASE kind WHEN 'payment' THEN amount_minor ELSE 0 END,
           CASE kind WHEN 'payment' THEN 0 ELSE -amount_minor END FROM line
    UNION ALL
    SELECT t.method, t.currency, t.amount_minor, 0, 0, 0 FROM payments_topup t
     WHERE t.gateway = %(gateway)s AND t.status = 'paid'
       AND t.payment_ref IN (SELECT payment_ref FROM line WHERE kind = 'payment')
    UNION ALL
    SELECT t.method, t.currency, t.amount_minor, 0, 0, 0 FROM payments_topup t
     WHERE t.gateway = %(gateway)s AND t.status = 'paid' AND t.paid_at >= %(since)s AND t.paid_at < %(until)s
       AND NOT EXISTS (SELECT FROM payments_providerline l
                        WHERE l.gateway = t.gateway AND l.payment_ref = t.payment_ref AND l.kind = 'payment')
    UNION ALL
    SELECT r.method, r.currency, 0, r.amount_minor, 0, 0 FROM returned r
     WHERE r.provider_ref IN (SELECT subject FROM line WHERE kind IN ('refund', 'dispute'))
    UNION ALL
    SELECT r.method, r.currency, 0, r.amount_minor, 0, 0 FROM returned r
     WHERE CASE r.kind WHEN 'withdrawal' THEN r.done_at ELSE r.noticed_at END BETWEEN %(since)s AND %(until)s
       AND NOT EXISTS (SELECT FROM payments_providerline l WHERE l.gateway = %(gateway)s
                          AND l.subject = r.provider_ref AND l.kind IN ('refund', 'dispute'))
    UNION ALL
    SELECT r.method, r.currency, 0, -r.amount_minor, 0, 0 FROM returned r
     WHERE r.state = 'undone'
       AND r.provider_ref IN (SELECT subject FROM line WHERE kind IN ('refund_failed', 'dispute_won'))
    UNION ALL
    SELECT r.method, r.currency, 0, -r.amount_minor, 0, 0 FROM returned r
     WHERE r.state = 'undone' AND r.undone_at BETWEEN %(since)s AND %(until)s
       AND (r.kind <> 'withdrawal' OR r.done_at IS NOT NULL)
       AND NOT EXISTS (SELECT FROM payments_providerline l WHERE l.gateway = %(gateway)s
                          AND l.subject = r.provider_ref AND l.kind IN ('refund_failed', 'dispute_won'))
)
SELECT method, currency, sum(taken)::bigint, sum(back)::bigint, sum(their_taken)::bigint, sum(their_back)::bigint
  FROM part GROUP BY method, currency ORDER BY method, currency
"""


@dataclass(frozen=True, slots=True)
class OfMethod:
    """A method's sums in a currency, in minor units; `method` is empty for what no payment of ours is known of."""

    run: Reconciliation
    method: str
    currency: str
    taken_minor: int
    back_minor: int
    their_taken_minor: int
    their_back_minor: int

    @property
    def apart_minor(self) -> int:
        return self.taken_minor - self.back_minor - self.their_taken_minor + self.their_back_minor


def last_runs() -> list[Reconciliation]:
    """The last whole run of each provider."""
    whole = Reconciliation.objects.filter(error="", finished_at__isnull=False)
    return list(whole.order_by("gateway", "-started_at").distinct("gateway"))


def sums(run: Reconciliation) -> list[OfMethod]:
    """By method and currency, what moved in the run's period."""
    with connection.cursor() as cursor:
        cursor.execute(_SUMS, {"gateway": run.gateway, "since": run.since, "until": run.until})
        return [OfMethod(run, *row) for row in cursor.fetchall()]
