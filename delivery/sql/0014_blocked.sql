-- What ops block, and where charges came from, so that a block that is found out later still finds them. Frozen.
-- Nobody blocks a tenth of a continent by a slip: a /8 of IPv4, a /19 of IPv6 at the widest.
ALTER TABLE delivery_blocked_source ADD CONSTRAINT blocked_source_not_everybody
    CHECK (network IS NULL OR masklen(network) >= CASE family(network) WHEN 4 THEN 8 ELSE 19 END);

-- Its history is its rows: one is never changed but for being lifted, once, and never goes.
CREATE FUNCTION delivery_blocked_source_stays() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'UPDATE' AND OLD.lifted_at IS NULL AND NEW.lifted_at IS NOT NULL AND NEW.lifted_by_id IS NOT NULL THEN
        OLD.lifted_at := NEW.lifted_at;
        OLD.lifted_by_id := NEW.lifted_by_id;
        IF OLD IS NOT DISTINCT FROM NEW THEN
            RETURN NEW;
        END IF;
    END IF;
    RAISE EXCEPTION 'a block is lifted, never changed or deleted' USING ERRCODE = 'restrict_violation';
END $$;
CREATE TRIGGER blocked_source_stays BEFORE UPDATE OR DELETE ON delivery_blocked_source
    FOR EACH ROW EXECUTE FUNCTION delivery_blocked_source_stays();

-- Of charged impressions alone. Addresses in sixteen bytes, as IPv6 writes them; an agent by a hash of its words.
CREATE TABLE delivery_charge_source (
    day date NOT NULL,
    token uuid NOT NULL,
    address bytea,
    agent bigint,
    CONSTRAINT charge_source_address CHECK (length(address) = 16),
    CONSTRAINT charge_source_of_something CHECK (address IS NOT NULL OR agent IS NOT NULL)
);
-- Rows come nearly in the order of their days: a few pages say where each day lies.
CREATE INDEX delivery_charge_source_day ON delivery_charge_source USING brin (day);
-- `day`: when it was met last.
CREATE TABLE delivery_agent (id bigint PRIMARY KEY, words text NOT NULL, day date NOT NULL);
