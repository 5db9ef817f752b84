-- Balances follow the transfers, and nothing else moves them. Frozen.

-- SECURITY DEFINER: the application's role may insert a transfer, never write a balance (grants.sql).
CREATE FUNCTION payments_apply_transfers() RETURNS trigger
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
REVOKE ALL ON FUNCTION payments_apply_transfers() FROM PUBLIC;

CREATE TRIGGER transfer_moves_balances AFTER INSERT ON payments_transfer
    REFERENCING NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION payments_apply_transfers();

CREATE FUNCTION payments_refuse_change() RETURNS trigger
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    RAISE EXCEPTION '% of % is refused: what was posted stays; a correction is another transfer', TG_OP, TG_TABLE_NAME
        USING ERRCODE = '55000', CONSTRAINT = 'ledger_append_only';
END $$;

CREATE TRIGGER transfer_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON payments_transfer
    FOR EACH STATEMENT EXECUTE FUNCTION payments_refuse_change();
CREATE TRIGGER journal_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON payments_journal
    FOR EACH STATEMENT EXECUTE FUNCTION payments_refuse_change();
CREATE TRIGGER account_stays BEFORE DELETE OR TRUNCATE ON payments_ledgeraccount
    FOR EACH STATEMENT EXECUTE FUNCTION payments_refuse_change();
CREATE TRIGGER account_is_what_it_was BEFORE UPDATE OF id, ledger, kind, code, owner, guard, hot ON payments_ledgeraccount
    FOR EACH STATEMENT EXECUTE FUNCTION payments_refuse_change();

CREATE FUNCTION payments_stay_closed() RETURNS trigger
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    IF OLD.closed AND NOT NEW.closed THEN
        RAISE EXCEPTION 'account % is closed for good', OLD.id
            USING ERRCODE = '55000', CONSTRAINT = 'ledgeraccount_open';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER account_stays_closed BEFORE UPDATE OF closed ON payments_ledgeraccount
    FOR EACH ROW EXECUTE FUNCTION payments_stay_closed();
