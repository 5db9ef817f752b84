SELECT count(*), min(wanted.name || ' of ' || wanted.tab || ' is missing or switched off') FILTER (WHERE found.oid IS NULL)
  FROM unnest(%(tables)s::text[], %(names)s::text[]) AS wanted (tab, name)
  LEFT JOIN pg_trigger found
    ON found.tgrelid = wanted.tab::regclass AND found.tgname = wanted.name AND found.tgenabled IN ('O', 'A')
