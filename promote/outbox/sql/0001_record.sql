-- A message, for a function of a room above that writes its own rows in the same call. Frozen. As topics.record does it.
CREATE FUNCTION outbox_record(p_topic text, p_payload jsonb) RETURNS void
LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO outbox_message (topic, payload, created_at, attempts, error, dead)
    VALUES (p_topic, p_payload, clock_timestamp(), 0, '', false);
END $$;
