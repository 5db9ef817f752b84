-- A difference is resolved with a reason: by the end of the transaction its history has the note. Frozen.

CREATE FUNCTION payments_resolved_says_why() RETURNS trigger
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    IF NOT EXISTS (SELECT FROM public.payments_differencenote n
                    WHERE n.difference_id = NEW.id AND n.to_state = 'resolved') THEN
        RAISE EXCEPTION 'difference % is resolved without a reason', NEW.id
            USING ERRCODE = '23514', CONSTRAINT = 'difference_resolved_says_why';
    END IF;
    RETURN NULL;
END $$;
CREATE CONSTRAINT TRIGGER difference_resolved_says_why AFTER INSERT OR UPDATE OF state ON payments_difference
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW WHEN (NEW.state = 'resolved')
    EXECUTE FUNCTION payments_resolved_says_why();
