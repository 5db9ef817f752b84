SELECT count(*), min(format('series %%s gave %%s numbers, its documents are %%s up to %%s',
                            s.key, s.next - 1, there.documents, there.last))
                 FILTER (WHERE (there.documents, there.last) IS DISTINCT FROM (s.next - 1, s.next - 1))
  FROM payments_invoiceseries s
  LEFT JOIN LATERAL (
        SELECT count(*) AS documents, coalesce(max(i.sequence), 0) AS last
          FROM payments_invoice i WHERE i.series_id = s.key) there ON true
