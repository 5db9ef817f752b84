CREATE OR REPLACE FUNCTION payments_series_counts() RETURNS trigger
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    IF NEW.key <> OLD.key OR NEW.next <> OLD.next + 1 THEN
        RAISE EXCEPTION 'series % goes on by one', OLD.key
            USING ERRCODE = '55000', CONSTRAINT = 'invoice_series_counts';
    END IF;
    RETURN NEW;
END $$;
CREATE OR REPLACE FUNCTION payments_number_is_used() RETURNS trigger
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    IF NEW.next < 1 OR (NEW.next > 1 AND NOT EXISTS (
        SELECT 1 FROM public.payments_invoice i WHERE i.series_id = NEW.key AND i.sequence = NEW.next - 1)) THEN
        RAISE EXCEPTION 'number % of series % stands on no document', NEW.next - 1, NEW.key
            USING ERRCODE = '55000', CONSTRAINT = 'invoice_number_is_used';
    END IF;
    RETURN NULL;
END $$;
CREATE OR REPLACE FUNCTION payments_number_is_next() RETURNS trigger
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    IF NOT EXISTS (
        SELECT 1 FROM public.payments_invoiceseries s WHERE s.key = NEW.series_id AND s.next = NEW.sequence + 1) THEN
        RAISE EXCEPTION 'number % is not the next of series %', NEW.sequence, NEW.series_id
            USING ERRCODE = '55000', CONSTRAINT = 'invoice_number_is_next';
    END IF;
    RETURN NEW;
END $$;
