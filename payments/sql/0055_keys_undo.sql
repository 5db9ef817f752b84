-- The functions as 0051 and 0053 made them.
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

CREATE OR REPLACE FUNCTION payments_open_lot(
    p_lot uuid, p_owner uuid, p_kind text, p_key text, p_hash bytea, p_ref text, p_origin text, p_coins int,
    p_paid_minor bigint, p_currency text, p_top_up uuid, p_reason text, p_expires_at timestamptz,
    p_withdrawable boolean, p_at timestamptz,
    OUT lot uuid, OUT same boolean, OUT has_repaid boolean
) LANGUAGE plpgsql SET plan_cache_mode = force_generic_plan SET enable_seqscan = off AS $$
DECLARE
    issuance CONSTANT bigint := 1;
    micros   CONSTANT bigint := p_coins * 1000000::bigint;
    debt     CONSTANT bigint := payments_open_account(
                 0::smallint, 'debt', 'debt:' || replace(p_owner::text, '-', ''), p_owner, 'D', false);
    coins    bigint;
    owed     bigint;
    givers   bigint[] := ARRAY[issuance];
    takers   bigint[];
    amounts  bigint[] := ARRAY[micros];
    posted   record;
BEGIN
    SELECT a.debits - a.credits, a.debits > a.credits OR a.credits > 0 INTO owed, has_repaid
      FROM payments_ledgeraccount a WHERE a.id = debt FOR NO KEY UPDATE;

    SELECT l.id, j.request_hash = p_hash INTO lot, same
      FROM payments_journal j LEFT JOIN payments_lot l ON l.opening_id = j.id WHERE j.key = p_key;
    IF FOUND THEN
        RETURN;
    END IF;

    coins := payments_open_account(0::smallint, 'lot', NULL, p_owner, 'C', false);
    takers := ARRAY[coins];
    IF owed > 0 THEN
        givers := givers || coins;
        takers := takers || debt;
        amounts := amounts || least(owed, micros);
    END IF;
    SELECT * INTO posted FROM payments_post_one(
        p_at, p_kind, p_key, p_hash, p_ref, array_fill(0::smallint, ARRAY[cardinality(amounts)]), givers, takers, amounts);
    IF NOT posted.is_new THEN
        RAISE EXCEPTION 'journal % was posted by another request meanwhile', p_key
            USING ERRCODE = '23505', CONSTRAINT = 'journal_once_per_key';
    END IF;
    INSERT INTO payments_lot (id, ledger_account_id, opening_id, account_id, origin, coins, paid_minor, currency,
                              top_up, reason, expires_at, withdrawable, opened_at)
    VALUES (p_lot, coins, posted.journal, p_owner, p_origin, p_coins, p_paid_minor, p_currency,
            p_top_up, p_reason, p_expires_at, p_withdrawable, p_at);
    lot := p_lot;
    same := true;
END $$;

DROP FUNCTION payments_refuse_key(text);
