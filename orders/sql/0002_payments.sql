-- What was decided of an order that was paid for in one step stays. Frozen.

CREATE FUNCTION orders_payment_stays() RETURNS trigger
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    IF OLD.state <> 'waiting'
       OR (NEW.id, NEW.account_id, NEW.key, NEW.quote, NEW.top_up_id, NEW.started_at)
          IS DISTINCT FROM (OLD.id, OLD.account_id, OLD.key, OLD.quote, OLD.top_up_id, OLD.started_at) THEN
        RAISE EXCEPTION 'payment % of an order stays as it was decided', OLD.id
            USING ERRCODE = '55000', CONSTRAINT = 'order_payment_stays';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER order_payment_stays BEFORE UPDATE ON orders_orderpayment
    FOR EACH ROW EXECUTE FUNCTION orders_payment_stays();
