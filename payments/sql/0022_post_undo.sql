DROP FUNCTION payments_post_one(timestamptz, text, text, bytea, text, smallint[], bigint[], bigint[], bigint[]);
DROP FUNCTION payments_post(
    timestamptz, text[], text[], bytea[], text[], int[], int[], smallint[], bigint[], bigint[], bigint[]);
CREATE FUNCTION payments_post(
    p_at timestamptz, p_kinds text[], p_keys text[], p_hashes bytea[], p_refs text[],
    m_journals int[], m_seqs int[], m_ledgers smallint[], m_debits bigint[], m_credits bigint[], m_amounts bigint[]
) RETURNS TABLE (place int, journal bigint, is_new boolean, same boolean)
LANGUAGE plpgsql AS $$
DECLARE made bigint[];
BEGIN
    PERFORM 1 FROM payments_ledgeraccount a
      WHERE NOT a.hot AND a.id = ANY (m_debits || m_credits)
      ORDER BY a.id FOR NO KEY UPDATE;

    WITH inserted AS (
        INSERT INTO payments_journal (kind, key, request_hash, ref, created_at)
        SELECT j.kind, j.key, j.hash, j.ref, p_at
          FROM unnest(p_kinds, p_keys, p_hashes, p_refs) WITH ORDINALITY AS j (kind, key, hash, ref, place)
         ORDER BY j.place
        ON CONFLICT (key) DO NOTHING RETURNING id
    ) SELECT coalesce(array_agg(id), '{}') INTO made FROM inserted;

    INSERT INTO payments_transfer (journal_id, seq, ledger, debit_id, credit_id, amount, created_at)
    SELECT j.id, m.seq, m.ledger, m.debit, m.credit, m.amount, p_at
      FROM unnest(m_journals, m_seqs, m_ledgers, m_debits, m_credits, m_amounts)
           WITH ORDINALITY AS m (place, seq, ledger, debit, credit, amount, n)
      JOIN payments_journal j ON j.key = p_keys[m.place] AND j.id = ANY (made)
     ORDER BY m.n;

    RETURN QUERY
    SELECT asked.place::int, j.id, j.id = ANY (made), j.request_hash = asked.hash
      FROM unnest(p_keys, p_hashes) WITH ORDINALITY AS asked (key, hash, place)
      JOIN payments_journal j ON j.key = asked.key
     ORDER BY asked.place;
END $$;
