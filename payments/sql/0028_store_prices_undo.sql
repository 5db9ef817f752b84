-- The function as 0010 made it.

CREATE OR REPLACE FUNCTION payments_top_up_stays() RETURNS trigger
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    IF (NEW.id, NEW.account_id, NEW.key, NEW.market_id, NEW.method, NEW.gateway, NEW.coins, NEW.amount_minor,
        NEW.currency, NEW.exponent, NEW.tax_minor, NEW.started_at)
       IS DISTINCT FROM
       (OLD.id, OLD.account_id, OLD.key, OLD.market_id, OLD.method, OLD.gateway, OLD.coins, OLD.amount_minor,
        OLD.currency, OLD.exponent, OLD.tax_minor, OLD.started_at) THEN
        RAISE EXCEPTION 'top-up % stays as it was started', OLD.id
            USING ERRCODE = '55000', CONSTRAINT = 'top_up_stays';
    END IF;
    IF OLD.status = 'paid' AND (NEW.status, NEW.paid_at, NEW.payment_ref)
       IS DISTINCT FROM (OLD.status, OLD.paid_at, OLD.payment_ref) THEN
        RAISE EXCEPTION 'top-up % is paid for good', OLD.id
            USING ERRCODE = '55000', CONSTRAINT = 'top_up_paid_stays';
    END IF;
    RETURN NEW;
END $$;
