DROP TRIGGER notice_is_kept ON payments_notice;
DROP TRIGGER refused_notice_stays ON payments_notice;
DROP FUNCTION payments_refused_notice_stays();
DELETE FROM payments_notice WHERE state = 'refused';
