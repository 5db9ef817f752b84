DROP TRIGGER limit_passed_is_kept ON payments_limitpassed;
DROP TRIGGER limit_passed_stays ON payments_limitpassed;
DROP FUNCTION payments_limit_passed_stays();
