SELECT count(*), (array_agg(format('transfer %%s of journal %%s: %%s from account %%s to %%s',
                                   t.id, t.journal_id, t.amount, t.debit_id, t.credit_id) ORDER BY t.id)
                  FILTER (WHERE j.id IS NULL OR j.xid <> t.xid OR t.amount <= 0 OR t.debit_id = t.credit_id
                             OR debit.ledger IS DISTINCT FROM t.ledger OR credit.ledger IS DISTINCT FROM t.ledger))[1]
  FROM payments_transfer t
  LEFT JOIN payments_journal j ON j.id = t.journal_id
  LEFT JOIN payments_ledgeraccount debit ON debit.id = t.debit_id
  LEFT JOIN payments_ledgeraccount credit ON credit.id = t.credit_id
 WHERE t.id BETWEEN %(low)s AND %(high)s
