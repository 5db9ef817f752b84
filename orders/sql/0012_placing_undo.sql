DROP TRIGGER orders_order_funded ON orders_order;
CREATE CONSTRAINT TRIGGER orders_order_funded AFTER INSERT ON orders_order
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION orders_order_funded();
DROP FUNCTION orders_place(
    json, json, bigint, timestamptz, uuid, text, jsonb, text, text, text, bytea, text, bigint[], bigint[]);
DROP FUNCTION orders_placing_facts(uuid, text, uuid, uuid, uuid, boolean, timestamptz);
