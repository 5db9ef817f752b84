SELECT count(*), min(wanted.name || ' of ' || wanted.tab || ' is missing or not valid') FILTER (WHERE found.oid IS NULL)
  FROM unnest(%(tables)s::text[], %(names)s::text[]) AS wanted (tab, name)
  LEFT JOIN pg_constraint found
    ON found.conrelid = wanted.tab::regclass AND found.conname = wanted.name AND found.convalidated
