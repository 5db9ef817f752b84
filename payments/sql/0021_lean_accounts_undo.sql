DROP TRIGGER account_opens_right ON payments_ledgeraccount;
DROP FUNCTION payments_account_opens();
ALTER TABLE payments_ledgeraccount
    ADD CONSTRAINT ledgeraccount_ledger_known  CHECK (ledger BETWEEN 0 AND 999),
    ADD CONSTRAINT ledgeraccount_guard_known   CHECK (guard IN ('C', 'D', 'N')),
    ADD CONSTRAINT ledgeraccount_sums_positive CHECK (debits >= 0 AND credits >= 0),
    ADD CONSTRAINT ledgeraccount_hot_is_derived CHECK (NOT hot OR (guard = 'N' AND NOT closed AND debits = 0 AND credits = 0)),
    ADD CONSTRAINT ledgeraccount_closed_is_empty CHECK (NOT closed OR debits = credits),
    ADD CONSTRAINT ledgeraccount_guard_of_kind
        CHECK (guard = CASE kind WHEN 'platform' THEN 'N' WHEN 'debt' THEN 'D' ELSE 'C' END),
    ADD CONSTRAINT ledgeraccount_hot_is_platform CHECK (NOT hot OR kind = 'platform');
CREATE OR REPLACE FUNCTION payments_apply_transfers() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE any_closed boolean;
BEGIN
    -- Else a temporary table of the same shape could carry this trigger and write balances.
    IF TG_RELID <> 'public.payments_transfer'::regclass THEN
        RAISE EXCEPTION 'this trigger belongs to payments_transfer' USING ERRCODE = '42501';
    END IF;

    -- In id order, so that two journals never wait for each other in a ring.
    SELECT bool_or(locked.closed) INTO any_closed
      FROM (SELECT a.closed FROM public.payments_ledgeraccount a
             WHERE NOT a.hot AND a.id IN (SELECT debit_id FROM new_rows UNION SELECT credit_id FROM new_rows)
             ORDER BY a.id FOR NO KEY UPDATE) locked;
    IF any_closed THEN
        RAISE EXCEPTION 'a closed account takes no transfers'
            USING ERRCODE = '55000', CONSTRAINT = 'ledgeraccount_open';
    END IF;

    UPDATE public.payments_ledgeraccount a
       SET debits = a.debits + moved.debits, credits = a.credits + moved.credits
      FROM (SELECT side.id, sum(side.debits)::bigint AS debits, sum(side.credits)::bigint AS credits
              FROM (SELECT debit_id AS id, amount AS debits, 0 AS credits FROM new_rows
                    UNION ALL
                    SELECT credit_id, 0, amount FROM new_rows) side
             GROUP BY side.id) moved
     WHERE a.id = moved.id AND NOT a.hot;
    RETURN NULL;
END $$;
CREATE OR REPLACE FUNCTION payments_stay_closed() RETURNS trigger
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    IF OLD.closed AND NOT NEW.closed THEN
        RAISE EXCEPTION 'account % is closed for good', OLD.id
            USING ERRCODE = '55000', CONSTRAINT = 'ledgeraccount_open';
    END IF;
    RETURN NEW;
END $$;
