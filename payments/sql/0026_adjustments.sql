-- An adjustment is decided once; what was proposed stays. Frozen.

CREATE FUNCTION payments_adjustment_stays() RETURNS trigger
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    IF OLD.state <> 'proposed'
       OR (NEW.id, NEW.kind, NEW.account_id, NEW.lot_id, NEW.coins, NEW.currency, NEW.debit_code, NEW.credit_code,
           NEW.amount_minor, NEW.reason, NEW.maker_id, NEW.proposed_at)
          IS DISTINCT FROM
          (OLD.id, OLD.kind, OLD.account_id, OLD.lot_id, OLD.coins, OLD.currency, OLD.debit_code, OLD.credit_code,
           OLD.amount_minor, OLD.reason, OLD.maker_id, OLD.proposed_at) THEN
        RAISE EXCEPTION 'adjustment % stays as it was', OLD.id
            USING ERRCODE = '55000', CONSTRAINT = 'adjustment_stays';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER adjustment_stays BEFORE UPDATE ON payments_adjustment
    FOR EACH ROW EXECUTE FUNCTION payments_adjustment_stays();
CREATE TRIGGER adjustment_is_kept BEFORE DELETE OR TRUNCATE ON payments_adjustment
    FOR EACH STATEMENT EXECUTE FUNCTION payments_row_stays();
