DROP TRIGGER order_payment_stays ON orders_orderpayment;
DROP FUNCTION orders_payment_stays();
