-- The transaction that last wrote an order: readers who poll by it miss none that committed late.
CREATE FUNCTION orders_order_stamp() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    NEW.changed_xid := pg_current_xact_id();
    RETURN NEW;
END $$;

CREATE TRIGGER orders_order_stamp BEFORE INSERT OR UPDATE ON orders_order
    FOR EACH ROW EXECUTE FUNCTION orders_order_stamp();

-- No order is committed without its escrow. Checked at commit, since the order's row comes before the money moves.
CREATE FUNCTION orders_order_funded() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF EXISTS (SELECT FROM orders_order WHERE id = NEW.id AND escrow_id IS NULL) THEN
        RAISE EXCEPTION 'order % has no escrow', NEW.id
            USING ERRCODE = 'check_violation', CONSTRAINT = 'order_is_funded', TABLE = 'orders_order';
    END IF;
    RETURN NULL;
END $$;

CREATE CONSTRAINT TRIGGER orders_order_funded AFTER INSERT ON orders_order
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION orders_order_funded();

-- What an order was promised to cost, and whose it is, never changes.
CREATE FUNCTION orders_order_price_is_kept() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'the price of order % is fixed', OLD.id
        USING ERRCODE = 'check_violation', CONSTRAINT = 'order_price_is_kept', TABLE = 'orders_order';
END $$;

CREATE TRIGGER orders_order_price_is_kept BEFORE UPDATE ON orders_order FOR EACH ROW
    WHEN (ROW (OLD.account_id, OLD.cost_coins, OLD.coupon_coins, OLD.pay_coins, OLD.shard, OLD.quote_id, OLD.key)
          IS DISTINCT FROM
          ROW (NEW.account_id, NEW.cost_coins, NEW.coupon_coins, NEW.pay_coins, NEW.shard, NEW.quote_id, NEW.key)
          OR (OLD.escrow_id IS NOT NULL AND OLD.escrow_id IS DISTINCT FROM NEW.escrow_id))
    EXECUTE FUNCTION orders_order_price_is_kept();

-- A final order stays final. What it cost may only fall, when charges are found invalid.
CREATE FUNCTION orders_order_final_is_kept() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'order % is final', OLD.id
        USING ERRCODE = 'check_violation', CONSTRAINT = 'order_final_is_kept', TABLE = 'orders_order';
END $$;

CREATE TRIGGER orders_order_final_is_kept BEFORE UPDATE ON orders_order FOR EACH ROW
    WHEN (OLD.status IN ('settled', 'rejected', 'cancelled')
          AND (OLD.status <> NEW.status OR NEW.spent_coins > OLD.spent_coins))
    EXECUTE FUNCTION orders_order_final_is_kept();

-- History is only added to.
CREATE FUNCTION orders_history_is_kept() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'history is only added to'
        USING ERRCODE = 'check_violation', CONSTRAINT = 'order_history_is_kept', TABLE = 'orders_ordertransition';
END $$;

CREATE TRIGGER orders_history_is_kept BEFORE UPDATE OR DELETE ON orders_ordertransition
    FOR EACH ROW EXECUTE FUNCTION orders_history_is_kept();
