DROP FUNCTION payments_take_checkpoints(timestamptz);
