SELECT count(*), min(format('lot %%s: %%s micros are told as used for %%s minor units, of %%s coins for %%s',
                            lot.id, told.used, told.gross, lot.coins, lot.paid_minor))
                 FILTER (WHERE told.used <> told.last
                            OR told.used > lot.coins::bigint * %(micros)s
                            OR told.gross <> floor(lot.paid_minor::numeric * told.used / (lot.coins::bigint * %(micros)s)) + told.ahead)
  FROM payments_lot lot
  JOIN LATERAL (
        SELECT sum(u.micros) AS used, sum(u.gross_minor) AS gross,
               (array_agg(u.used_micros ORDER BY u.seq DESC))[1] AS last,
               (array_agg(u.ahead_minor ORDER BY u.seq DESC))[1] AS ahead
          FROM payments_lotuse u WHERE u.lot_id = lot.id) told ON told.used IS NOT NULL
 WHERE lot.id > %(after)s AND lot.id <= %(up_to)s
