SELECT t.seen, CASE WHEN (t.seen, t.hash, j.seen, j.hash)
                         IS DISTINCT FROM (b.transfers, b.transfers_hash, b.journals, b.journals_hash)
                    THEN 'block ' || b.number END
  FROM payments_block b
  CROSS JOIN LATERAL (
        SELECT count(*)::integer AS seen,
               sha256(coalesce(string_agg(payments_transfer_bytes(t), ''::bytea ORDER BY t.id), ''::bytea)) AS hash
          FROM payments_transfer t WHERE t.xid >= b.from_xid AND t.xid < b.up_to) t
  CROSS JOIN LATERAL (
        SELECT count(*)::integer AS seen,
               sha256(coalesce(string_agg(payments_journal_bytes(j), ''::bytea ORDER BY j.id), ''::bytea)) AS hash
          FROM payments_journal j WHERE j.xid >= b.from_xid AND j.xid < b.up_to) j
 WHERE b.number = %(number)s
