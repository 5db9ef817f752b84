-- Of a lot no more coins are taken back than it had: by returns of its payment and by chargebacks together. Frozen.
--
-- With the owner's rights, since the application's role may not lock a lot's row. Who takes has locked the payment
-- before (payments/returns.py, withdrawals.py, adjustments.py), so that nobody waits for this lock with others of theirs.
CREATE FUNCTION payments_taken_once() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    lot   public.payments_lot;
    taken bigint;
BEGIN
    IF TG_TABLE_NAME = 'payments_adjustment' THEN
        SELECT * INTO lot FROM public.payments_lot l WHERE l.id = NEW.lot_id FOR NO KEY UPDATE;
    ELSE
        SELECT * INTO lot FROM public.payments_lot l WHERE l.top_up = NEW.top_up_id FOR NO KEY UPDATE;
    END IF;
    SELECT coalesce((SELECT sum(a.coins) FROM public.payments_adjustment a
                      WHERE a.lot_id = lot.id AND a.kind = 'chargeback' AND a.state = 'approved'), 0)
         + coalesce((SELECT sum(r.coins) FROM public.payments_paymentreturn r
                      WHERE r.top_up_id = lot.top_up AND r.state <> 'undone'), 0) INTO taken;
    IF taken > lot.coins THEN
        RAISE EXCEPTION 'of lot % with % coins % would be taken back', lot.id, lot.coins, taken
            USING ERRCODE = '23514', CONSTRAINT = 'lot_taken_back_once';
    END IF;
    RETURN NULL;
END $$;
REVOKE ALL ON FUNCTION payments_taken_once() FROM PUBLIC;

CREATE TRIGGER adjustment_takes_once AFTER INSERT OR UPDATE OF state ON payments_adjustment
    FOR EACH ROW WHEN (NEW.kind = 'chargeback' AND NEW.state = 'approved') EXECUTE FUNCTION payments_taken_once();
CREATE TRIGGER return_takes_once AFTER INSERT ON payments_paymentreturn
    FOR EACH ROW EXECUTE FUNCTION payments_taken_once();
