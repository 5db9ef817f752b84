SELECT count(*), min(format('top-up %%s (%%s): its lot has %%s coins for %%s minor units, its books %%s and %%s of %%s',
                            t.id, t.status, lot.coins, lot.paid_minor, books.gross, books.tax, t.amount_minor))
                 FILTER (WHERE CASE WHEN t.status = 'paid'
                                    THEN (lot.coins, lot.paid_minor, books.gross, books.tax)
                                         IS DISTINCT FROM (t.coins, t.amount_minor, t.amount_minor, t.tax_minor)
                                    ELSE lot.id IS NOT NULL OR books.gross > 0 END)
  FROM payments_topup t
  LEFT JOIN payments_lot lot ON lot.top_up = t.id
  LEFT JOIN LATERAL (
        SELECT coalesce(sum(moved.amount), 0)::bigint AS gross,
               coalesce(sum(moved.amount) FILTER (WHERE owed.code = 'tax_payable'), 0)::bigint AS tax
          FROM payments_journal j
          JOIN payments_transfer moved ON moved.journal_id = j.id
          JOIN payments_ledgeraccount owed ON owed.id = moved.credit_id
         WHERE j.key = 'top_up:top_' || replace(t.id::text, '-', '') || ':fiat') books ON true
 WHERE t.id > %(after)s AND t.id <= %(up_to)s
