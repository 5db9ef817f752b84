WITH judged AS (
    SELECT b.number,
           CASE WHEN b.number <> coalesce(before.number, 0) + 1 THEN format('block %%s is gone', coalesce(before.number, 0) + 1)
                WHEN b.hash <> payments_block_hash(b) THEN format('block %%s was changed after it was sealed', b.number)
                WHEN b.previous <> coalesce(before.hash, decode(repeat('00', 32), 'hex'))
                     OR b.from_xid <> coalesce(before.up_to, '0'::xid8)
                THEN format('block %%s does not follow the one before it', b.number) END AS wrong
      FROM payments_block b
      LEFT JOIN LATERAL (
            SELECT number, hash, up_to FROM payments_block p WHERE p.number < b.number ORDER BY number DESC LIMIT 1) before ON true
     WHERE b.number BETWEEN %(low)s AND %(high)s
)
SELECT count(*), (array_agg(wrong ORDER BY number) FILTER (WHERE wrong IS NOT NULL))[1] FROM judged
