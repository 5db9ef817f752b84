-- The ledger's tables. Frozen: later changes are files of their own.
--
-- One transfer = one debit, one credit, one positive amount, one currency: an unbalanced entry can't be written.
-- Balances stand on the account, kept by the trigger of 0002 from the transfers themselves; a CHECK on that row refuses
-- an overdraft, whatever path the write came by. Hot accounts (issuance, spend, …) are never touched by a transfer.

CREATE TABLE payments_ledgeraccount (
    id      bigint GENERATED ALWAYS AS IDENTITY (START WITH 1000) PRIMARY KEY,  -- below 1000: known to the code
    ledger  smallint    NOT NULL,                 -- 0 coins, in micros; else the ISO 4217 number, in minor units
    kind    varchar(24) NOT NULL,
    code    varchar(96),
    owner   uuid,
    guard   char(1)     NOT NULL,                 -- C: credits >= debits, D: debits >= credits, N: either
    hot     boolean     NOT NULL DEFAULT false,
    closed  boolean     NOT NULL DEFAULT false,
    debits  bigint      NOT NULL DEFAULT 0,
    credits bigint      NOT NULL DEFAULT 0,
    CONSTRAINT ledgeraccount_ledger_known  CHECK (ledger BETWEEN 0 AND 999),
    CONSTRAINT ledgeraccount_guard_known   CHECK (guard IN ('C', 'D', 'N')),
    CONSTRAINT ledgeraccount_sums_positive CHECK (debits >= 0 AND credits >= 0),
    CONSTRAINT ledgeraccount_no_overdraft  CHECK (guard <> 'C' OR debits <= credits),
    CONSTRAINT ledgeraccount_no_overcredit CHECK (guard <> 'D' OR credits <= debits),
    CONSTRAINT ledgeraccount_hot_is_derived CHECK (NOT hot OR (guard = 'N' AND NOT closed AND debits = 0 AND credits = 0)),
    CONSTRAINT ledgeraccount_closed_is_empty CHECK (NOT closed OR debits = credits),
    CONSTRAINT ledgeraccount_one_currency  UNIQUE (id, ledger)
) WITH (fillfactor = 70);  -- room for the next balance on the same page
CREATE UNIQUE INDEX ledgeraccount_code ON payments_ledgeraccount (ledger, code) WHERE code IS NOT NULL;
CREATE INDEX ledgeraccount_owner_open ON payments_ledgeraccount (owner, kind) WHERE owner IS NOT NULL AND NOT closed;

CREATE TABLE payments_journal (
    id           bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    kind         varchar(24)  NOT NULL,
    key          varchar(160) NOT NULL,
    request_hash bytea        NOT NULL,
    ref          varchar(160) NOT NULL DEFAULT '',
    created_at   timestamptz  NOT NULL,
    xid          xid8         NOT NULL DEFAULT pg_current_xact_id(),
    CONSTRAINT journal_once_per_key UNIQUE (key)
);
CREATE INDEX journal_ref ON payments_journal (ref) WHERE ref <> '';

CREATE TABLE payments_transfer (
    id         bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    journal_id bigint      NOT NULL REFERENCES payments_journal (id),
    seq        integer     NOT NULL,
    ledger     smallint    NOT NULL,
    debit_id   bigint      NOT NULL,
    credit_id  bigint      NOT NULL,
    amount     bigint      NOT NULL,
    xid        xid8        NOT NULL DEFAULT pg_current_xact_id(),
    created_at timestamptz NOT NULL,
    CONSTRAINT transfer_amount_positive CHECK (amount > 0),
    CONSTRAINT transfer_two_accounts    CHECK (debit_id <> credit_id),
    CONSTRAINT transfer_seq_positive    CHECK (seq > 0),
    CONSTRAINT transfer_once_per_seq    UNIQUE (journal_id, seq),
    CONSTRAINT transfer_debit_account   FOREIGN KEY (debit_id, ledger) REFERENCES payments_ledgeraccount (id, ledger),
    CONSTRAINT transfer_credit_account  FOREIGN KEY (credit_id, ledger) REFERENCES payments_ledgeraccount (id, ledger)
);
-- xid second: a hot account's balance is its checkpoint and what younger transactions moved (checkpoints.py).
CREATE INDEX transfer_debit ON payments_transfer (debit_id, xid);
CREATE INDEX transfer_credit ON payments_transfer (credit_id, xid);

CREATE TABLE payments_checkpoint (
    id         bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    account_id bigint      NOT NULL REFERENCES payments_ledgeraccount (id),
    up_to      xid8        NOT NULL,              -- covers the transfers of every transaction below it
    debits     bigint      NOT NULL,
    credits    bigint      NOT NULL,
    taken_at   timestamptz NOT NULL,
    CONSTRAINT checkpoint_once UNIQUE (account_id, up_to)
);

INSERT INTO payments_ledgeraccount (id, ledger, kind, code, guard, hot) OVERRIDING SYSTEM VALUE VALUES
    (1, 0, 'platform', 'issuance', 'N', true),
    (2, 0, 'platform', 'spend', 'N', true),
    (3, 0, 'platform', 'gifts', 'N', true),
    (4, 0, 'platform', 'coupon_expense', 'N', true),
    (5, 0, 'platform', 'expired', 'N', true);
