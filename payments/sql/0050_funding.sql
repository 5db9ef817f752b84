-- Funding an escrow in two calls, whose statements are planned once a session. Frozen.
--
-- Which lots pay, and how much of each, is decided in payments/lots.py, between the two.

-- Locks the account's lots with coins that have not expired, and other accounts of the same journal, in the order of
-- their ids; answers those that still have coins then. `also` are answered whatever they have.
CREATE FUNCTION payments_lock_free(p_owner uuid, p_at timestamptz, p_also bigint[])
RETURNS TABLE (account bigint, micros bigint, origin text, withdrawable boolean, expires_at timestamptz,
               opened_at timestamptz)
LANGUAGE plpgsql SET plan_cache_mode = force_generic_plan SET enable_seqscan = off SET enable_hashjoin = off
SET enable_mergejoin = off AS $$
BEGIN
    RETURN QUERY
    SELECT a.id, a.credits - a.debits, lot.origin::text, lot.withdrawable, lot.expires_at, lot.opened_at
      FROM payments_ledgeraccount a
      LEFT JOIN payments_lot lot ON lot.ledger_account_id = a.id
     WHERE a.id = ANY (p_also || ARRAY(
            SELECT l.ledger_account_id FROM payments_lot l
             WHERE l.account_id = p_owner AND (l.expires_at IS NULL OR l.expires_at > p_at)))
       AND (a.credits > a.debits OR a.id = ANY (p_also))
     ORDER BY a.id FOR NO KEY UPDATE OF a;
END $$;

-- Opens the escrow of this code and posts the one journal that fills it, from the accounts named. NULL where it is there.
CREATE FUNCTION payments_fund_escrow(
    p_owner uuid, p_code text, p_at timestamptz, p_kind text, p_key text, p_hash bytea, p_ref text,
    m_debits bigint[], m_amounts bigint[]
) RETURNS bigint LANGUAGE plpgsql AS $$
DECLARE
    escrow bigint;
    parts  int := cardinality(m_debits);
    posted record;
BEGIN
    INSERT INTO payments_ledgeraccount (ledger, kind, code, owner, guard, hot)
    VALUES (0, 'escrow', p_code, p_owner, 'C', false)
    ON CONFLICT (ledger, code) WHERE code IS NOT NULL DO NOTHING RETURNING id INTO escrow;
    IF escrow IS NULL THEN
        RETURN NULL;
    END IF;
    SELECT * INTO posted FROM payments_post_one(
        p_at, p_kind, p_key, p_hash, p_ref,
        array_fill(0::smallint, ARRAY[parts]), m_debits, array_fill(escrow, ARRAY[parts]), m_amounts);
    IF NOT posted.is_new THEN
        RAISE EXCEPTION 'journal % is there, and its escrow was not', p_key
            USING ERRCODE = '23505', CONSTRAINT = 'journal_once_per_key';
    END IF;
    RETURN escrow;
END $$;
