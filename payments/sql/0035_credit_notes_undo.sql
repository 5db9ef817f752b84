DROP TRIGGER credit_note_within ON payments_invoice;
DROP FUNCTION payments_credit_note_within();
