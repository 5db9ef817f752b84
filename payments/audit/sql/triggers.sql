SELECT count(*), min(wanted.name || ' of ' || wanted.tab || CASE WHEN found.definition IS NULL THEN ' is missing or switched off'
                                                                 ELSE ' is not what it was made as' END)
                   FILTER (WHERE found.definition IS NULL OR found.definition <> wanted.definition)
  FROM unnest(%(tables)s::text[], %(names)s::text[], %(definitions)s::text[]) AS wanted (tab, name, definition)
  LEFT JOIN LATERAL (
        SELECT pg_get_triggerdef(held.oid) AS definition FROM pg_trigger held
         WHERE held.tgrelid = to_regclass(wanted.tab) AND held.tgname = wanted.name AND held.tgenabled IN ('O', 'A')
       ) found ON true
