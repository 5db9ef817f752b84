-- A day is dropped again where an entry of it was told again: what it comes to is added to what is left of it. Frozen.
-- What is left of a day by order is written in the same transaction, so that charges still add up.
-- A day is kept, whatever is asked, while a token of it can be told, and while an order of it is not final.
CREATE OR REPLACE FUNCTION delivery_drop_partitions(before date) RETURNS integer
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE
    one record;
    open_order boolean;
    dropped integer := 0;
BEGIN
    IF before > (now() AT TIME ZONE 'UTC')::date - 9 THEN
        RAISE EXCEPTION 'days before % can still be told of: nine days are kept at the least', before
            USING ERRCODE = 'invalid_parameter_value';
    END IF;
    PERFORM pg_advisory_xact_lock(hashtext('delivery partitions'));
    FOR one IN
        SELECT c.relname AS name, to_date(right(c.relname, 8), 'YYYYMMDD') AS day
          FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid
         WHERE i.inhparent = 'delivery_event'::regclass AND c.relname ~ '^delivery_event_\d{8}$'
           AND to_date(right(c.relname, 8), 'YYYYMMDD') < before
         ORDER BY 2
    LOOP
        EXECUTE format('LOCK TABLE %I IN ACCESS EXCLUSIVE MODE', one.name);
        EXECUTE format($q$SELECT EXISTS (SELECT FROM %I e JOIN orders_order o ON o.id = e.order_id
                          WHERE o.status NOT IN ('settled', 'rejected', 'cancelled'))$q$, one.name) INTO open_order;
        CONTINUE WHEN open_order;
        EXECUTE format($q$INSERT INTO delivery_dropped_day AS left_of (order_id, day, impressions, charges, micros)
                          SELECT order_id, day, count(*), count(*) FILTER (WHERE charged),
                                 coalesce(sum(price_micros) FILTER (WHERE charged), 0)
                            FROM %I WHERE type = 0 GROUP BY 1, 2
                              ON CONFLICT (order_id, day) DO UPDATE
                             SET impressions = left_of.impressions + excluded.impressions,
                                 charges = left_of.charges + excluded.charges,
                                 micros = left_of.micros + excluded.micros$q$, one.name);
        EXECUTE format('DROP TABLE %I', one.name);
        dropped := dropped + 1;
    END LOOP;
    RETURN dropped;
END $$;
REVOKE ALL ON FUNCTION delivery_drop_partitions(date) FROM PUBLIC;
