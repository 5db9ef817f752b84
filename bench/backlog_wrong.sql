-- How many orders of a backlog are not what their number says they must be. What they cost is computed anew.
WITH numbered AS (
    SELECT o.*, split_part(o.key, '-', 2)::bigint AS n, e.credits - e.debits AS rest, e.closed
      FROM orders_order o JOIN payments_ledgeraccount e ON e.id = o.escrow_id WHERE o.key ^@ 'backlog-'
), charged AS (
    SELECT *, CASE WHEN mod(n, 7) = 0 THEN 0 WHEN mod(n, 11) = 0 THEN 1000000000
                   ELSE mod(n * 7919, 999) * 1000000 + mod(n, 999983) + 1 END AS charge
      FROM numbered
), wanted AS (
    SELECT *, greatest(0, charge - coupon_coins * 1000000) / 1000000 AS spent FROM charged
)
SELECT count(*) FILTER (WHERE status <> 'settled') AS not_settled,
       count(*) FILTER (WHERE rest <> 0 OR NOT closed) AS escrow_not_empty,
       count(*) FILTER (WHERE charged_micros IS DISTINCT FROM charge OR spent_coins IS DISTINCT FROM spent
                              OR refunded_coins IS DISTINCT FROM pay_coins - spent
                              OR coupon_spent_micros IS DISTINCT FROM least(charge, coupon_coins * 1000000)
             ) AS refund_wrong
  FROM wanted
