ALTER TABLE orders_order
    DROP CONSTRAINT order_stands,
    ADD CONSTRAINT orders_order_amendments_check CHECK (amendments >= 0),
    ADD CONSTRAINT orders_order_duration_s_check CHECK (duration_s >= 0),
    ADD CONSTRAINT orders_order_max_bid_micros_check CHECK (max_bid_micros >= 0),
    ADD CONSTRAINT orders_order_revision_seen_check CHECK (revision_seen >= 0),
    ADD CONSTRAINT orders_order_shard_check CHECK (shard >= 0);
ALTER TABLE orders_review
    DROP CONSTRAINT review_stands,
    ADD CONSTRAINT orders_review_place_end_s_check CHECK (place_end_s >= 0),
    ADD CONSTRAINT orders_review_place_start_s_check CHECK (place_start_s >= 0),
    ADD CONSTRAINT orders_review_revision_check CHECK (revision >= 0);
DROP FUNCTION orders_order_stands(orders_order);
DROP FUNCTION orders_review_stands(orders_review);
