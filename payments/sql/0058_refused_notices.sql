-- What was refused at the door is never worked on; and of all notices, it alone is ever forgotten. Frozen.

CREATE FUNCTION payments_refused_notice_stays() RETURNS trigger
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    RAISE EXCEPTION 'notice %: what was refused stays so, and only that is forgotten', OLD.id
        USING ERRCODE = '55000', CONSTRAINT = TG_NAME;
END $$;
CREATE TRIGGER refused_notice_stays BEFORE UPDATE OF state ON payments_notice
    FOR EACH ROW WHEN ((OLD.state = 'refused') <> (NEW.state = 'refused'))
    EXECUTE FUNCTION payments_refused_notice_stays();
CREATE TRIGGER notice_is_kept BEFORE DELETE ON payments_notice
    FOR EACH ROW WHEN (OLD.state <> 'refused') EXECUTE FUNCTION payments_refused_notice_stays();
