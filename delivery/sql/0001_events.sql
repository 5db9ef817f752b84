-- Events, in partitions by the day of their decision. Frozen.
CREATE TABLE delivery_event (
    day date NOT NULL,
    token uuid NOT NULL,
    type smallint NOT NULL,
    order_id uuid NOT NULL,
    at timestamptz NOT NULL,
    received_at timestamptz NOT NULL,
    price_micros bigint NOT NULL,
    valid boolean NOT NULL,
    charged boolean NOT NULL,
    reason varchar(32) NOT NULL,
    surface smallint NOT NULL,
    country varchar(2) NOT NULL,
    age_band smallint NOT NULL,
    gender smallint NOT NULL,
    viewer bigint NOT NULL,
    slot smallint NOT NULL,
    visible_ms bigint,
    visible_share double precision,
    dwell_ms bigint,
    PRIMARY KEY (day, token, type),
    CONSTRAINT event_price CHECK (price_micros >= 0),
    -- Only a valid impression is ever paid for, and what is not billed says why.
    CONSTRAINT event_charged CHECK (NOT charged OR (valid AND type = 0)),
    CONSTRAINT event_reason CHECK (valid OR reason <> '')
) PARTITION BY RANGE (day);

-- An order's charges in their order.
CREATE INDEX delivery_event_of_order ON delivery_event (order_id, at, token) WHERE type = 0;

-- Partitions are the owner's: the application asks for them by this function, a year around today at the most.
CREATE FUNCTION delivery_make_partitions(first_day date, last_day date) RETURNS integer
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE
    one date;
    made integer := 0;
    name text;
BEGIN
    IF last_day < first_day OR last_day - first_day > 366 THEN
        RAISE EXCEPTION 'partitions from % to %: a year at the most', first_day, last_day
            USING ERRCODE = 'invalid_parameter_value';
    END IF;
    -- Two who make the same day at once would meet on its name.
    PERFORM pg_advisory_xact_lock(hashtext('delivery partitions'));
    FOR one IN SELECT generate_series(first_day, last_day, interval '1 day')::date LOOP
        name := 'delivery_event_' || to_char(one, 'YYYYMMDD');
        IF to_regclass(name) IS NULL THEN
            EXECUTE format('CREATE TABLE %I PARTITION OF delivery_event FOR VALUES FROM (%L) TO (%L)',
                           name, one, one + 1);
            made := made + 1;
        END IF;
    END LOOP;
    RETURN made;
END $$;
REVOKE ALL ON FUNCTION delivery_make_partitions(date, date) FROM PUBLIC;
