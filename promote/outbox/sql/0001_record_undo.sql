DROP FUNCTION outbox_record(text, jsonb);
