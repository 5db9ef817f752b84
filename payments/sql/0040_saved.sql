-- What pays for a top-up was saved by its own account, and by the same method. Frozen.

ALTER TABLE payments_savedmethod ADD CONSTRAINT saved_method_of_its_account UNIQUE (id, account_id, method);
ALTER TABLE payments_topup ADD CONSTRAINT top_up_saved_by_its_account
    FOREIGN KEY (saved_id, account_id, method) REFERENCES payments_savedmethod (id, account_id, method)
    DEFERRABLE INITIALLY IMMEDIATE;
