WITH block AS (
    SELECT * FROM payments_block WHERE number = %(number)s
), sealed AS (
    SELECT 'transfer' AS what, ('x' || encode(substr(b.transfer_marks, 16 * n + 1, 8), 'hex'))::bit(64)::bigint AS id,
           substr(b.transfer_marks, 16 * n + 9, 8) AS mark
      FROM block b CROSS JOIN generate_series(0, b.transfers - 1) AS n
    UNION ALL
    SELECT 'journal', ('x' || encode(substr(b.journal_marks, 16 * n + 1, 8), 'hex'))::bit(64)::bigint,
           substr(b.journal_marks, 16 * n + 9, 8)
      FROM block b CROSS JOIN generate_series(0, b.journals - 1) AS n
), found AS (
    SELECT 'transfer' AS what, t.id, substr(sha256(payments_transfer_bytes(t)), 1, 8) AS mark
      FROM block b JOIN payments_transfer t ON t.xid >= b.from_xid AND t.xid < b.up_to
    UNION ALL
    SELECT 'journal', j.id, substr(sha256(payments_journal_bytes(j)), 1, 8)
      FROM block b JOIN payments_journal j ON j.xid >= b.from_xid AND j.xid < b.up_to
)
SELECT count(*), (array_agg(format('%%s %%s %%s block %%s was sealed', what, id,
                                   CASE WHEN found.mark IS NULL THEN 'is gone since'
                                        WHEN sealed.mark IS NULL THEN 'was put in after'
                                        ELSE 'was changed after' END, %(number)s)
                            ORDER BY what DESC, id) FILTER (WHERE sealed.mark IS DISTINCT FROM found.mark))[1]
  FROM sealed FULL JOIN found USING (what, id)
