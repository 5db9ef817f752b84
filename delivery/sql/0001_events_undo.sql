DROP FUNCTION delivery_make_partitions(date, date);
DROP TABLE delivery_event;
