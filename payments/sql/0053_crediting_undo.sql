DROP FUNCTION payments_pay_top_up(
    uuid, text, text, text, bigint, text, int, timestamptz, text, timestamptz,
    uuid, boolean, bytea, smallint, bytea, uuid);
DROP FUNCTION payments_open_lot(
    uuid, uuid, text, text, bytea, text, text, int, bigint, text, uuid, text, timestamptz, boolean, timestamptz);
DROP FUNCTION payments_open_account(smallint, text, text, uuid, text, boolean);
