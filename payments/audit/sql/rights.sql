WITH forbidden (tab, col, doing) AS (
    SELECT 'payments_ledgeraccount', col, doing
      FROM unnest(ARRAY['credits', 'debits', 'guard', 'owner', 'kind', 'ledger', 'hot']) col, unnest(ARRAY['INSERT', 'UPDATE']) doing
     WHERE doing = 'UPDATE' OR col IN ('credits', 'debits')
    UNION ALL
    SELECT tab, NULL, doing
      FROM unnest(ARRAY['payments_transfer', 'payments_journal', 'payments_checkpoint', 'payments_block', 'payments_lot',
                        'payments_gift']) tab, unnest(ARRAY['UPDATE', 'DELETE', 'TRUNCATE', 'TRIGGER']) doing
    UNION ALL
    SELECT 'payments_ledgeraccount', NULL, doing FROM unnest(ARRAY['DELETE', 'TRUNCATE', 'TRIGGER']) doing
    UNION ALL
    SELECT tab, NULL, 'INSERT' FROM unnest(ARRAY['payments_checkpoint', 'payments_block']) tab
), may AS (
    SELECT doing || ' ' || tab || coalesce('.' || col, '') AS what,
           CASE WHEN col IS NOT NULL THEN has_column_privilege(tab, col, doing)
                WHEN doing IN ('INSERT', 'UPDATE') THEN has_any_column_privilege(tab, doing)
                ELSE has_table_privilege(tab, doing) END AS held
      FROM forbidden
    UNION ALL
    SELECT 'do as its owner: ' || relname, pg_has_role(relowner, 'MEMBER')
      FROM pg_class WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'p') AND relname LIKE 'payments\_%%'
)
SELECT count(*), min(format('the application''s role %%s may %%s', current_user, what)) FILTER (WHERE held) FROM may
