WITH given AS (
    SELECT t.credit_id AS escrow, t.debit_id AS lot, sum(t.amount) AS micros FROM payments_transfer t
      JOIN payments_ledgeraccount e ON e.id = t.credit_id AND e.kind = 'escrow'
     WHERE t.credit_id BETWEEN %(low)s AND %(high)s GROUP BY 1, 2
), returned AS (
    SELECT t.debit_id AS escrow, t.credit_id AS lot, sum(t.amount) AS micros FROM payments_transfer t
      JOIN payments_ledgeraccount e ON e.id = t.debit_id AND e.kind = 'escrow'
      JOIN payments_ledgeraccount l ON l.id = t.credit_id AND l.kind IN ('lot', 'campaign')
     WHERE t.debit_id BETWEEN %(low)s AND %(high)s GROUP BY 1, 2
)
SELECT count(*), (array_agg(format('escrow account %%s gave %%s micros back to account %%s, which had put in %%s',
                                   returned.escrow, returned.micros, returned.lot, coalesce(given.micros, 0))
                            ORDER BY returned.escrow)
                  FILTER (WHERE returned.micros > coalesce(given.micros, 0)))[1]
  FROM returned LEFT JOIN given USING (escrow, lot)
