WITH last AS (
    SELECT DISTINCT ON (account_id) * FROM payments_checkpoint ORDER BY account_id, up_to DESC
), compared AS (
    SELECT last.*,
           (SELECT coalesce(sum(amount), 0) FROM payments_transfer t
             WHERE t.debit_id = last.account_id AND t.xid < last.up_to) AS true_debits,
           (SELECT coalesce(sum(amount), 0) FROM payments_transfer t
             WHERE t.credit_id = last.account_id AND t.xid < last.up_to) AS true_credits
      FROM last
)
SELECT count(*), min(format('checkpoint %%s of account %%s says debits %%s, credits %%s; its transfers say %%s and %%s',
                            id, account_id, debits, credits, true_debits, true_credits))
                 FILTER (WHERE debits <> true_debits OR credits <> true_credits)
  FROM compared
