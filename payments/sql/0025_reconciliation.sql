-- What a provider said stays as it said it, and so does the history of a difference; resolved stays resolved. Frozen.

CREATE TRIGGER provider_line_stays BEFORE UPDATE OR DELETE OR TRUNCATE ON payments_providerline
    FOR EACH STATEMENT EXECUTE FUNCTION payments_row_stays();
CREATE TRIGGER difference_note_stays BEFORE UPDATE OR DELETE OR TRUNCATE ON payments_differencenote
    FOR EACH STATEMENT EXECUTE FUNCTION payments_row_stays();
CREATE TRIGGER difference_is_kept BEFORE DELETE OR TRUNCATE ON payments_difference
    FOR EACH STATEMENT EXECUTE FUNCTION payments_row_stays();
CREATE TRIGGER reconciliation_is_kept BEFORE DELETE OR TRUNCATE ON payments_reconciliation
    FOR EACH STATEMENT EXECUTE FUNCTION payments_row_stays();

CREATE FUNCTION payments_difference_stays() RETURNS trigger
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    IF OLD.state = 'resolved' OR (NEW.gateway, NEW.kind, NEW.subject, NEW.found_at)
       IS DISTINCT FROM (OLD.gateway, OLD.kind, OLD.subject, OLD.found_at) THEN
        RAISE EXCEPTION 'difference % stays as it was', OLD.id
            USING ERRCODE = '55000', CONSTRAINT = 'difference_stays';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER difference_stays BEFORE UPDATE ON payments_difference
    FOR EACH ROW EXECUTE FUNCTION payments_difference_stays();
