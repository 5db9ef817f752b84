-- In a transaction of its own: it looks through the table, and keeps nobody from it. Frozen.
ALTER TABLE delivery_charge_source VALIDATE CONSTRAINT charge_source_of_something;
