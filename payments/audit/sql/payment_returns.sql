SELECT count(*), min(format('top-up %%s of %%s minor units says %%s refunded, %%s disputed, %%s withdrawn; its returns say %%s, %%s, %%s',
                            t.id, t.amount_minor, t.refunded_minor, t.disputed_minor, t.withdrawn_minor,
                            gone.refunded, gone.disputed, gone.withdrawn))
                 FILTER (WHERE (t.refunded_minor, t.disputed_minor, t.withdrawn_minor)
                               IS DISTINCT FROM (gone.refunded, gone.disputed, gone.withdrawn)
                            OR gone.refunded + gone.disputed + gone.withdrawn > t.amount_minor
                            OR gone.other_currency)
  FROM payments_topup t
  CROSS JOIN LATERAL (
        SELECT coalesce(sum(r.amount_minor) FILTER (WHERE r.kind = 'refund' AND r.state <> 'undone'), 0) AS refunded,
               coalesce(sum(r.amount_minor) FILTER (WHERE r.kind = 'dispute' AND r.state <> 'undone'), 0) AS disputed,
               coalesce(sum(r.amount_minor) FILTER (WHERE r.kind = 'withdrawal' AND r.state <> 'undone'), 0) AS withdrawn,
               coalesce(bool_or(r.currency <> t.currency), false) AS other_currency
          FROM payments_paymentreturn r WHERE r.top_up_id = t.id) gone
 WHERE t.id > %(after)s AND t.id <= %(up_to)s
