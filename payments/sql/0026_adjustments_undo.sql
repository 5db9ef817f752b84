DROP TRIGGER adjustment_is_kept ON payments_adjustment;
DROP TRIGGER adjustment_stays ON payments_adjustment;
DROP FUNCTION payments_adjustment_stays();
