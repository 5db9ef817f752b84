-- Ids below 1000 are the hot accounts of coins, which half of all transfers touch: no balance stands on them.
WITH moved AS (
    SELECT id, sum(debits) AS debits, sum(credits) AS credits
      FROM (SELECT debit_id AS id, amount AS debits, 0 AS credits FROM payments_transfer
             WHERE debit_id BETWEEN greatest(%(low)s, 1000) AND %(high)s
            UNION ALL
            SELECT credit_id, 0, amount FROM payments_transfer
             WHERE credit_id BETWEEN greatest(%(low)s, 1000) AND %(high)s) side
     GROUP BY id
), compared AS (
    SELECT a.id, a.debits, a.credits,
           coalesce(moved.debits, 0) AS true_debits, coalesce(moved.credits, 0) AS true_credits
      FROM payments_ledgeraccount a LEFT JOIN moved ON moved.id = a.id
     WHERE a.id BETWEEN %(low)s AND %(high)s AND NOT a.hot
)
SELECT count(*), (array_agg(format('account %%s says debits %%s, credits %%s; its transfers say %%s and %%s',
                                   id, debits, credits, true_debits, true_credits) ORDER BY id)
                  FILTER (WHERE debits <> true_debits OR credits <> true_credits))[1]
  FROM compared
