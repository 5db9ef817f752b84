SELECT count(*), min(format('gift %%s of %%s coins moved %%s micros', g.id, g.coins, moved.micros))
                 FILTER (WHERE moved.micros IS DISTINCT FROM g.coins::bigint * %(micros)s)
  FROM payments_gift g
  LEFT JOIN LATERAL (
        SELECT sum(t.amount) AS micros FROM payments_transfer t JOIN payments_ledgeraccount a ON a.id = t.debit_id
         WHERE t.journal_id = g.journal_id AND a.kind = 'lot' AND a.owner = g.account_id) moved ON true
 WHERE g.id > %(after)s AND g.id <= %(up_to)s
