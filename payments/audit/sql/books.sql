WITH sold AS (
    SELECT t.currency, sum(t.amount_minor - t.tax_minor) AS net FROM payments_topup t WHERE t.status = 'paid' GROUP BY 1
), used AS (
    SELECT lot.currency, sum(u.gross_minor - u.tax_minor) AS net
      FROM payments_lotuse u JOIN payments_lot lot ON lot.id = u.lot_id
     WHERE lot.currency <> '' GROUP BY 1
), posted AS (
    SELECT side.account_id, sum(side.amount) AS balance
      FROM (SELECT credit_id AS account_id, amount FROM payments_transfer WHERE ledger <> 0
            UNION ALL
            SELECT debit_id, -amount FROM payments_transfer WHERE ledger <> 0) side
      JOIN payments_ledgeraccount a ON a.id = side.account_id AND a.code = 'coin_liability'
     GROUP BY 1
), adjusted AS (
    -- Finance may have moved money to or from it by hand.
    SELECT a.currency, sum(CASE WHEN a.credit_code = 'coin_liability' THEN a.amount_minor ELSE -a.amount_minor END) AS net
      FROM payments_adjustment a
     WHERE a.state = 'approved' AND 'coin_liability' IN (a.debit_code, a.credit_code) GROUP BY 1
), told AS (
    SELECT currency, coalesce(sold.net, 0) - coalesce(used.net, 0) + coalesce(adjusted.net, 0) AS owed,
           (SELECT coalesce(sum(posted.balance), 0) FROM posted
              JOIN payments_ledgeraccount a ON a.id = posted.account_id
             WHERE a.ledger = (%(numbers)s::jsonb ->> currency)::smallint) AS booked
      FROM sold FULL JOIN used USING (currency) FULL JOIN adjusted USING (currency)
)
SELECT count(*), min(format('%%s: coins sold and not used are worth %%s, the books owe %%s', currency, owed, booked))
                 FILTER (WHERE owed <> booked)
  FROM told
