-- A journal of one transfer, the most frequent there is, takes one statement, and its trigger two. Frozen.
--
-- Most of a single transfer's time goes where a statement begins: five of them, the types and arrays of its call looked
-- up and read, each CHECK of its rows read and planned anew. An account's guard is one CHECK instead of two; it says the
-- same.
ALTER TABLE payments_ledgeraccount
    DROP CONSTRAINT ledgeraccount_no_overcredit,
    DROP CONSTRAINT ledgeraccount_no_overdraft,
    ADD CONSTRAINT ledgeraccount_no_overdraft
        CHECK (CASE guard WHEN 'C' THEN debits <= credits WHEN 'D' THEN credits <= debits ELSE true END);

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
    known boolean;
    one public.payments_transfer;
BEGIN
    -- Else a temporary table of the same shape could carry this trigger and write balances.
    IF TG_RELID <> 'public.payments_transfer'::regclass THEN
        RAISE EXCEPTION 'this trigger belongs to payments_transfer' USING ERRCODE = '42501';
    END IF;

    -- A single one moves its two balances by their ids, and is done where both were open and none or one of them hot.
    -- Its journal is not asked for by EXISTS: of a first batch that is planned to read all journals, by this session ever after.
    SELECT t.ledger, t.debit_id, t.credit_id, t.amount, (SELECT count(*) FROM new_rows),
           (SELECT true FROM public.payments_journal j WHERE j.id = t.journal_id)
      INTO one.ledger, one.debit_id, one.credit_id, one.amount, rows, known FROM new_rows t;
    IF NOT FOUND THEN
        RETURN NULL;
    ELSIF rows = 1 AND known THEN
        UPDATE public.payments_ledgeraccount a
           SET debits = a.debits + CASE WHEN a.id = one.debit_id THEN one.amount ELSE 0 END,
               credits = a.credits + CASE WHEN a.id = one.credit_id THEN one.amount ELSE 0 END
         WHERE a.id = ANY (ARRAY[one.debit_id, one.credit_id]) AND a.ledger = one.ledger AND NOT a.hot AND NOT a.closed;
        GET DIAGNOSTICS open = ROW_COUNT;
        -- The hot accounts of coins have the ids of 0001 and 0024: they are there, and stay what they are.
        IF open = 2 OR open = 1 AND one.ledger = 0
                       AND (one.debit_id BETWEEN 1 AND 10 OR one.credit_id BETWEEN 1 AND 10) THEN
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

-- Posts a journal of one transfer; its id. Where the key has made it already, its id below zero; where the key stands for
-- another request, payments_post_one refuses.
CREATE FUNCTION payments_post_single(
    p_at timestamptz, p_kind text, p_key text, p_hash bytea, p_ref text,
    p_ledger integer, p_debit bigint, p_credit bigint, p_amount bigint
) RETURNS bigint LANGUAGE plpgsql AS $$
DECLARE journal bigint;
BEGIN
    WITH opened AS (
        INSERT INTO payments_journal (kind, key, request_hash, ref, created_at)
        VALUES (p_kind, p_key, p_hash, p_ref, p_at)
        ON CONFLICT (key) DO NOTHING RETURNING id
    ) INSERT INTO payments_transfer (journal_id, seq, ledger, debit_id, credit_id, amount, created_at)
      SELECT opened.id, 1, p_ledger, p_debit, p_credit, p_amount, p_at FROM opened
      RETURNING journal_id INTO journal;
    IF journal IS NULL THEN
        SELECT -p.journal INTO journal FROM payments_post_one(
            p_at, p_kind, p_key, p_hash, p_ref,
            ARRAY[p_ledger]::smallint[], ARRAY[p_debit], ARRAY[p_credit], ARRAY[p_amount]) p;
    END IF;
    RETURN journal;
END $$;

CREATE OR REPLACE FUNCTION payments_fund_escrow(
    p_owner uuid, p_code text, p_at timestamptz, p_kind text, p_key text, p_hash bytea, p_ref text,
    m_debits bigint[], m_amounts bigint[]
) RETURNS bigint LANGUAGE plpgsql AS $$
DECLARE
    escrow bigint;
    parts  int := cardinality(m_debits);
    is_new boolean;
BEGIN
    INSERT INTO payments_ledgeraccount (ledger, kind, code, owner, guard, hot)
    VALUES (0, 'escrow', p_code, p_owner, 'C', false)
    ON CONFLICT (ledger, code) WHERE code IS NOT NULL DO NOTHING RETURNING id INTO escrow;
    IF escrow IS NULL THEN
        RETURN NULL;
    END IF;
    IF parts = 1 THEN
        is_new := payments_post_single(
            p_at, p_kind, p_key, p_hash, p_ref, 0, m_debits[1], escrow, m_amounts[1]) > 0;
    ELSE
        SELECT p.is_new INTO is_new FROM payments_post_one(
            p_at, p_kind, p_key, p_hash, p_ref,
            array_fill(0::smallint, ARRAY[parts]), m_debits, array_fill(escrow, ARRAY[parts]), m_amounts) p;
    END IF;
    IF is_new IS NOT TRUE THEN
        RAISE EXCEPTION 'journal % is there, and its escrow was not', p_key
            USING ERRCODE = '23505', CONSTRAINT = 'journal_once_per_key';
    END IF;
    RETURN escrow;
END $$;
