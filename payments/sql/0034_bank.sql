-- Bank transfers: statements stay, a line is used up to its amount, uses are decided once by a second person, and a
-- top-up of this method is paid by what was approved for it alone. Frozen.

CREATE SEQUENCE payments_bank_reference START 1000000019;

CREATE TRIGGER bank_statement_stays BEFORE UPDATE OR DELETE OR TRUNCATE ON payments_bankstatement
    FOR EACH STATEMENT EXECUTE FUNCTION payments_row_stays();
CREATE TRIGGER bank_line_is_kept BEFORE DELETE OR TRUNCATE ON payments_bankline
    FOR EACH STATEMENT EXECUTE FUNCTION payments_row_stays();
CREATE TRIGGER bank_match_is_kept BEFORE DELETE OR TRUNCATE ON payments_bankmatch
    FOR EACH STATEMENT EXECUTE FUNCTION payments_row_stays();
CREATE TRIGGER bank_payout_is_kept BEFORE DELETE OR TRUNCATE ON payments_bankpayout
    FOR EACH STATEMENT EXECUTE FUNCTION payments_row_stays();

-- pg_trigger_depth() is 1 for a statement of ours: the sum moves by its own trigger alone.
CREATE FUNCTION payments_bank_line_stays() RETURNS trigger
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    IF (NEW.id, NEW.statement_id, NEW.bank_account_id, NEW.ref, NEW.booked_on, NEW.amount_minor, NEW.currency, NEW.text,
        NEW.payer, NEW.payer_account)
       IS DISTINCT FROM
       (OLD.id, OLD.statement_id, OLD.bank_account_id, OLD.ref, OLD.booked_on, OLD.amount_minor, OLD.currency, OLD.text,
        OLD.payer, OLD.payer_account)
       OR (pg_trigger_depth() < 2 AND NEW.used_minor <> OLD.used_minor) THEN
        RAISE EXCEPTION 'bank line % stays as the bank wrote it', OLD.id
            USING ERRCODE = '55000', CONSTRAINT = 'bank_line_stays';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER bank_line_stays BEFORE UPDATE ON payments_bankline
    FOR EACH ROW EXECUTE FUNCTION payments_bank_line_stays();

CREATE FUNCTION payments_sum_bank_line() RETURNS trigger
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    -- The lock first: two who use one line see each other's sum.
    PERFORM 1 FROM public.payments_bankline l WHERE l.id = NEW.line_id FOR UPDATE;
    UPDATE public.payments_bankline l
       SET used_minor = coalesce((SELECT sum(m.amount_minor) FROM public.payments_bankmatch m
                                   WHERE m.line_id = l.id AND m.state <> 'refused'), 0)
     WHERE l.id = NEW.line_id;
    RETURN NULL;
END $$;
CREATE TRIGGER bank_line_is_summed AFTER INSERT OR UPDATE ON payments_bankmatch
    FOR EACH ROW EXECUTE FUNCTION payments_sum_bank_line();

-- A use that buys coins gets its top-up as it is approved; nothing else of it ever changes but its one decision.
CREATE FUNCTION payments_bank_match_stays() RETURNS trigger
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    IF (NEW.id, NEW.line_id, NEW.use, NEW.account_id, NEW.amount_minor, NEW.by_reference, NEW.reason, NEW.maker_id,
        NEW.proposed_at)
       IS DISTINCT FROM
       (OLD.id, OLD.line_id, OLD.use, OLD.account_id, OLD.amount_minor, OLD.by_reference, OLD.reason, OLD.maker_id,
        OLD.proposed_at)
       OR OLD.state <> 'proposed'
       OR (NEW.top_up_id IS DISTINCT FROM OLD.top_up_id
           AND NOT (OLD.use = 'buys' AND OLD.top_up_id IS NULL AND NEW.state = 'approved')) THEN
        RAISE EXCEPTION 'use % of a bank line stays as it was', OLD.id
            USING ERRCODE = '55000', CONSTRAINT = 'bank_match_stays';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER bank_match_stays BEFORE UPDATE ON payments_bankmatch
    FOR EACH ROW EXECUTE FUNCTION payments_bank_match_stays();

CREATE FUNCTION payments_bank_payout_stays() RETURNS trigger
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    IF (NEW.id, NEW.top_up_id, NEW.reference, NEW.amount_minor, NEW.currency, NEW.payee, NEW.payee_account, NEW.asked_at)
       IS DISTINCT FROM
       (OLD.id, OLD.top_up_id, OLD.reference, OLD.amount_minor, OLD.currency, OLD.payee, OLD.payee_account, OLD.asked_at)
       OR OLD.state IN ('sent', 'failed')
       OR (OLD.state = 'waiting' AND NEW.state NOT IN ('waiting', 'told')) THEN
        RAISE EXCEPTION 'payout % stays as it was', OLD.id
            USING ERRCODE = '55000', CONSTRAINT = 'bank_payout_stays';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER bank_payout_stays BEFORE UPDATE ON payments_bankpayout
    FOR EACH ROW EXECUTE FUNCTION payments_bank_payout_stays();

CREATE FUNCTION payments_transfer_is_approved() RETURNS trigger
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    IF NEW.amount_minor IS DISTINCT FROM (
        SELECT sum(m.amount_minor) FROM public.payments_bankmatch m
         WHERE m.top_up_id = NEW.id AND m.state = 'approved') THEN
        RAISE EXCEPTION 'top-up %: no two persons have approved a transfer of its amount', NEW.id
            USING ERRCODE = '55000', CONSTRAINT = 'transfer_is_approved';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER transfer_is_approved BEFORE INSERT OR UPDATE OF status ON payments_topup
    FOR EACH ROW WHEN (NEW.gateway = 'bank_transfer' AND NEW.status = 'paid')
    EXECUTE FUNCTION payments_transfer_is_approved();
