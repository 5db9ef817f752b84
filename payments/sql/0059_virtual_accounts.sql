-- Each transfer to a provider has an account number of its own, and keeps it. Frozen.
--
-- Until now it was made of the payment's id: the first eight bytes of its SHA-256, modulo 10^12. Of two that met there the
-- first one keeps it.

CREATE TRIGGER virtual_account_stays BEFORE UPDATE OR DELETE OR TRUNCATE ON payments_virtualaccount
    FOR EACH STATEMENT EXECUTE FUNCTION payments_row_stays();

INSERT INTO payments_virtualaccount (top_up_id, number)
SELECT t.id, (('x' || substr(hashed.hex, 1, 8))::bit(32)::bigint * 4294967296::numeric
              + ('x' || substr(hashed.hex, 9, 8))::bit(32)::bigint) % 1000000000000
  FROM payments_topup t
 CROSS JOIN LATERAL (SELECT encode(sha256(convert_to(substr(t.provider_ref, 4), 'UTF8')), 'hex') AS hex) hashed
 WHERE t.gateway = 'doku' AND t.provider_ref LIKE 'va.%'
 ORDER BY t.started_at
ON CONFLICT DO NOTHING;
