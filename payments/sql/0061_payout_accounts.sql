-- What can't go back as it was paid goes to an account that its owner names: looked at by our staff first, and what our
-- bank sends of it is what the withdrawal's part says, once. Frozen.

CREATE FUNCTION payments_payout_account_stays() RETURNS trigger
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    -- Sealed anew by another key, both at once, and nothing else: a seal opens for its own row alone.
    IF (NEW.id, NEW.account_id, NEW.market_id, NEW.bank_code, NEW.bank_name, NEW.last_digits, NEW.named_at)
       IS DISTINCT FROM
       (OLD.id, OLD.account_id, OLD.market_id, OLD.bank_code, OLD.bank_name, OLD.last_digits, OLD.named_at)
       OR split_part(NEW.holder, '.', 1) = split_part(OLD.holder, '.', 1)
       OR split_part(NEW.number, '.', 1) = split_part(OLD.number, '.', 1) THEN
        RAISE EXCEPTION 'payout account % stays as it was named', OLD.id
            USING ERRCODE = '55000', CONSTRAINT = 'payout_account_stays';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER payout_account_stays BEFORE UPDATE ON payments_payoutaccount
    FOR EACH ROW EXECUTE FUNCTION payments_payout_account_stays();
CREATE TRIGGER payout_account_is_kept BEFORE DELETE OR TRUNCATE ON payments_payoutaccount
    FOR EACH STATEMENT EXECUTE FUNCTION payments_row_stays();

CREATE FUNCTION payments_leg_to_named_is_reviewed() RETURNS trigger
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    IF NEW.check_at IS NOT NULL OR NOT EXISTS (
        SELECT FROM public.payments_withdrawal w JOIN public.payments_payoutaccount a ON a.account_id = w.account_id
         WHERE w.id = NEW.withdrawal_id AND w.status = 'in_review' AND a.id = NEW.payout_account_id) THEN
        RAISE EXCEPTION 'leg % goes to an account that is not its owner''s, or that nobody looks at', NEW.id
            USING ERRCODE = '23514', CONSTRAINT = 'leg_to_named_is_reviewed';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER leg_to_named_is_reviewed BEFORE INSERT ON payments_withdrawalleg
    FOR EACH ROW WHEN (NEW.payout_account_id IS NOT NULL) EXECUTE FUNCTION payments_leg_to_named_is_reviewed();

CREATE OR REPLACE FUNCTION payments_withdrawal_leg_stays() RETURNS trigger
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    IF (NEW.id, NEW.withdrawal_id, NEW.seq, NEW.lot_id, NEW.coins, NEW.returned_id, NEW.payout_account_id)
       IS DISTINCT FROM
       (OLD.id, OLD.withdrawal_id, OLD.seq, OLD.lot_id, OLD.coins, OLD.returned_id, OLD.payout_account_id)
       OR (OLD.state = 'failed' AND NEW.state <> 'failed') THEN
        RAISE EXCEPTION 'leg % stays as it was requested', OLD.id
            USING ERRCODE = '55000', CONSTRAINT = 'withdrawal_leg_stays';
    END IF;
    RETURN NEW;
END $$;

CREATE FUNCTION payments_bank_payout_as_named() RETURNS trigger
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    asked record;
BEGIN
    -- The lock: the part is not paid, or come back, meanwhile. It counts against what was paid for as long as it stands.
    SELECT r.top_up_id, r.amount_minor, r.currency, r.state, l.payout_account_id INTO asked
      FROM public.payments_withdrawalleg l JOIN public.payments_paymentreturn r ON r.id = l.returned_id
     WHERE l.id = CASE WHEN NEW.reference ~ '^wdl_[0-9a-f]{32}$' THEN substr(NEW.reference, 5)::uuid END
       FOR UPDATE OF r;
    IF (asked.top_up_id, asked.amount_minor, asked.currency, asked.state, asked.payout_account_id)
       IS DISTINCT FROM
       (NEW.top_up_id, NEW.amount_minor, NEW.currency, 'under_way'::varchar, NEW.payout_account_id) THEN
        RAISE EXCEPTION 'payout % is not what its withdrawal asked for', NEW.reference
            USING ERRCODE = '23514', CONSTRAINT = 'bank_payout_as_named';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER bank_payout_as_named BEFORE INSERT ON payments_bankpayout
    FOR EACH ROW WHEN (NEW.match_id IS NULL) EXECUTE FUNCTION payments_bank_payout_as_named();

DROP TRIGGER bank_payout_is_within ON payments_bankpayout;
CREATE TRIGGER bank_payout_is_within BEFORE INSERT ON payments_bankpayout
    FOR EACH ROW WHEN (NEW.match_id IS NOT NULL) EXECUTE FUNCTION payments_bank_payout_is_within();

CREATE OR REPLACE FUNCTION payments_bank_payout_stays() RETURNS trigger
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    IF (NEW.id, NEW.top_up_id, NEW.match_id, NEW.payout_account_id, NEW.reference, NEW.amount_minor, NEW.currency,
        NEW.payee, NEW.payee_account, NEW.asked_at)
       IS DISTINCT FROM
       (OLD.id, OLD.top_up_id, OLD.match_id, OLD.payout_account_id, OLD.reference, OLD.amount_minor, OLD.currency,
        OLD.payee, OLD.payee_account, OLD.asked_at)
       OR OLD.state IN ('sent', 'failed')
       OR (OLD.state = 'waiting' AND NEW.state NOT IN ('waiting', 'told')) THEN
        RAISE EXCEPTION 'payout % stays as it was', OLD.id
            USING ERRCODE = '55000', CONSTRAINT = 'bank_payout_stays';
    END IF;
    RETURN NEW;
END $$;
