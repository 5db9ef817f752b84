CREATE OR REPLACE FUNCTION payments_apply_transfers() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
-- The plan is kept from a session's first journal, which may be large, on tables that may be small still: then too each
-- account and journal is found by its id.
SET enable_hashjoin = off SET enable_mergejoin = off SET enable_seqscan = off AS $$
DECLARE
    any_closed boolean;
    broken text;
BEGIN
    -- Else a temporary table of the same shape could carry this trigger and write balances.
    IF TG_RELID <> 'public.payments_transfer'::regclass THEN
        RAISE EXCEPTION 'this trigger belongs to payments_transfer' USING ERRCODE = '42501';
    END IF;
    SELECT CASE WHEN bool_or(giver.id IS NULL) THEN 'transfer_debit_account'
                WHEN bool_or(taker.id IS NULL) THEN 'transfer_credit_account' END INTO broken
      FROM new_rows t
      LEFT JOIN public.payments_ledgeraccount giver ON giver.id = t.debit_id AND giver.ledger = t.ledger
      LEFT JOIN public.payments_ledgeraccount taker ON taker.id = t.credit_id AND taker.ledger = t.ledger;
    IF broken IS NULL AND EXISTS (
        SELECT FROM (SELECT DISTINCT journal_id FROM new_rows) t
         WHERE NOT EXISTS (SELECT FROM public.payments_journal j WHERE j.id = t.journal_id)
    ) THEN
        broken := 'transfer_journal';
    END IF;
    IF broken IS NOT NULL THEN
        RAISE EXCEPTION 'a transfer names an account or journal that is not there, or not in its ledger: %', broken
            USING ERRCODE = '23503', CONSTRAINT = broken;
    END IF;

    -- In the order of ids, whatever way the rows came by: two writers never wait for each other in a ring.
    WITH moved AS (
        UPDATE public.payments_ledgeraccount a
           SET debits = a.debits + side.debits, credits = a.credits + side.credits
          FROM (SELECT id, sum(debits) AS debits, sum(credits) AS credits
                  FROM (SELECT debit_id AS id, amount AS debits, 0::bigint AS credits FROM new_rows
                        UNION ALL
                        SELECT credit_id, 0, amount FROM new_rows) both_sides
                 GROUP BY id ORDER BY id) side
         WHERE a.id = side.id AND NOT a.hot
        RETURNING a.closed
    ) SELECT bool_or(closed) INTO any_closed FROM moved;
    IF any_closed THEN
        RAISE EXCEPTION 'a closed account takes no transfers'
            USING ERRCODE = '55000', CONSTRAINT = 'ledgeraccount_open';
    END IF;
    RETURN NULL;
END $$;

CREATE OR REPLACE FUNCTION payments_post_one(
    p_at timestamptz, p_kind text, p_key text, p_hash bytea, p_ref text,
    m_ledgers smallint[], m_debits bigint[], m_credits bigint[], m_amounts bigint[],
    OUT journal bigint, OUT is_new boolean, OUT same boolean
) LANGUAGE plpgsql SET plan_cache_mode = force_generic_plan SET enable_seqscan = off AS $$
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
