DROP TRIGGER difference_resolved_says_why ON payments_difference;
DROP FUNCTION payments_resolved_says_why();
