-- The page that a charge came from, beside its address and agent: by a hash of its host's name. Frozen.
ALTER TABLE delivery_charge_source ADD COLUMN referrer bigint;
ALTER TABLE delivery_charge_source DROP CONSTRAINT charge_source_of_something;
-- Every row that is there meets the narrower rule from before: none has to be looked at.
ALTER TABLE delivery_charge_source ADD CONSTRAINT charge_source_of_something
    CHECK (address IS NOT NULL OR agent IS NOT NULL OR referrer IS NOT NULL) NOT VALID;
-- `day`: when it was met last.
CREATE TABLE delivery_referrer (id bigint PRIMARY KEY, words text NOT NULL, day date NOT NULL);
