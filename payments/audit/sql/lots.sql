SELECT count(*), (array_agg(format('lot account %%s (lot %%s of %%s coins): opened with %%s micros, holds %%s',
                                   a.id, l.id, l.coins, opened.micros, a.credits - a.debits) ORDER BY a.id)
                  FILTER (WHERE l.id IS NULL OR a.owner IS DISTINCT FROM l.account_id
                             OR opened.micros IS DISTINCT FROM l.coins::bigint * %(micros)s
                             OR opened.journals <> 1 OR opened.journal_id <> l.opening_id
                             OR (a.credits - a.debits) %% %(micros)s <> 0))[1]
  FROM payments_ledgeraccount a
  LEFT JOIN payments_lot l ON l.ledger_account_id = a.id
  LEFT JOIN LATERAL (
        SELECT sum(amount) AS micros, count(DISTINCT journal_id) AS journals, min(journal_id) AS journal_id
          FROM payments_transfer WHERE credit_id = a.id AND debit_id = %(issuance)s) opened ON true
 WHERE a.kind = 'lot' AND a.id BETWEEN %(low)s AND %(high)s
