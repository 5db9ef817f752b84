-- A transfer that came in parts goes back in parts: each to the account of the line that brought it, never more of it
-- than that brought. What was asked for before went to the largest line's. Frozen.

DROP TRIGGER bank_payout_stays ON payments_bankpayout;
UPDATE payments_bankpayout p
   SET match_id = (SELECT m.id FROM payments_bankmatch m
                    WHERE m.top_up_id = p.top_up_id AND m.state = 'approved'
                    ORDER BY m.amount_minor DESC, m.id LIMIT 1);
SET CONSTRAINTS ALL IMMEDIATE;
ALTER TABLE payments_bankpayout ALTER COLUMN match_id SET NOT NULL;

CREATE FUNCTION payments_bank_payout_is_within() RETURNS trigger
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    brought record;
    gone bigint;
BEGIN
    -- The lock first: two that go back to one account see each other's sum.
    SELECT m.top_up_id, m.state, m.amount_minor, l.currency, l.payer, l.payer_account INTO brought
      FROM public.payments_bankmatch m JOIN public.payments_bankline l ON l.id = m.line_id
     WHERE m.id = NEW.match_id FOR UPDATE OF m;
    IF (brought.top_up_id, brought.state, brought.currency, brought.payer, brought.payer_account)
       IS DISTINCT FROM (NEW.top_up_id, 'approved'::varchar, NEW.currency, NEW.payee, NEW.payee_account) THEN
        RAISE EXCEPTION 'payout % goes to another account than its money came from', NEW.reference
            USING ERRCODE = '23514', CONSTRAINT = 'bank_payout_to_its_payer';
    END IF;
    SELECT coalesce(sum(p.amount_minor), 0) INTO gone FROM public.payments_bankpayout p
     WHERE p.match_id = NEW.match_id AND p.state <> 'failed';
    IF gone + NEW.amount_minor > brought.amount_minor THEN
        RAISE EXCEPTION 'payout %: more would go back to an account than came from it', NEW.reference
            USING ERRCODE = '23514', CONSTRAINT = 'bank_payout_within';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER bank_payout_is_within BEFORE INSERT ON payments_bankpayout
    FOR EACH ROW EXECUTE FUNCTION payments_bank_payout_is_within();

CREATE OR REPLACE FUNCTION payments_bank_payout_stays() RETURNS trigger
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    IF (NEW.id, NEW.top_up_id, NEW.match_id, NEW.reference, NEW.amount_minor, NEW.currency, NEW.payee,
        NEW.payee_account, NEW.asked_at)
       IS DISTINCT FROM
       (OLD.id, OLD.top_up_id, OLD.match_id, OLD.reference, OLD.amount_minor, OLD.currency, OLD.payee,
        OLD.payee_account, OLD.asked_at)
       OR OLD.state IN ('sent', 'failed')
       OR (OLD.state = 'waiting' AND NEW.state NOT IN ('waiting', 'told')) THEN
        RAISE EXCEPTION 'payout % stays as it was', OLD.id
            USING ERRCODE = '55000', CONSTRAINT = 'bank_payout_stays';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER bank_payout_stays BEFORE UPDATE ON payments_bankpayout
    FOR EACH ROW EXECUTE FUNCTION payments_bank_payout_stays();

-- After the statement, since the parts of one refund are decided by one.
CREATE FUNCTION payments_bank_payouts_go_together() RETURNS trigger
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    IF NEW.state IN ('sent', 'failed') THEN
        PERFORM 1 FROM public.payments_bankpayout p WHERE p.reference = NEW.reference ORDER BY p.id FOR UPDATE;
        IF EXISTS (SELECT FROM public.payments_bankpayout p
                    WHERE p.reference = NEW.reference AND p.state IN ('sent', 'failed') AND p.state <> NEW.state) THEN
            RAISE EXCEPTION 'payout %: all parts of a refund are sent, or none', NEW.reference
                USING ERRCODE = '23514', CONSTRAINT = 'bank_payouts_go_together';
        END IF;
    END IF;
    RETURN NULL;
END $$;
CREATE TRIGGER bank_payouts_go_together AFTER UPDATE ON payments_bankpayout
    FOR EACH ROW EXECUTE FUNCTION payments_bank_payouts_go_together();
