SELECT count(*), min(format('lot %%s of %%s coins: %%s charged back, %%s gone with its payment',
                            lot.id, lot.coins, by_finance.coins, gone.coins))
                 FILTER (WHERE by_finance.coins + gone.coins > lot.coins)
  FROM (SELECT a.lot_id, sum(a.coins) AS coins FROM payments_adjustment a
         WHERE a.kind = 'chargeback' AND a.state = 'approved' GROUP BY 1) by_finance
  JOIN payments_lot lot ON lot.id = by_finance.lot_id
 CROSS JOIN LATERAL (
       SELECT coalesce(sum(r.coins), 0) AS coins FROM payments_paymentreturn r
        WHERE r.top_up_id = lot.top_up AND r.state <> 'undone') gone
