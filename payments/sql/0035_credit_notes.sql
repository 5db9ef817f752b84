-- Credit notes give back no more than what they correct says, and a credit note that is taken back no more than it gave.
-- Frozen.

CREATE FUNCTION payments_credit_note_within() RETURNS trigger
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    corrected public.payments_invoice;
    credited bigint;
BEGIN
    -- The lock first: two notes of one document see each other.
    SELECT * INTO corrected FROM public.payments_invoice i WHERE i.id = NEW.corrects_id FOR UPDATE;
    SELECT coalesce(sum(c.gross_minor), 0) INTO credited FROM public.payments_invoice c
     WHERE c.corrects_id = NEW.corrects_id
        OR c.corrects_id IN (SELECT n.id FROM public.payments_invoice n WHERE n.corrects_id = NEW.corrects_id);
    IF corrected.currency <> NEW.currency
       OR (corrected.kind <> 'credit_note' AND (NEW.gross_minor <= 0 OR credited + NEW.gross_minor > corrected.gross_minor))
       OR (corrected.kind = 'credit_note' AND (NEW.gross_minor >= 0 OR credited + NEW.gross_minor < -corrected.gross_minor))
    THEN
        RAISE EXCEPTION 'credit note %: % corrects %, % of which % is credited', NEW.number, NEW.gross_minor,
            corrected.number, corrected.gross_minor, credited
            USING ERRCODE = '23514', CONSTRAINT = 'credit_note_within';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER credit_note_within BEFORE INSERT ON payments_invoice
    FOR EACH ROW WHEN (NEW.corrects_id IS NOT NULL) EXECUTE FUNCTION payments_credit_note_within();
