SELECT count(*), min(format('withdrawal %%s (%%s) of %%s coins: its legs say %%s, of which %%s wait; its escrow holds %%s micros%%s',
                            w.id, w.status, w.coins, legs.coins, legs.waiting, escrow.credits - escrow.debits,
                            '; leg ' || legs.astray || ' moved other than it says'))
                 FILTER (WHERE legs.coins IS DISTINCT FROM w.coins::bigint
                            OR escrow.credits - escrow.debits <> legs.waiting * %(micros)s
                            OR escrow.owner IS DISTINCT FROM w.account_id
                            OR legs.unmatched OR legs.astray IS NOT NULL)
  FROM payments_withdrawal w
  JOIN payments_ledgeraccount escrow ON escrow.id = w.escrow_id
  LEFT JOIN LATERAL (
        SELECT sum(l.coins)::bigint AS coins,
               coalesce(sum(l.coins) FILTER (WHERE l.state IN ('waiting', 'submitted')), 0)::bigint AS waiting,
               bool_or(CASE l.state WHEN 'succeeded' THEN 'done' WHEN 'failed' THEN 'undone' ELSE 'under_way' END
                       <> r.state) AS unmatched,
               min(l.seq) FILTER (WHERE lot.account_id <> w.account_id OR moved.held <> l.coins::bigint * %(micros)s
                   OR NOT CASE l.state
                          WHEN 'succeeded' THEN (paid, back, undone) = (held, 0, 0)
                          WHEN 'failed' THEN (paid, back, undone) IN ((0, held, 0), (held, 0, held))
                          ELSE (paid, back, undone) = (0, 0, 0) END) AS astray
          FROM payments_withdrawalleg l
          JOIN payments_paymentreturn r ON r.id = l.returned_id
          JOIN payments_lot lot ON lot.id = l.lot_id
         CROSS JOIN LATERAL (SELECT 'withdrawal:wdr_' || replace(w.id::text, '-', '') || ':' AS of) key
         CROSS JOIN LATERAL (  -- from its lot; then for good, back on the lot, or back on it after it was for good
                SELECT coalesce(sum(t.amount) FILTER (WHERE j.key = key.of || 'hold'
                           AND (t.debit_id, t.credit_id) = (lot.ledger_account_id, w.escrow_id)), 0) AS held,
                       coalesce(sum(t.amount) FILTER (WHERE j.key = key.of || l.seq || ':paid'
                           AND (t.debit_id, t.credit_id) = (w.escrow_id, %(withdrawn)s)), 0) AS paid,
                       coalesce(sum(t.amount) FILTER (WHERE j.key = key.of || l.seq || ':failed'
                           AND (t.debit_id, t.credit_id) = (w.escrow_id, lot.ledger_account_id)), 0) AS back,
                       coalesce(sum(t.amount) FILTER (WHERE j.key = key.of || l.seq || ':failed'
                           AND (t.debit_id, t.credit_id) = (%(withdrawn)s, lot.ledger_account_id)), 0) AS undone
                  FROM payments_journal j JOIN payments_transfer t ON t.journal_id = j.id
                 WHERE j.key IN (key.of || 'hold', key.of || l.seq || ':paid', key.of || l.seq || ':failed')) moved
         WHERE l.withdrawal_id = w.id) legs ON true
 WHERE w.id > %(after)s AND w.id <= %(up_to)s
