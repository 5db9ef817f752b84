WITH waiting AS (
    SELECT r.currency, sum(r.amount_minor) AS owed FROM payments_paymentreturn r
     WHERE r.kind = 'withdrawal' AND r.state = 'under_way' GROUP BY 1
), book AS (
    SELECT n.key AS currency, (SELECT coalesce(sum(t.amount), 0) FROM payments_transfer t WHERE t.credit_id = a.id)
                            - (SELECT coalesce(sum(t.amount), 0) FROM payments_transfer t WHERE t.debit_id = a.id) AS booked
      FROM payments_ledgeraccount a JOIN jsonb_each_text(%(numbers)s::jsonb) n ON n.value::smallint = a.ledger
     WHERE a.code = 'withdrawals_payable'
), told AS (
    SELECT currency, coalesce(owed, 0) AS owed, coalesce(booked, 0) AS booked
      FROM waiting FULL JOIN book USING (currency)
)
SELECT count(*), min(format('%%s: withdrawals under way are worth %%s, the books owe %%s', currency, owed, booked))
                 FILTER (WHERE owed <> booked)
  FROM told
