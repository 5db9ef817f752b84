-- A series may give many numbers at once: a million settled orders are billed in batches. Frozen.
CREATE OR REPLACE FUNCTION payments_series_counts() RETURNS trigger
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    IF NEW.key <> OLD.key OR NEW.next <= OLD.next THEN
        RAISE EXCEPTION 'series % goes on', OLD.key
            USING ERRCODE = '55000', CONSTRAINT = 'invoice_series_counts';
    END IF;
    RETURN NEW;
END $$;

-- At commit: each number that was taken stands on a document, so that a gap can't be written.
CREATE OR REPLACE FUNCTION payments_number_is_used() RETURNS trigger
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE first bigint := 1;
BEGIN
    IF TG_OP = 'UPDATE' THEN
        first := OLD.next;
    END IF;
    IF NEW.next < 1 OR NEW.next - first <> (
        SELECT count(*) FROM public.payments_invoice i
         WHERE i.series_id = NEW.key AND i.sequence >= first AND i.sequence < NEW.next) THEN
        RAISE EXCEPTION 'a number from % to % of series % stands on no document', first, NEW.next - 1, NEW.key
            USING ERRCODE = '55000', CONSTRAINT = 'invoice_number_is_used';
    END IF;
    RETURN NULL;
END $$;

-- A document takes a number that its series has given: one that none has, since all before this transaction's have one.
CREATE OR REPLACE FUNCTION payments_number_is_next() RETURNS trigger
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    IF NOT EXISTS (
        SELECT 1 FROM public.payments_invoiceseries s WHERE s.key = NEW.series_id AND s.next > NEW.sequence) THEN
        RAISE EXCEPTION 'number % was not given by series %', NEW.sequence, NEW.series_id
            USING ERRCODE = '55000', CONSTRAINT = 'invoice_number_is_next';
    END IF;
    RETURN NEW;
END $$;
