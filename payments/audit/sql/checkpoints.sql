-- What one checkpoint says, beside the transfers below it. Each value is a constant, so that PostgreSQL may read them by
-- several workers: one account's can be half of all there are.
WITH told AS (
    SELECT (SELECT coalesce(sum(amount), 0) FROM payments_transfer
             WHERE debit_id = %(account_id)s AND xid < %(up_to)s::text::xid8) AS debits,
           (SELECT coalesce(sum(amount), 0) FROM payments_transfer
             WHERE credit_id = %(account_id)s AND xid < %(up_to)s::text::xid8) AS credits
)
SELECT 1, CASE WHEN (debits, credits) <> (%(debits)s, %(credits)s)
               THEN format('checkpoint %%s of account %%s says debits %%s, credits %%s; its transfers say %%s and %%s',
                           %(id)s, %(account_id)s, %(debits)s, %(credits)s, debits, credits) END
  FROM told
