WITH escrow AS (
    SELECT a.id, a.owner, a.code, a.closed,
           coalesce(sum(t.amount) FILTER (WHERE funder.kind = 'lot'), 0) AS user_in,
           coalesce(sum(t.amount) FILTER (WHERE funder.kind = 'campaign'), 0) AS coupon_in,
           coalesce(sum(t.amount) FILTER (WHERE funder.id = %(spend)s AND j.kind = 'order_settle'), 0) AS rounding,
           coalesce(sum(t.amount) FILTER (WHERE funder.id = %(spend)s AND j.kind <> 'order_settle'), 0) AS uncharged,
           count(DISTINCT t.debit_id) FILTER (WHERE funder.kind = 'campaign') AS campaigns,
           bool_or(funder.kind = 'lot' AND funder.owner IS DISTINCT FROM a.owner) AS of_another
      FROM payments_ledgeraccount a
      LEFT JOIN payments_transfer t ON t.credit_id = a.id
      LEFT JOIN payments_ledgeraccount funder ON funder.id = t.debit_id
      LEFT JOIN payments_journal j ON j.id = t.journal_id
     WHERE a.kind = 'escrow' AND a.id BETWEEN %(low)s AND %(high)s GROUP BY a.id
), spent AS (
    SELECT a.id,
           coalesce(sum(t.amount) FILTER (WHERE t.credit_id = %(spend)s), 0) AS charged,
           coalesce(sum(t.amount) FILTER (WHERE taker.kind = 'lot'), 0) AS user_out,
           coalesce(sum(t.amount) FILTER (WHERE taker.kind = 'campaign'), 0) AS coupon_out
      FROM payments_ledgeraccount a
      LEFT JOIN payments_transfer t ON t.debit_id = a.id
      LEFT JOIN payments_ledgeraccount taker ON taker.id = t.credit_id
     WHERE a.kind = 'escrow' AND a.id BETWEEN %(low)s AND %(high)s GROUP BY a.id
), divided AS (
    SELECT escrow.*, spent.user_out, spent.coupon_out, spent.charged - escrow.uncharged AS charged,
           greatest(spent.charged - escrow.uncharged - escrow.coupon_in, 0) AS of_user
      FROM escrow JOIN spent ON spent.id = escrow.id
)
SELECT count(*), (array_agg(format('escrow account %%s (%%s): user %%s, coupon %%s in; charged %%s, rounding %%s; user %%s, coupon %%s back',
                                   id, code, user_in, coupon_in, charged, rounding, user_out, coupon_out) ORDER BY id)
                  FILTER (WHERE of_another OR campaigns > 1 OR NOT closed AND user_out + coupon_out + rounding > 0
                             OR closed AND (rounding <> of_user %% %(micros)s
                                         OR user_out <> user_in - (of_user - rounding)
                                         OR coupon_out <> greatest(coupon_in - charged, 0))))[1]
  FROM divided
