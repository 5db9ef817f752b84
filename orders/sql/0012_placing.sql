-- Placing an order asks the database twice: what decides, and all that is written. Frozen.
--
-- What decides stays in orders/placement.py, between the two. The functions of 0010 are still there for a release that
-- calls them.

-- As orders_placement_facts, and with `p_free` the lots that can pay as well, locked last: payments_lock_free.
CREATE FUNCTION orders_placing_facts(
    p_account uuid, p_key text, p_quote uuid, p_video uuid, p_live uuid, p_free boolean, p_at timestamptz,
    OUT placed json, OUT account json, OUT target json, OUT product json, OUT market json, OUT free json
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
    IF p_free THEN
        SELECT json_agg(f) INTO free FROM payments_lock_free(p_account, p_at, '{}') f;
    END IF;
END $$;

-- An order with its escrow filled, its first line of history, its review where it has one, and word of it: to the rooms
-- above, and to its owner. Each room's rows by the room's own function. Answers the escrow's account.
CREATE FUNCTION orders_place(
    p_order json, p_review json, p_by bigint, p_at timestamptz, p_notification uuid, p_told_as text, p_told jsonb,
    p_code text, p_kind text, p_key text, p_hash bytea, p_ref text, p_givers bigint[], p_amounts bigint[]
) RETURNS bigint LANGUAGE plpgsql AS $$
DECLARE opened orders_order := json_populate_record(NULL::orders_order, p_order);
BEGIN
    opened.escrow_id := payments_fund_escrow(
        opened.account_id, p_code, p_at, p_kind, p_key, p_hash, p_ref, p_givers, p_amounts);
    IF opened.escrow_id IS NULL THEN
        RAISE EXCEPTION 'escrow % is there, and its order is not', p_code
            USING ERRCODE = '23505', CONSTRAINT = 'ledgeraccount_code';
    END IF;
    INSERT INTO orders_order SELECT opened.*;
    INSERT INTO orders_ordertransition (order_id, from_status, to_status, why, by_id, by_owner, at, detail)
    VALUES (opened.id, '', opened.status, 'placed', p_by, true, p_at, '{}');
    IF p_review IS NOT NULL THEN
        INSERT INTO orders_review SELECT * FROM json_populate_record(NULL::orders_review, p_review);
    END IF;
    PERFORM outbox_record('order_placed', jsonb_build_object(
        'order', opened.id, 'shard', opened.shard, 'status', opened.status));
    PERFORM notifications_notify(p_notification, opened.account_id, p_told_as, p_told, p_at);
    RETURN opened.escrow_id;
END $$;

-- An order without its escrow is looked at again at commit; one that has it when it is written has it for good
-- (orders_order_price_is_kept).
DROP TRIGGER orders_order_funded ON orders_order;
CREATE CONSTRAINT TRIGGER orders_order_funded AFTER INSERT ON orders_order
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW WHEN (NEW.escrow_id IS NULL) EXECUTE FUNCTION orders_order_funded();
