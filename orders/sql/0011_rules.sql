-- The rules of an order's and of a review's row, as one CHECK each. Frozen.
--
-- PostgreSQL reads and plans every CHECK of a table anew for each statement that writes it: 26 of an order and 8 of a
-- review were 360 of the 2,250 microseconds that a placement takes. A function's rules are read once a session. Each
-- keeps its name, and what breaks it is told by that name, as if it were a constraint of its own. As in a CHECK, what is
-- unknown (NULL) breaks nothing.

CREATE FUNCTION orders_order_stands(o orders_order) RETURNS boolean
LANGUAGE plpgsql IMMUTABLE AS $$
DECLARE broken CONSTANT text := CASE
    WHEN NOT o.status IN ('in_review', 'scheduled', 'delivering', 'paused', 'ending', 'settled', 'rejected', 'cancelled')
        THEN 'order_status_known'
    WHEN NOT o.cost_coins = o.coupon_coins + o.pay_coins THEN 'order_cost_is_paid'
    WHEN NOT (o.pay_coins > 0 AND o.coupon_coins >= 0) THEN 'order_budget_positive'
    WHEN NOT (o.offer_id IS NOT NULL OR o.coupon_coins = 0) THEN 'order_coupon_has_offer'
    WHEN NOT o.duration_s > 0 THEN 'order_duration_positive'
    WHEN NOT (o.revision_seen >= 0 AND o.shard >= 0) THEN 'order_counts_from_zero'
    WHEN NOT (o.amendments >= 0 AND o.max_bid_micros >= 0) THEN 'order_counts_from_zero'
    -- What it promotes.
    WHEN NOT CASE WHEN o.function = 'live' THEN o.live_id IS NOT NULL AND o.video_id IS NULL
                  ELSE o.live_id IS NULL AND o.video_id IS NOT NULL END THEN 'order_one_target'
    WHEN NOT (o.function = 'anchor') = (o.product_id IS NOT NULL) THEN 'order_anchor_has_product'
    -- Its clock.
    WHEN NOT CASE WHEN o.starts_at IS NULL THEN o.ends_at IS NULL
                  ELSE o.ends_at IS NOT NULL AND o.ends_at > o.starts_at END THEN 'order_clock_whole'
    WHEN o.status IN ('delivering', 'paused', 'ending', 'settled') AND o.starts_at IS NULL
        THEN 'order_delivering_has_clock'
    WHEN o.status = 'scheduled' AND o.starts_at IS NOT NULL THEN 'order_scheduled_has_no_clock'
    WHEN NOT CASE o.status WHEN 'paused' THEN o.stopped_at IS NOT NULL
                           WHEN 'in_review' THEN (o.stopped_at IS NULL) = (o.starts_at IS NULL)
                           ELSE o.stopped_at IS NULL END THEN 'order_clock_stands_or_runs'
    -- Its end.
    WHEN NOT CASE WHEN o.status IN ('in_review', 'scheduled', 'delivering', 'paused')
                  THEN o.ended_at IS NULL AND o.refund_due_at IS NULL AND o.end_reason = ''
                  ELSE o.ended_at IS NOT NULL AND o.ending_at IS NOT NULL AND o.refund_due_at IS NOT NULL
                       AND o.end_reason IN ('time', 'budget', 'user', 'ops', 'rejected', 'review_overdue', 'suspended',
                                            'deleted', 'private', 'sold_out', 'live_ended', 'never_on_air',
                                            'restricted', 'payment_returned') END THEN 'order_ended_says_why'
    WHEN NOT CASE WHEN o.status IN ('settled', 'rejected', 'cancelled')
                  THEN o.refunded_at IS NOT NULL AND o.closed_at IS NOT NULL AND o.charged_micros IS NOT NULL
                       AND o.coupon_spent_micros IS NOT NULL AND o.spent_coins IS NOT NULL
                       AND o.refunded_coins IS NOT NULL
                  ELSE o.refunded_at IS NULL AND o.spent_coins IS NULL AND o.refunded_coins IS NULL END
        THEN 'order_final_is_settled'
    WHEN NOT (o.spent_coins IS NULL OR o.spent_coins >= 0 AND o.refunded_coins >= 0
                                       AND o.pay_coins = o.spent_coins + o.refunded_coins)
        THEN 'order_spent_and_returned_is_paid'
    WHEN NOT (o.coupon_spent_micros IS NULL OR o.coupon_spent_micros >= 0
                                               AND o.coupon_spent_micros <= o.coupon_coins * 1000000)
        THEN 'order_coupon_spent_within'
    WHEN o.status IN ('rejected', 'cancelled') AND NOT o.charged_micros = 0 THEN 'order_called_off_spent_nothing'
    WHEN o.drained_at IS NOT NULL AND o.closed_at IS NULL THEN 'order_drained_is_closed'
    WHEN o.set_aside_at IS NOT NULL AND NOT o.status = 'ending' THEN 'order_set_aside_is_ending'
    END;
BEGIN
    IF broken IS NOT NULL THEN
        RAISE EXCEPTION 'order % breaks %', o.id, broken
            USING ERRCODE = 'check_violation', CONSTRAINT = broken, TABLE = 'orders_order';
    END IF;
    RETURN true;
END $$;

CREATE FUNCTION orders_review_stands(r orders_review) RETURNS boolean
LANGUAGE plpgsql IMMUTABLE AS $$
DECLARE broken CONSTANT text := CASE
    WHEN NOT (r.status = 'in_review') = (r.decided_at IS NULL) THEN 'review_decided_has_time'
    WHEN r.status IN ('approved', 'rejected') AND (r.decided_by_id IS NULL OR r.revision IS NULL)
        THEN 'review_verdict_names_who_and_what'
    WHEN r.status = 'rejected' AND r.policy = '' THEN 'review_rejection_names_policy'
    WHEN NOT CASE WHEN r.place_start_s IS NULL THEN r.place_end_s IS NULL
                  ELSE r.place_end_s IS NOT NULL AND r.place_end_s >= r.place_start_s END THEN 'review_place_is_a_range'
    WHEN r.decided_by_id = r.not_by_id THEN 'review_appeal_by_another'
    WHEN NOT (r.place_start_s >= 0 AND r.place_end_s >= 0) THEN 'review_counts_from_zero'
    WHEN NOT r.revision >= 0 THEN 'review_counts_from_zero'
    END;
BEGIN
    IF broken IS NOT NULL THEN
        RAISE EXCEPTION 'review % breaks %', r.id, broken
            USING ERRCODE = 'check_violation', CONSTRAINT = broken, TABLE = 'orders_review';
    END IF;
    RETURN true;
END $$;

ALTER TABLE orders_order
    DROP CONSTRAINT orders_order_amendments_check,
    DROP CONSTRAINT orders_order_duration_s_check,
    DROP CONSTRAINT orders_order_max_bid_micros_check,
    DROP CONSTRAINT orders_order_revision_seen_check,
    DROP CONSTRAINT orders_order_shard_check,
    ADD CONSTRAINT order_stands CHECK (orders_order_stands(orders_order));
ALTER TABLE orders_review
    DROP CONSTRAINT orders_review_place_end_s_check,
    DROP CONSTRAINT orders_review_place_start_s_check,
    DROP CONSTRAINT orders_review_revision_check,
    ADD CONSTRAINT review_stands CHECK (orders_review_stands(orders_review));
