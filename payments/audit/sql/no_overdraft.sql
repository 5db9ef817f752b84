SELECT count(*), (array_agg(format('account %%s (%%s, guard %%s): debits %%s, credits %%s', id, kind, guard, debits, credits)
                            ORDER BY id)
                  FILTER (WHERE (guard = 'C' AND debits > credits) OR (guard = 'D' AND credits > debits)
                             OR guard <> CASE kind WHEN 'platform' THEN 'N' WHEN 'debt' THEN 'D' ELSE 'C' END
                             OR (hot AND kind <> 'platform') OR (closed AND debits <> credits)))[1]
  FROM payments_ledgeraccount WHERE id BETWEEN %(low)s AND %(high)s
