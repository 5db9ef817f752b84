DROP TRIGGER bank_payouts_go_together ON payments_bankpayout;
DROP FUNCTION payments_bank_payouts_go_together();
DROP TRIGGER bank_payout_is_within ON payments_bankpayout;
DROP FUNCTION payments_bank_payout_is_within();

CREATE OR REPLACE FUNCTION payments_bank_payout_stays() RETURNS trigger
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

ALTER TABLE payments_bankpayout ALTER COLUMN match_id DROP NOT NULL;
