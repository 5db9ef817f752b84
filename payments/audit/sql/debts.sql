SELECT count(*), min(format('account %%s owes %%s micros and has lot account %%s with %%s',
                            debt.owner, debt.debits - debt.credits, free.id, free.micros))
                 FILTER (WHERE free.id IS NOT NULL)
  FROM payments_ledgeraccount debt
  LEFT JOIN LATERAL (
        SELECT a.id, a.credits - a.debits AS micros FROM payments_ledgeraccount a JOIN payments_lot l ON l.ledger_account_id = a.id
         WHERE a.owner = debt.owner AND a.credits > a.debits
           AND (l.expires_at IS NULL OR l.expires_at > now()) LIMIT 1) free ON true
 WHERE debt.kind = 'debt' AND debt.debits > debt.credits
