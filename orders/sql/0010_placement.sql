-- Placing an order in two calls, whose statements are planned once a session. Frozen.
--
-- What decides stays in orders/placement.py, between the two: this one locks and reads, the other writes.

-- Locks the account, then the target, and answers what placing decides by. Each statement sees what was committed while
-- the lock before it was waited for. Where the key or the quote has an order already, the rest is not looked at.
CREATE FUNCTION orders_placement_facts(
    p_account uuid, p_key text, p_quote uuid, p_video uuid, p_live uuid,
    OUT placed json, OUT account json, OUT target json, OUT product json, OUT market json
) LANGUAGE plpgsql
-- The plan is kept from when the tables may have been nearly empty.
SET plan_cache_mode = force_generic_plan SET enable_seqscan = off AS $$
DECLARE
    owner accounts_account;
    video catalogue_video;
    live catalogue_liveroom;
BEGIN
    SELECT * INTO owner FROM accounts_account WHERE id = p_account FOR NO KEY UPDATE;
    account := to_json(owner);

    SELECT json_agg(json_build_array(o.key, o.id, o.quote_id)) INTO placed FROM (
        SELECT o.key, o.id, o.quote_id FROM orders_order o WHERE o.account_id = p_account AND o.key = p_key
        UNION
        SELECT o.key, o.id, o.quote_id FROM orders_order o WHERE o.quote_id = p_quote
    ) o;
    IF placed IS NOT NULL THEN
        RETURN;
    END IF;

    IF p_video IS NOT NULL THEN
        SELECT * INTO video FROM catalogue_video WHERE id = p_video FOR NO KEY UPDATE;
        target := to_json(video);
        IF video.product_id IS NOT NULL THEN
            SELECT to_json(p) INTO product FROM catalogue_product p WHERE p.id = video.product_id;
        END IF;
    ELSE
        SELECT * INTO live FROM catalogue_liveroom WHERE id = p_live FOR NO KEY UPDATE;
        target := to_json(live);
    END IF;
    SELECT to_json(m) INTO market FROM markets_market m WHERE m.code = owner.country;
END $$;

-- An order with its escrow, its first line of history, its review where it has one, and word of it: to the rooms above,
-- and to its owner. Each room's rows by the room's own function.
CREATE FUNCTION orders_open(
    p_order json, p_review json, p_by bigint, p_at timestamptz, p_notification uuid, p_told_as text, p_told jsonb
) RETURNS void LANGUAGE plpgsql AS $$
DECLARE opened orders_order;
BEGIN
    INSERT INTO orders_order SELECT * FROM json_populate_record(NULL::orders_order, p_order);
    opened := json_populate_record(NULL::orders_order, p_order);
    INSERT INTO orders_ordertransition (order_id, from_status, to_status, why, by_id, by_owner, at, detail)
    VALUES (opened.id, '', opened.status, 'placed', p_by, true, p_at, '{}');
    IF p_review IS NOT NULL THEN
        INSERT INTO orders_review SELECT * FROM json_populate_record(NULL::orders_review, p_review);
    END IF;
    PERFORM outbox_record('order_placed', jsonb_build_object(
        'order', opened.id, 'shard', opened.shard, 'status', opened.status));
    PERFORM notifications_notify(p_notification, opened.account_id, p_told_as, p_told, p_at);
END $$;
