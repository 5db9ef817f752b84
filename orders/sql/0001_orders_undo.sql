DROP TRIGGER orders_history_is_kept ON orders_ordertransition;
DROP TRIGGER orders_order_final_is_kept ON orders_order;
DROP TRIGGER orders_order_price_is_kept ON orders_order;
DROP TRIGGER orders_order_funded ON orders_order;
DROP TRIGGER orders_order_stamp ON orders_order;
DROP FUNCTION orders_history_is_kept(), orders_order_final_is_kept(), orders_order_price_is_kept(),
    orders_order_funded(), orders_order_stamp();
