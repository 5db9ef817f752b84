DROP TRIGGER difference_stays ON payments_difference;
DROP FUNCTION payments_difference_stays();
DROP TRIGGER reconciliation_is_kept ON payments_reconciliation;
DROP TRIGGER difference_is_kept ON payments_difference;
DROP TRIGGER difference_note_stays ON payments_differencenote;
DROP TRIGGER provider_line_stays ON payments_providerline;
