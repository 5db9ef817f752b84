DROP FUNCTION payments_seal(timestamptz, integer);
DROP FUNCTION payments_block_hash(payments_block);
DROP FUNCTION payments_journal_bytes(payments_journal);
DROP FUNCTION payments_transfer_bytes(payments_transfer);
DROP TABLE payments_block;
DROP INDEX transfer_xid, journal_xid;
