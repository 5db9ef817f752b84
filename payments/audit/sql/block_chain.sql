WITH chained AS (
    SELECT b.*, lag(b.number, 1, 0::bigint) OVER w AS number_before, lag(b.up_to, 1, '0'::xid8) OVER w AS up_to_before,
           lag(b.hash, 1, decode(repeat('00', 32), 'hex')) OVER w AS hash_before,
           payments_block_hash(b) AS true_hash
      FROM payments_block b WINDOW w AS (ORDER BY b.number)
), judged AS (
    SELECT number, CASE WHEN number <> number_before + 1 THEN format('block %%s is gone', number_before + 1)
                        WHEN hash <> true_hash THEN format('block %%s was changed after it was sealed', number)
                        WHEN previous <> hash_before OR from_xid <> up_to_before
                        THEN format('block %%s does not follow the one before it', number) END AS wrong
      FROM chained
)
SELECT count(*), (array_agg(wrong ORDER BY number) FILTER (WHERE wrong IS NOT NULL))[1] FROM judged
