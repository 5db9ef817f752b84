DROP FUNCTION orders_open(json, json, bigint, timestamptz, uuid, text, jsonb);
DROP FUNCTION orders_placement_facts(uuid, text, uuid, uuid, uuid);
