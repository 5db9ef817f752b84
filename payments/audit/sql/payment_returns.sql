SELECT count(*), min(format('top-up %%s of %%s minor units says %%s refunded, %%s disputed, %%s withdrawn; its returns say %%s, %%s, %%s',
                            t.id, t.amount_minor, t.refunded_minor, t.disputed_minor, t.withdrawn_minor,
                            gone.refunded, gone.disputed, gone.withdrawn))
                 FILTER (WHERE (t.refunded_minor, t.disputed_minor, t.withdrawn_minor)
                               IS DISTINCT FROM (gone.refunded, gone.disputed, gone.withdrawn)
                            OR gone.refunded + gone.disputed + gone.withdrawn > t.amount_minor
                            OR gone.other_currency)
  FROM payments_topup t
  JOIN (SELECT r.top_up_id,
               coalesce(sum(r.amount_minor) FILTER (WHERE r.kind = 'refund' AND r.state <> 'undone'), 0) AS refunded,
               coalesce(sum(r.amount_minor) FILTER (WHERE r.kind = 'dispute' AND r.state <> 'undone'), 0) AS disputed,
               coalesce(sum(r.amount_minor) FILTER (WHERE r.kind = 'withdrawal' AND r.state <> 'undone'), 0) AS withdrawn,
               bool_or(r.currency <> paid.currency) AS other_currency
          FROM payments_paymentreturn r JOIN payments_topup paid ON paid.id = r.top_up_id
         GROUP BY r.top_up_id) gone ON gone.top_up_id = t.id
