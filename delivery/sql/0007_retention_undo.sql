DROP FUNCTION delivery_drop_partitions(date);
