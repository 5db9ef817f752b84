DROP FUNCTION payments_fund_escrow(uuid, text, timestamptz, text, text, bytea, text, bigint[], bigint[]);
DROP FUNCTION payments_lock_free(uuid, timestamptz, bigint[]);
