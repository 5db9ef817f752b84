DROP TRIGGER transfer_moves_balances ON payments_transfer;
DROP TRIGGER transfer_append_only ON payments_transfer;
DROP TRIGGER journal_append_only ON payments_journal;
DROP TRIGGER account_stays ON payments_ledgeraccount;
DROP TRIGGER account_is_what_it_was ON payments_ledgeraccount;
DROP TRIGGER account_stays_closed ON payments_ledgeraccount;
DROP FUNCTION payments_apply_transfers();
DROP FUNCTION payments_refuse_change();
DROP FUNCTION payments_stay_closed();
