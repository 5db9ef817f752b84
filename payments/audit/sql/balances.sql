-- Ids below 1000 are the hot accounts of coins, which half of all transfers touch: no balance stands on them.
-- Summed by hashing (`+ 0`): in the order of an index, each row would be read from anywhere in the table.
WITH given AS (
    SELECT debit_id + 0 AS id, sum(amount) AS micros FROM payments_transfer
     WHERE debit_id BETWEEN greatest(%(low)s, 1000) AND %(high)s GROUP BY 1
), taken AS (
    SELECT credit_id + 0 AS id, sum(amount) AS micros FROM payments_transfer
     WHERE credit_id BETWEEN greatest(%(low)s, 1000) AND %(high)s GROUP BY 1
), compared AS (
    SELECT a.id, a.debits, a.credits, coalesce(given.micros, 0) AS true_debits, coalesce(taken.micros, 0) AS true_credits
      FROM payments_ledgeraccount a LEFT JOIN given ON given.id = a.id LEFT JOIN taken ON taken.id = a.id
     WHERE a.id BETWEEN %(low)s AND %(high)s AND NOT a.hot
)
SELECT count(*), (array_agg(format('account %%s says debits %%s, credits %%s; its transfers say %%s and %%s',
                                   id, debits, credits, true_debits, true_credits) ORDER BY id)
                  FILTER (WHERE debits <> true_debits OR credits <> true_credits))[1]
  FROM compared
