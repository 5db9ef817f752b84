-- Posting takes fewer statements, and looks each account up once, however many transfers touch it. Frozen.
--
-- Locks: the trigger's UPDATE takes the accounts' rows in the order of their ids, so that journals never wait for each
-- other in a ring. To lock them all beforehand wrote each row twice; who decides by a balance locks it before
-- (ledger.lock, payments_lock_free), in the same order.
--
-- A single transfer has a way of its own through the trigger, of three statements.
CREATE OR REPLACE FUNCTION payments_apply_transfers() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
-- The plan is kept from a session's first journal, which may be large, on tables that may be small still: then too each
-- account and journal is found by its id.
SET enable_hashjoin = off SET enable_mergejoin = off SET enable_seqscan = off SET enable_bitmapscan = off AS $$
DECLARE
    broken text;
    guarded integer;
    open integer;
    rows integer;
    one public.payments_transfer;
BEGIN
    -- Else a temporary table of the same shape could carry this trigger and write balances.
    IF TG_RELID <> 'public.payments_transfer'::regclass THEN
        RAISE EXCEPTION 'this trigger belongs to payments_transfer' USING ERRCODE = '42501';
    END IF;

    -- A single one moves its two balances by their ids, and is done where neither is hot or closed, as most are.
    SELECT count(*), min(journal_id), min(ledger), min(debit_id), min(credit_id), min(amount)
      INTO rows, one.journal_id, one.ledger, one.debit_id, one.credit_id, one.amount FROM new_rows;
    IF rows = 1 AND EXISTS (SELECT FROM public.payments_journal j WHERE j.id = one.journal_id) THEN
        UPDATE public.payments_ledgeraccount a
           SET debits = a.debits + CASE WHEN a.id = one.debit_id THEN one.amount ELSE 0 END,
               credits = a.credits + CASE WHEN a.id = one.credit_id THEN one.amount ELSE 0 END
         WHERE a.id = ANY (ARRAY[one.debit_id, one.credit_id]) AND a.ledger = one.ledger AND NOT a.hot AND NOT a.closed;
        GET DIAGNOSTICS open = ROW_COUNT;
        IF open = 2 THEN
            RETURN NULL;
        END IF;
        SELECT count(*) FILTER (WHERE NOT a.hot),
               CASE WHEN count(*) FILTER (WHERE a.id = one.debit_id) = 0 THEN 'transfer_debit_account'
                    WHEN count(*) < 2 THEN 'transfer_credit_account' END
          INTO guarded, broken
          FROM public.payments_ledgeraccount a
         WHERE a.id = ANY (ARRAY[one.debit_id, one.credit_id]) AND a.ledger = one.ledger;
        IF broken IS NULL AND open = guarded THEN
            RETURN NULL;
        END IF;
    ELSE
        -- Many, or one that can't stand: what is wrong is named.
        SELECT CASE WHEN bool_or(a.id IS NULL AND side.gives) THEN 'transfer_debit_account'
                    WHEN bool_or(a.id IS NULL) THEN 'transfer_credit_account'
                    WHEN EXISTS (SELECT FROM (SELECT DISTINCT journal_id FROM new_rows OFFSET 0) t
                                  WHERE NOT EXISTS (SELECT FROM public.payments_journal j WHERE j.id = t.journal_id))
                    THEN 'transfer_journal' END,
               count(a.id) FILTER (WHERE NOT a.hot)
          INTO broken, guarded
          FROM (SELECT id, ledger, bool_or(gives) AS gives
                  FROM (SELECT debit_id AS id, ledger, true AS gives FROM new_rows
                        UNION ALL
                        SELECT credit_id, ledger, false FROM new_rows) both_sides
                 GROUP BY id, ledger OFFSET 0) side
          LEFT JOIN public.payments_ledgeraccount a ON a.id = side.id AND a.ledger = side.ledger;
        IF broken IS NULL THEN
            -- One that was closed, be it while its row was waited for, is passed over: so it is told from an overdraft.
            WITH moved AS (
                UPDATE public.payments_ledgeraccount a
                   SET debits = a.debits + side.debits, credits = a.credits + side.credits
                  FROM (SELECT id, sum(debits) AS debits, sum(credits) AS credits
                          FROM (SELECT debit_id AS id, amount AS debits, 0::bigint AS credits FROM new_rows
                                UNION ALL
                                SELECT credit_id, 0, amount FROM new_rows) both_sides
                         GROUP BY id ORDER BY id) side
                 WHERE a.id = side.id AND NOT a.hot AND NOT a.closed
                RETURNING 1
            ) SELECT count(*) INTO open FROM moved;
        END IF;
    END IF;

    IF broken IS NOT NULL THEN
        RAISE EXCEPTION 'a transfer names an account or journal that is not there, or not in its ledger: %', broken
            USING ERRCODE = '23503', CONSTRAINT = broken;
    END IF;

    IF open < guarded THEN
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
BEGIN
    INSERT INTO payments_journal (kind, key, request_hash, ref, created_at)
    VALUES (p_kind, p_key, p_hash, p_ref, p_at)
    ON CONFLICT (key) DO NOTHING RETURNING id INTO journal;
    is_new := FOUND;
    IF NOT is_new THEN
        SELECT j.id, j.request_hash = p_hash INTO journal, same FROM payments_journal j WHERE j.key = p_key;
        RETURN;
    END IF;
    same := true;

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
DECLARE made bigint[];
BEGIN
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
