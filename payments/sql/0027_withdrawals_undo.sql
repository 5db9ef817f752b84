DROP TRIGGER withdrawal_history_stays ON payments_withdrawaltransition;
DROP TRIGGER withdrawal_leg_is_kept ON payments_withdrawalleg;
DROP TRIGGER withdrawal_is_kept ON payments_withdrawal;
DROP TRIGGER withdrawal_leg_stays ON payments_withdrawalleg;
DROP FUNCTION payments_withdrawal_leg_stays();
DROP TRIGGER withdrawal_stays ON payments_withdrawal;
DROP FUNCTION payments_withdrawal_stays();
