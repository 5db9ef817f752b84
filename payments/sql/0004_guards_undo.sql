ALTER TABLE payments_ledgeraccount
    DROP CONSTRAINT ledgeraccount_guard_of_kind,
    DROP CONSTRAINT ledgeraccount_hot_is_platform;
DROP TRIGGER lot_stays ON payments_lot;
DROP TRIGGER gift_stays ON payments_gift;
DROP TRIGGER checkpoint_stays ON payments_checkpoint;
