DROP FUNCTION notifications_notify(uuid, uuid, text, jsonb, timestamptz);
