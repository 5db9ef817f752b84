WITH numbered AS (
    SELECT journal_id, count(*) AS transfers, max(seq) AS last FROM payments_transfer
     WHERE journal_id BETWEEN %(low)s AND %(high)s GROUP BY journal_id
)
SELECT count(*), (array_agg(format('journal %%s (%%s) has %%s transfers, numbered to %%s', j.id, j.key, n.transfers, n.last)
                            ORDER BY j.id) FILTER (WHERE n.transfers <> n.last))[1]
  FROM payments_journal j LEFT JOIN numbered n ON n.journal_id = j.id
 WHERE j.id BETWEEN %(low)s AND %(high)s
