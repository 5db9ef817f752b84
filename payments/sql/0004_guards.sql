-- Which guard an account has follows from its kind: nobody can open a lot or an escrow that may go below zero. Frozen.
ALTER TABLE payments_ledgeraccount
    ADD CONSTRAINT ledgeraccount_guard_of_kind
        CHECK (guard = CASE kind WHEN 'platform' THEN 'N' WHEN 'debt' THEN 'D' ELSE 'C' END),
    ADD CONSTRAINT ledgeraccount_hot_is_platform CHECK (NOT hot OR kind = 'platform');

-- What a coin cost and where it came from stays as it was written.
CREATE TRIGGER lot_stays BEFORE UPDATE OR DELETE OR TRUNCATE ON payments_lot
    FOR EACH STATEMENT EXECUTE FUNCTION payments_refuse_change();
CREATE TRIGGER gift_stays BEFORE UPDATE OR DELETE OR TRUNCATE ON payments_gift
    FOR EACH STATEMENT EXECUTE FUNCTION payments_refuse_change();
CREATE TRIGGER checkpoint_stays BEFORE UPDATE ON payments_checkpoint
    FOR EACH STATEMENT EXECUTE FUNCTION payments_refuse_change();
