SELECT count(*), min(wanted.name || ' of ' || wanted.tab || ' is missing or not valid')
                   FILTER (WHERE held.oid IS NULL AND kept.indexrelid IS NULL)
  FROM unnest(%(tables)s::text[], %(names)s::text[]) AS wanted (tab, name)
  LEFT JOIN pg_constraint held
    ON held.conrelid = wanted.tab::regclass AND held.conname = wanted.name AND held.convalidated
  LEFT JOIN (pg_index kept JOIN pg_class named ON named.oid = kept.indexrelid)  -- a unique constraint with a condition
    ON kept.indrelid = wanted.tab::regclass AND named.relname = wanted.name AND kept.indisunique AND kept.indisvalid
