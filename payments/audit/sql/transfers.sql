-- The journals of a range lie close together: without their bounds each range would read all of them.
WITH bounds AS MATERIALIZED (
    -- + 0: else they are looked for in the index of journals, past all other ranges.
    SELECT min(journal_id + 0) AS first, max(journal_id + 0) AS last FROM payments_transfer
     WHERE id BETWEEN %(low)s AND %(high)s
)
SELECT count(*), (array_agg(format('transfer %%s of journal %%s: %%s from account %%s to %%s',
                                   t.id, t.journal_id, t.amount, t.debit_id, t.credit_id) ORDER BY t.id)
                  FILTER (WHERE j.id IS NULL OR j.xid <> t.xid OR t.amount <= 0 OR t.debit_id = t.credit_id
                             OR debit.ledger IS DISTINCT FROM t.ledger OR credit.ledger IS DISTINCT FROM t.ledger))[1]
  FROM payments_transfer t
  LEFT JOIN (SELECT id, xid FROM payments_journal
              WHERE id BETWEEN (SELECT first FROM bounds) AND (SELECT last FROM bounds)) j ON j.id = t.journal_id
  LEFT JOIN payments_ledgeraccount debit ON debit.id = t.debit_id
  LEFT JOIN payments_ledgeraccount credit ON credit.id = t.credit_id
 WHERE t.id BETWEEN %(low)s AND %(high)s
