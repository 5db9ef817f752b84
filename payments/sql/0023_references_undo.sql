ALTER TABLE payments_transfer
    ADD CONSTRAINT transfer_debit_account  FOREIGN KEY (debit_id, ledger) REFERENCES payments_ledgeraccount (id, ledger),
    ADD CONSTRAINT transfer_credit_account FOREIGN KEY (credit_id, ledger) REFERENCES payments_ledgeraccount (id, ledger);
CREATE OR REPLACE FUNCTION payments_apply_transfers() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
-- The plan is kept from a session's first journal, which may be large: then too each account is found by its id.
SET enable_hashjoin = off SET enable_mergejoin = off AS $$
DECLARE any_closed boolean;
BEGIN
    -- Else a temporary table of the same shape could carry this trigger and write balances.
    IF TG_RELID <> 'public.payments_transfer'::regclass THEN
        RAISE EXCEPTION 'this trigger belongs to payments_transfer' USING ERRCODE = '42501';
    END IF;
    WITH moved AS (
        UPDATE public.payments_ledgeraccount a
           SET debits = a.debits + side.debits, credits = a.credits + side.credits
          FROM (SELECT id, sum(debits) AS debits, sum(credits) AS credits
                  FROM (SELECT debit_id AS id, amount AS debits, 0::bigint AS credits FROM new_rows
                        UNION ALL
                        SELECT credit_id, 0, amount FROM new_rows) both_sides
                 GROUP BY id) side
         WHERE a.id = side.id AND NOT a.hot
        RETURNING a.closed
    ) SELECT bool_or(closed) INTO any_closed FROM moved;
    IF any_closed THEN
        RAISE EXCEPTION 'a closed account takes no transfers'
            USING ERRCODE = '55000', CONSTRAINT = 'ledgeraccount_open';
    END IF;
    RETURN NULL;
END $$;
