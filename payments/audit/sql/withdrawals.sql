SELECT count(*), min(format('withdrawal %%s (%%s) of %%s coins: its legs say %%s, of which %%s wait; its escrow holds %%s micros',
                            w.id, w.status, w.coins, legs.coins, legs.waiting, escrow.credits - escrow.debits))
                 FILTER (WHERE legs.coins IS DISTINCT FROM w.coins::bigint
                            OR escrow.credits - escrow.debits <> legs.waiting * %(micros)s
                            OR escrow.owner IS DISTINCT FROM w.account_id
                            OR legs.unmatched)
  FROM payments_withdrawal w
  JOIN payments_ledgeraccount escrow ON escrow.id = w.escrow_id
  LEFT JOIN LATERAL (
        SELECT sum(l.coins)::bigint AS coins,
               coalesce(sum(l.coins) FILTER (WHERE l.state IN ('waiting', 'submitted')), 0)::bigint AS waiting,
               bool_or(CASE l.state WHEN 'succeeded' THEN 'done' WHEN 'failed' THEN 'undone' ELSE 'under_way' END
                       <> r.state) AS unmatched
          FROM payments_withdrawalleg l JOIN payments_paymentreturn r ON r.id = l.returned_id
         WHERE l.withdrawal_id = w.id) legs ON true
