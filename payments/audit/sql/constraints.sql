SELECT count(*), min(wanted.name || ' of ' || wanted.tab || CASE WHEN found.definition IS NULL THEN ' is missing or not valid'
                                                                 ELSE ' is not what it was made as' END)
                   FILTER (WHERE found.definition IS DISTINCT FROM wanted.definition)
  FROM unnest(%(tables)s::text[], %(names)s::text[], %(definitions)s::text[]) AS wanted (tab, name, definition)
  LEFT JOIN LATERAL (
        SELECT pg_get_constraintdef(held.oid) AS definition FROM pg_constraint held
         WHERE held.conrelid = to_regclass(wanted.tab) AND held.conname = wanted.name AND held.convalidated
        UNION ALL  -- a unique constraint with a condition is an index alone
        SELECT pg_get_indexdef(kept.indexrelid) FROM pg_index kept JOIN pg_class named ON named.oid = kept.indexrelid
         WHERE kept.indrelid = to_regclass(wanted.tab) AND named.relname = wanted.name
           AND kept.indisunique AND kept.indisvalid
           AND NOT EXISTS (SELECT FROM pg_constraint held WHERE held.conindid = kept.indexrelid)
       ) found ON true
