DROP TRIGGER bank_payout_is_within ON payments_bankpayout;
CREATE TRIGGER bank_payout_is_within BEFORE INSERT ON payments_bankpayout
    FOR EACH ROW EXECUTE FUNCTION payments_bank_payout_is_within();
DROP TRIGGER bank_payout_as_named ON payments_bankpayout;
DROP FUNCTION payments_bank_payout_as_named();
DROP TRIGGER leg_to_named_is_reviewed ON payments_withdrawalleg;
DROP FUNCTION payments_leg_to_named_is_reviewed();
DROP TRIGGER payout_account_is_kept ON payments_payoutaccount;
DROP TRIGGER payout_account_stays ON payments_payoutaccount;
DROP FUNCTION payments_payout_account_stays();

CREATE OR REPLACE FUNCTION payments_withdrawal_leg_stays() RETURNS trigger
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    IF (NEW.id, NEW.withdrawal_id, NEW.seq, NEW.lot_id, NEW.coins, NEW.returned_id)
       IS DISTINCT FROM (OLD.id, OLD.withdrawal_id, OLD.seq, OLD.lot_id, OLD.coins, OLD.returned_id)
       OR (OLD.state = 'failed' AND NEW.state <> 'failed') THEN
        RAISE EXCEPTION 'leg % stays as it was requested', OLD.id
            USING ERRCODE = '55000', CONSTRAINT = 'withdrawal_leg_stays';
    END IF;
    RETURN NEW;
END $$;

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
