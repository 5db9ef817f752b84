-- A notification, for a function of a room above that writes its own rows in the same call. Frozen. As notify does it.
CREATE FUNCTION notifications_notify(p_id uuid, p_account uuid, p_kind text, p_payload jsonb, p_at timestamptz)
RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO notifications_notification (id, account_id, kind, payload, created_at)
    VALUES (p_id, p_account, p_kind, p_payload, p_at);
END $$;
