DROP TABLE delivery_referrer;
DELETE FROM delivery_charge_source WHERE address IS NULL AND agent IS NULL;
ALTER TABLE delivery_charge_source DROP CONSTRAINT charge_source_of_something;
ALTER TABLE delivery_charge_source DROP COLUMN referrer;
ALTER TABLE delivery_charge_source ADD CONSTRAINT charge_source_of_something
    CHECK (address IS NOT NULL OR agent IS NOT NULL);
