-- What the application's role may do to the ledger. Applied by `migrate` after every migration; :app is the role.
-- One table a statement: below the migration that makes it, a statement is left out.
-- It may open an account, post, close, and ask for a checkpoint or a block; it can't name a balance, a transaction id, or
-- a row that was posted, nor write a checkpoint or a block.

REVOKE ALL ON payments_ledgeraccount FROM :app;
REVOKE ALL ON payments_journal FROM :app;
REVOKE ALL ON payments_transfer FROM :app;
REVOKE ALL ON payments_checkpoint FROM :app;
REVOKE ALL ON payments_lot FROM :app;
REVOKE ALL ON payments_gift FROM :app;
REVOKE ALL ON payments_block FROM :app;
GRANT SELECT ON payments_ledgeraccount TO :app;
GRANT SELECT ON payments_journal TO :app;
GRANT SELECT ON payments_transfer TO :app;
GRANT SELECT ON payments_checkpoint TO :app;
GRANT SELECT ON payments_lot TO :app;
GRANT SELECT ON payments_gift TO :app;
GRANT SELECT ON payments_block TO :app;

GRANT INSERT (ledger, kind, code, owner, guard, hot), UPDATE (closed) ON payments_ledgeraccount TO :app;
GRANT INSERT (kind, key, request_hash, ref, created_at) ON payments_journal TO :app;
GRANT INSERT (journal_id, seq, ledger, debit_id, credit_id, amount, created_at) ON payments_transfer TO :app;
GRANT INSERT ON payments_lot TO :app;
GRANT INSERT ON payments_gift TO :app;

-- Who may run the balances' trigger function could hang it on a table of their own.
REVOKE ALL ON FUNCTION payments_apply_transfers() FROM :app;
