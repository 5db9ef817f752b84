DROP TRIGGER return_takes_once ON payments_paymentreturn;
DROP TRIGGER adjustment_takes_once ON payments_adjustment;
DROP FUNCTION payments_taken_once();
