-- A return is the sum of the charges that it names, and stays it: nobody changes one or the other afterwards. Frozen.
-- A return is made before its charges are marked with it, so that it is looked at when its transaction ends. Charges are
-- looked at by statement: a return may have a million, and each would add all of them up.
CREATE FUNCTION delivery_return_fits(wanted uuid) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    IF EXISTS (SELECT FROM delivery_charge_return r
                WHERE r.id = wanted
                  AND NOT (SELECT count(*) = r.impressions AND coalesce(sum(c.price_micros), 0) = r.micros
                             FROM delivery_invalid_charge c
                            WHERE c.returned_id = r.id AND c.finding_id = r.finding_id
                              AND c.order_id = r.order_id)) THEN
        RAISE EXCEPTION 'return % is not the sum of its charges', wanted USING ERRCODE = 'check_violation';
    END IF;
END $$;

CREATE FUNCTION delivery_charge_return_is_its_sum() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM delivery_return_fits(NEW.id);
    RETURN NULL;
END $$;

CREATE CONSTRAINT TRIGGER charge_return_is_its_sum AFTER INSERT OR UPDATE ON delivery_charge_return
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION delivery_charge_return_is_its_sum();

CREATE FUNCTION delivery_invalid_charges_fit() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP <> 'INSERT' THEN
        PERFORM delivery_return_fits(id) FROM (SELECT DISTINCT returned_id AS id FROM before WHERE returned_id IS NOT NULL) r;
    END IF;
    IF TG_OP <> 'DELETE' THEN
        PERFORM delivery_return_fits(id) FROM (SELECT DISTINCT returned_id AS id FROM after WHERE returned_id IS NOT NULL) r;
    END IF;
    RETURN NULL;
END $$;

CREATE TRIGGER invalid_charges_fit_new AFTER INSERT ON delivery_invalid_charge
    REFERENCING NEW TABLE AS after FOR EACH STATEMENT EXECUTE FUNCTION delivery_invalid_charges_fit();
CREATE TRIGGER invalid_charges_fit_changed AFTER UPDATE ON delivery_invalid_charge
    REFERENCING OLD TABLE AS before NEW TABLE AS after FOR EACH STATEMENT EXECUTE FUNCTION delivery_invalid_charges_fit();
CREATE TRIGGER invalid_charges_fit_gone AFTER DELETE ON delivery_invalid_charge
    REFERENCING OLD TABLE AS before FOR EACH STATEMENT EXECUTE FUNCTION delivery_invalid_charges_fit();
