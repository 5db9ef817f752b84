-- What the application's role may do to the ledger. Applied by `migrate` after every migration; :app is the role.
-- It may open an account, post, close, and ask for a block to be sealed; it can't name a balance, a transaction id, or a
-- row that was posted, nor write a block.

REVOKE ALL ON payments_ledgeraccount, payments_journal, payments_transfer, payments_checkpoint, payments_lot,
              payments_gift, payments_block FROM :app;
GRANT SELECT ON payments_ledgeraccount, payments_journal, payments_transfer, payments_checkpoint, payments_lot,
                payments_gift, payments_block TO :app;

GRANT INSERT (ledger, kind, code, owner, guard, hot), UPDATE (closed) ON payments_ledgeraccount TO :app;
GRANT INSERT (kind, key, request_hash, ref, created_at) ON payments_journal TO :app;
GRANT INSERT (journal_id, seq, ledger, debit_id, credit_id, amount, created_at) ON payments_transfer TO :app;
GRANT INSERT (account_id, up_to, debits, credits, taken_at) ON payments_checkpoint TO :app;
GRANT INSERT ON payments_lot, payments_gift TO :app;

-- Who may run the balances' trigger function could hang it on a table of their own.
REVOKE ALL ON FUNCTION payments_apply_transfers() FROM :app;
