-- Documents stay as they were issued, and their numbers have no gap: the database's own promise. Frozen.

CREATE TRIGGER invoice_stays BEFORE UPDATE OR DELETE OR TRUNCATE ON payments_invoice
    FOR EACH STATEMENT EXECUTE FUNCTION payments_row_stays();
CREATE TRIGGER invoice_document_stays BEFORE UPDATE OR DELETE OR TRUNCATE ON payments_invoicedocument
    FOR EACH STATEMENT EXECUTE FUNCTION payments_row_stays();
CREATE TRIGGER lot_use_stays BEFORE UPDATE OR DELETE OR TRUNCATE ON payments_lotuse
    FOR EACH STATEMENT EXECUTE FUNCTION payments_row_stays();
CREATE TRIGGER invoice_series_is_kept BEFORE DELETE OR TRUNCATE ON payments_invoiceseries
    FOR EACH STATEMENT EXECUTE FUNCTION payments_row_stays();

CREATE FUNCTION payments_series_counts() RETURNS trigger
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    IF NEW.key <> OLD.key OR NEW.next <> OLD.next + 1 THEN
        RAISE EXCEPTION 'series % goes on by one', OLD.key
            USING ERRCODE = '55000', CONSTRAINT = 'invoice_series_counts';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER invoice_series_counts BEFORE UPDATE ON payments_invoiceseries
    FOR EACH ROW EXECUTE FUNCTION payments_series_counts();

-- At commit: a number that was taken stands on a document, so that a gap can't be written.
CREATE FUNCTION payments_number_is_used() RETURNS trigger
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    IF NEW.next < 1 OR (NEW.next > 1 AND NOT EXISTS (
        SELECT 1 FROM public.payments_invoice i WHERE i.series_id = NEW.key AND i.sequence = NEW.next - 1)) THEN
        RAISE EXCEPTION 'number % of series % stands on no document', NEW.next - 1, NEW.key
            USING ERRCODE = '55000', CONSTRAINT = 'invoice_number_is_used';
    END IF;
    RETURN NULL;
END $$;
CREATE CONSTRAINT TRIGGER invoice_number_is_used AFTER INSERT OR UPDATE ON payments_invoiceseries
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION payments_number_is_used();

-- A document takes the number that its series has just given.
CREATE FUNCTION payments_number_is_next() RETURNS trigger
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    IF NOT EXISTS (
        SELECT 1 FROM public.payments_invoiceseries s WHERE s.key = NEW.series_id AND s.next = NEW.sequence + 1) THEN
        RAISE EXCEPTION 'number % is not the next of series %', NEW.sequence, NEW.series_id
            USING ERRCODE = '55000', CONSTRAINT = 'invoice_number_is_next';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER invoice_number_is_next BEFORE INSERT ON payments_invoice
    FOR EACH ROW EXECUTE FUNCTION payments_number_is_next();
