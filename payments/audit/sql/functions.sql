SELECT count(*), min(wanted.name || ' of the database is missing or does something else') FILTER (WHERE found.oid IS NULL)
  FROM unnest(%(names)s::text[], %(bodies)s::text[]) AS wanted (name, body)
  LEFT JOIN pg_proc found
    ON found.pronamespace = 'public'::regnamespace AND found.proname = wanted.name AND found.prosrc = wanted.body
