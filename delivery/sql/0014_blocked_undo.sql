DROP TABLE delivery_agent;
DROP TABLE delivery_charge_source;
DROP TRIGGER blocked_source_stays ON delivery_blocked_source;
DROP FUNCTION delivery_blocked_source_stays();
ALTER TABLE delivery_blocked_source DROP CONSTRAINT blocked_source_not_everybody;
