DROP FUNCTION payments_post(
    timestamptz, text[], text[], bytea[], text[], int[], int[], smallint[], bigint[], bigint[], bigint[]);
