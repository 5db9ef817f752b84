-- A purchase over a limit stays told; what came of it is said once. Frozen.

CREATE FUNCTION payments_limit_passed_stays() RETURNS trigger
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    IF OLD.seen_at IS NOT NULL
       OR (NEW.id, NEW.account_id, NEW.top_up_id, NEW."limit", NEW.most, NEW.coins, NEW.at)
          IS DISTINCT FROM
          (OLD.id, OLD.account_id, OLD.top_up_id, OLD."limit", OLD.most, OLD.coins, OLD.at) THEN
        RAISE EXCEPTION 'what was told of limit % stays', OLD.id
            USING ERRCODE = '55000', CONSTRAINT = 'limit_passed_stays';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER limit_passed_stays BEFORE UPDATE ON payments_limitpassed
    FOR EACH ROW EXECUTE FUNCTION payments_limit_passed_stays();
CREATE TRIGGER limit_passed_is_kept BEFORE DELETE OR TRUNCATE ON payments_limitpassed
    FOR EACH STATEMENT EXECUTE FUNCTION payments_row_stays();
