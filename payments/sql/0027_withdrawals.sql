-- A withdrawal's facts stay as it was requested, and its history stays. Frozen.

CREATE FUNCTION payments_withdrawal_stays() RETURNS trigger
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    IF (NEW.id, NEW.account_id, NEW.key, NEW.coins, NEW.escrow_id, NEW.requested_at)
       IS DISTINCT FROM (OLD.id, OLD.account_id, OLD.key, OLD.coins, OLD.escrow_id, OLD.requested_at) THEN
        RAISE EXCEPTION 'withdrawal % stays as it was requested', OLD.id
            USING ERRCODE = '55000', CONSTRAINT = 'withdrawal_stays';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER withdrawal_stays BEFORE UPDATE ON payments_withdrawal
    FOR EACH ROW EXECUTE FUNCTION payments_withdrawal_stays();

CREATE FUNCTION payments_withdrawal_leg_stays() RETURNS trigger
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    IF (NEW.id, NEW.withdrawal_id, NEW.seq, NEW.lot_id, NEW.coins, NEW.returned_id)
       IS DISTINCT FROM (OLD.id, OLD.withdrawal_id, OLD.seq, OLD.lot_id, OLD.coins, OLD.returned_id)
       OR (OLD.state = 'failed' AND NEW.state <> 'failed') THEN
        RAISE EXCEPTION 'leg % stays as it was requested', OLD.id
            USING ERRCODE = '55000', CONSTRAINT = 'withdrawal_leg_stays';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER withdrawal_leg_stays BEFORE UPDATE ON payments_withdrawalleg
    FOR EACH ROW EXECUTE FUNCTION payments_withdrawal_leg_stays();

CREATE TRIGGER withdrawal_is_kept BEFORE DELETE OR TRUNCATE ON payments_withdrawal
    FOR EACH STATEMENT EXECUTE FUNCTION payments_row_stays();
CREATE TRIGGER withdrawal_leg_is_kept BEFORE DELETE OR TRUNCATE ON payments_withdrawalleg
    FOR EACH STATEMENT EXECUTE FUNCTION payments_row_stays();
CREATE TRIGGER withdrawal_history_stays BEFORE UPDATE OR DELETE OR TRUNCATE ON payments_withdrawaltransition
    FOR EACH STATEMENT EXECUTE FUNCTION payments_row_stays();
