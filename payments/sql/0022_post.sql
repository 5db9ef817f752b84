-- Posting, quicker: one journal without a detour through arrays of one, many without looking each other up one by one.
-- Frozen. Called by payments/ledger.py alone, with the caller's own rights.
--
-- Both lock the guarded accounts in id order, claim the keys, then write the transfers of the journals that are new. A
-- key seen before posts nothing; `same` says whether its request was this very one.
CREATE FUNCTION payments_post_one(
    p_at timestamptz, p_kind text, p_key text, p_hash bytea, p_ref text,
    m_ledgers smallint[], m_debits bigint[], m_credits bigint[], m_amounts bigint[],
    OUT journal bigint, OUT is_new boolean, OUT same boolean
) LANGUAGE plpgsql SET plan_cache_mode = force_generic_plan AS $$
DECLARE any_closed boolean;
BEGIN
    SELECT bool_or(locked.closed) INTO any_closed
      FROM (SELECT a.closed FROM payments_ledgeraccount a
             WHERE a.id = ANY (m_debits || m_credits) AND NOT a.hot
             ORDER BY a.id FOR NO KEY UPDATE) locked;

    INSERT INTO payments_journal (kind, key, request_hash, ref, created_at)
    VALUES (p_kind, p_key, p_hash, p_ref, p_at)
    ON CONFLICT (key) DO NOTHING RETURNING id INTO journal;
    is_new := FOUND;
    IF NOT is_new THEN
        SELECT j.id, j.request_hash = p_hash INTO journal, same FROM payments_journal j WHERE j.key = p_key;
        RETURN;
    END IF;
    same := true;
    IF any_closed THEN  -- before the transfer may look like an overdraft
        RAISE EXCEPTION 'a closed account takes no transfers'
            USING ERRCODE = '55000', CONSTRAINT = 'ledgeraccount_open';
    END IF;

    IF cardinality(m_amounts) = 1 THEN
        INSERT INTO payments_transfer (journal_id, seq, ledger, debit_id, credit_id, amount, created_at)
        VALUES (journal, 1, m_ledgers[1], m_debits[1], m_credits[1], m_amounts[1], p_at);
    ELSE
        INSERT INTO payments_transfer (journal_id, seq, ledger, debit_id, credit_id, amount, created_at)
        SELECT journal, m.seq, m.ledger, m.debit, m.credit, m.amount, p_at
          FROM unnest(m_ledgers, m_debits, m_credits, m_amounts)
               WITH ORDINALITY AS m (ledger, debit, credit, amount, seq)
         ORDER BY m.seq;
    END IF;
END $$;

CREATE OR REPLACE FUNCTION payments_post(
    p_at timestamptz, p_kinds text[], p_keys text[], p_hashes bytea[], p_refs text[],
    m_journals int[], m_seqs int[], m_ledgers smallint[], m_debits bigint[], m_credits bigint[], m_amounts bigint[]
) RETURNS TABLE (place int, journal bigint, is_new boolean, same boolean)
-- Planned for the arrays at hand: a plan for ten keys would look up a thousand one by one.
LANGUAGE plpgsql SET plan_cache_mode = force_custom_plan AS $$
DECLARE
    any_closed boolean;
    made bigint[];
BEGIN
    SELECT bool_or(locked.closed) INTO any_closed
      FROM (SELECT a.closed FROM payments_ledgeraccount a
             WHERE a.id = ANY (m_debits || m_credits) AND NOT a.hot
             ORDER BY a.id FOR NO KEY UPDATE) locked;
    IF any_closed AND EXISTS (  -- of a journal that is new; before its transfer may look like an overdraft
        SELECT FROM unnest(m_journals, m_debits, m_credits) AS m (place, debit, credit)
          JOIN payments_ledgeraccount a ON a.id IN (m.debit, m.credit) AND a.closed
         WHERE NOT EXISTS (SELECT FROM payments_journal j WHERE j.key = p_keys[m.place])
    ) THEN
        RAISE EXCEPTION 'a closed account takes no transfers'
            USING ERRCODE = '55000', CONSTRAINT = 'ledgeraccount_open';
    END IF;

    WITH asked AS (
        SELECT * FROM unnest(p_kinds, p_keys, p_hashes, p_refs) WITH ORDINALITY AS j (kind, key, hash, ref, place)
    ), inserted AS (
        INSERT INTO payments_journal (kind, key, request_hash, ref, created_at)
        SELECT asked.kind, asked.key, asked.hash, asked.ref, p_at FROM asked ORDER BY asked.place
        ON CONFLICT (key) DO NOTHING RETURNING id, key
    ), moved AS (
        INSERT INTO payments_transfer (journal_id, seq, ledger, debit_id, credit_id, amount, created_at)
        SELECT inserted.id, m.seq, m.ledger, m.debit, m.credit, m.amount, p_at
          FROM unnest(m_journals, m_seqs, m_ledgers, m_debits, m_credits, m_amounts)
               WITH ORDINALITY AS m (place, seq, ledger, debit, credit, amount, n)
          JOIN asked ON asked.place = m.place
          JOIN inserted ON inserted.key = asked.key
         ORDER BY m.n
    ) SELECT coalesce(array_agg(id ORDER BY id), '{}') INTO made FROM inserted;

    IF cardinality(made) = cardinality(p_keys) THEN  -- all new: their ids are in the order of the keys
        RETURN QUERY
        SELECT j.place::int, j.id, true, true FROM unnest(made) WITH ORDINALITY AS j (id, place) ORDER BY j.place;
        RETURN;
    END IF;
    RETURN QUERY
    SELECT asked.place::int, j.id, new.id IS NOT NULL, j.request_hash = asked.hash
      FROM unnest(p_keys, p_hashes) WITH ORDINALITY AS asked (key, hash, place)
      JOIN payments_journal j ON j.key = asked.key
      LEFT JOIN unnest(made) AS new (id) ON new.id = j.id
     ORDER BY asked.place;
END $$;
