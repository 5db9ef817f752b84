-- Sealed history: every transfer and journal stands in one block, and each block holds the hash of the one before.
-- Frozen. What is hashed is written down here alone: sealing and audit call the same functions.
--
-- A block is a range of transaction ids, and covers only transactions that had ended: whatever commits late has an id
-- above it. Ranges touch, so that a row in no block can't be.

CREATE INDEX transfer_xid ON payments_transfer (xid);
CREATE INDEX journal_xid ON payments_journal (xid);

CREATE TABLE payments_block (
    number         bigint      PRIMARY KEY,
    from_xid       xid8        NOT NULL,      -- the transactions at or above this one
    up_to          xid8        NOT NULL,      -- and below this one
    transfers      integer     NOT NULL,
    journals       integer     NOT NULL,
    transfers_hash bytea       NOT NULL,      -- SHA-256 of their bytes, by id
    journals_hash  bytea       NOT NULL,
    transfer_marks bytea       NOT NULL,      -- for each by id: its id, and 8 bytes of its own SHA-256; so a wrong row
    journal_marks  bytea       NOT NULL,      -- can be named, a missing one too
    sealed_at      timestamptz NOT NULL,
    previous       bytea       NOT NULL,      -- the hash of the block before, 32 zero bytes for the first
    hash           bytea       NOT NULL,
    CONSTRAINT block_numbered    CHECK (number > 0),
    CONSTRAINT block_covers      CHECK (from_xid < up_to AND transfers + journals > 0),
    CONSTRAINT block_begins_once UNIQUE (from_xid)
);
-- Read a mark at a time, and not to be compressed anyway.
ALTER TABLE payments_block ALTER transfer_marks SET STORAGE EXTERNAL, ALTER journal_marks SET STORAGE EXTERNAL;

CREATE TRIGGER block_stays BEFORE UPDATE OR DELETE OR TRUNCATE ON payments_block
    FOR EACH STATEMENT EXECUTE FUNCTION payments_refuse_change();

-- Numbers are big-endian of their type's width, times microseconds since 2000-01-01 UTC, texts UTF-8 after their length.
CREATE FUNCTION payments_transfer_bytes(t payments_transfer) RETURNS bytea
LANGUAGE sql IMMUTABLE PARALLEL SAFE RETURN
    int8send(t.id) || int8send(t.journal_id) || int4send(t.seq) || int2send(t.ledger) || int8send(t.debit_id)
    || int8send(t.credit_id) || int8send(t.amount) || xid8send(t.xid) || timestamptz_send(t.created_at);

CREATE FUNCTION payments_journal_bytes(j payments_journal) RETURNS bytea
LANGUAGE sql STABLE PARALLEL SAFE RETURN
    int8send(j.id) || xid8send(j.xid) || timestamptz_send(j.created_at)
    || int4send(octet_length(j.kind)) || convert_to(j.kind, 'UTF8')
    || int4send(octet_length(j.key)) || convert_to(j.key, 'UTF8')
    || int4send(octet_length(j.ref)) || convert_to(j.ref, 'UTF8') || j.request_hash;

CREATE FUNCTION payments_block_hash(b payments_block) RETURNS bytea
LANGUAGE sql IMMUTABLE PARALLEL SAFE RETURN sha256(
    int8send(b.number) || xid8send(b.from_xid) || xid8send(b.up_to)
    || int4send(b.transfers) || b.transfers_hash || sha256(b.transfer_marks)
    || int4send(b.journals) || b.journals_hash || sha256(b.journal_marks)
    || timestamptz_send(b.sealed_at) || b.previous);

-- One block of what has ended since the last, whole transactions, of p_most transfers or little more; its number, or
-- NULL where there is nothing to seal. With the owner's rights: the application asks for a block, and can't write one.
CREATE FUNCTION payments_seal(p_at timestamptz, p_most integer) RETURNS bigint
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    last  public.payments_block;
    block public.payments_block;
    ended xid8;
BEGIN
    LOCK TABLE public.payments_block IN SHARE ROW EXCLUSIVE MODE;
    ended := pg_snapshot_xmin(pg_current_snapshot());
    SELECT * INTO last FROM public.payments_block ORDER BY number DESC LIMIT 1;
    IF last.up_to > ended THEN
        RAISE EXCEPTION 'this cluster is at transaction %, the last block ends at %', ended, last.up_to
            USING ERRCODE = '55000', HINT = 'After a restore into a new cluster see docs/runbook.md, Money.';
    END IF;

    block.number := coalesce(last.number, 0) + 1;
    block.from_xid := coalesce(last.up_to, '0'::xid8);
    block.previous := coalesce(last.hash, decode(repeat('00', 32), 'hex'));
    block.sealed_at := p_at;
    SELECT ((t.xid::text::bigint + 1)::text)::xid8 INTO block.up_to FROM public.payments_transfer t
     WHERE t.xid >= block.from_xid AND t.xid < ended ORDER BY t.xid
    OFFSET least(greatest(p_most, 1), 1000000) - 1 LIMIT 1;
    block.up_to := coalesce(block.up_to, ended);

    SELECT count(*), sha256(coalesce(string_agg(row.bytes, ''::bytea ORDER BY row.id), ''::bytea)),
           coalesce(string_agg(int8send(row.id) || substr(sha256(row.bytes), 1, 8), ''::bytea ORDER BY row.id), ''::bytea)
      INTO block.transfers, block.transfers_hash, block.transfer_marks
      FROM (SELECT t.id, public.payments_transfer_bytes(t) AS bytes FROM public.payments_transfer t
             WHERE t.xid >= block.from_xid AND t.xid < block.up_to) row;
    SELECT count(*), sha256(coalesce(string_agg(row.bytes, ''::bytea ORDER BY row.id), ''::bytea)),
           coalesce(string_agg(int8send(row.id) || substr(sha256(row.bytes), 1, 8), ''::bytea ORDER BY row.id), ''::bytea)
      INTO block.journals, block.journals_hash, block.journal_marks
      FROM (SELECT j.id, public.payments_journal_bytes(j) AS bytes FROM public.payments_journal j
             WHERE j.xid >= block.from_xid AND j.xid < block.up_to) row;
    IF block.transfers + block.journals = 0 THEN
        RETURN NULL;
    END IF;

    block.hash := public.payments_block_hash(block);
    INSERT INTO public.payments_block SELECT block.*;
    RETURN block.number;
END $$;
REVOKE ALL ON FUNCTION payments_seal(timestamptz, integer) FROM PUBLIC;
