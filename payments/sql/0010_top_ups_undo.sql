DROP TRIGGER top_up_history_stays ON payments_topuptransition;
DROP TRIGGER top_up_is_kept ON payments_topup;
DROP TRIGGER top_up_stays ON payments_topup;
DROP FUNCTION payments_row_stays();
DROP FUNCTION payments_top_up_stays();
