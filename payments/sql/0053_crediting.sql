-- A payment becomes coins in one call, whose statements are planned once a session. Frozen.
--
-- Whether the provider's answer is about this payment has been decided before (payments/top_ups.py); here it is paid
-- once, under its lock, with all that comes of it. Locks: the top-up, then its owner's debt, whose id is below the lot's.

-- The account of this code, opened where there is none; without a code a new one.
CREATE FUNCTION payments_open_account(
    p_ledger smallint, p_kind text, p_code text, p_owner uuid, p_guard text, p_hot boolean
) RETURNS bigint LANGUAGE plpgsql SET plan_cache_mode = force_generic_plan SET enable_seqscan = off AS $$
DECLARE opened bigint;
BEGIN
    IF p_code IS NOT NULL THEN
        SELECT a.id INTO opened FROM payments_ledgeraccount a WHERE a.ledger = p_ledger AND a.code = p_code;
        IF FOUND THEN
            RETURN opened;
        END IF;
    END IF;
    INSERT INTO payments_ledgeraccount (ledger, kind, code, owner, guard, hot)
    VALUES (p_ledger, p_kind, p_code, p_owner, p_guard, p_hot)
    ON CONFLICT (ledger, code) WHERE code IS NOT NULL DO NOTHING RETURNING id INTO opened;
    IF opened IS NULL THEN
        SELECT a.id INTO opened FROM payments_ledgeraccount a WHERE a.ledger = p_ledger AND a.code = p_code;
    END IF;
    RETURN opened;
END $$;

-- Credits coins as a lot of their own, and repays what their owner owes from them first. The debt is locked before
-- anything is looked at. The same key again answers the lot of then, with `same` false where another request made it.
-- `has_repaid`: whether the owner's lots ever repaid anything, so that it may have to be told (payments/repayments.py).
CREATE FUNCTION payments_open_lot(
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

-- A top-up is paid: its row and history, its lot, the books of its currency, and word of it to its owner and to the
-- rooms that care. `is_new` is false where it was paid before; then nothing is done. `same` as above.
CREATE FUNCTION payments_pay_top_up(
    p_id uuid, p_ref text, p_provider_ref text, p_payment_ref text, p_amount_minor bigint, p_currency text,
    p_exponent int, p_finish_at timestamptz, p_why text, p_at timestamptz,
    p_lot uuid, p_withdrawable boolean, p_lot_hash bytea, p_book smallint, p_book_hash bytea, p_notification uuid,
    OUT is_new boolean, OUT same boolean, OUT has_repaid boolean
) LANGUAGE plpgsql SET plan_cache_mode = force_generic_plan SET enable_seqscan = off AS $$
DECLARE
    paid     payments_topup;
    lot      record;
    clearing bigint;
    takers   bigint[];
    amounts  bigint[];
    posted   record;
BEGIN
    SELECT * INTO paid FROM payments_topup WHERE id = p_id FOR NO KEY UPDATE;
    is_new := paid.status <> 'paid';
    IF NOT is_new THEN
        RETURN;
    END IF;
    -- A notice is noted as done by a commit of its own behind this one, which waits for the disk. The log is written in
    -- order, so that this one lasts with it; where both are lost, the notice is still there. Not where a store is told.
    IF p_why = 'notice' AND p_finish_at IS NULL THEN
        PERFORM set_config('synchronous_commit', 'off', true);
    END IF;
    INSERT INTO payments_topuptransition (top_up_id, from_status, to_status, why, at)
    VALUES (p_id, paid.status, 'paid', p_why, p_at);
    UPDATE payments_topup
       SET status = 'paid', paid_at = p_at, ended_at = p_at, check_at = NULL, provider_ref = p_provider_ref,
           payment_ref = p_payment_ref, amount_minor = p_amount_minor, currency = p_currency, exponent = p_exponent,
           finish_at = p_finish_at, problem = '', failure = ''
     WHERE id = p_id RETURNING * INTO paid;

    SELECT * INTO lot FROM payments_open_lot(
        p_lot, paid.account_id, 'top_up', 'top_up:' || p_ref || ':credit', p_lot_hash, p_ref, paid.method, paid.coins,
        paid.amount_minor, paid.currency, p_id, '', NULL, p_withdrawable, p_at);
    has_repaid := lot.has_repaid;

    clearing := payments_open_account(p_book, 'platform', 'clearing:' || paid.gateway, NULL, 'N', true);
    takers := ARRAY[payments_open_account(p_book, 'platform', 'coin_liability', NULL, 'N', true)];
    amounts := ARRAY[paid.amount_minor - paid.tax_minor];
    IF paid.tax_minor > 0 THEN
        takers := takers || payments_open_account(p_book, 'platform', 'tax_payable', NULL, 'N', true);
        amounts := amounts || paid.tax_minor;
    END IF;
    SELECT * INTO posted FROM payments_post_one(
        p_at, 'top_up_fiat', 'top_up:' || p_ref || ':fiat', p_book_hash, p_ref,
        array_fill(p_book, ARRAY[cardinality(amounts)]), array_fill(clearing, ARRAY[cardinality(amounts)]),
        takers, amounts);
    same := lot.same AND posted.same;

    -- Money of this payment that went back before it was known to be paid: its notices were nobody's, and are ours now.
    IF p_payment_ref <> '' THEN
        UPDATE payments_notice SET state = 'waiting', attempts = 0, try_at = p_at, error = '', done_at = NULL
         WHERE gateway = paid.gateway AND payment_ref = p_payment_ref AND about = 'return' AND state = 'ignored';
    END IF;

    PERFORM notifications_notify(p_notification, paid.account_id, 'top_up_paid',
        jsonb_build_object('top_up', p_ref, 'coins', paid.coins), p_at);
    PERFORM outbox_record('top_up_paid',
        jsonb_build_object('top_up', p_id, 'account', paid.account_id, 'coins', paid.coins));
END $$;
