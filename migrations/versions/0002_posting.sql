-- The record: batches, transfers, movements, numbered events, holds, refusals, keys, days.
SET LOCAL lock_timeout = '5s';
SET LOCAL statement_timeout = '60s';

CREATE TABLE ledger.journal_kind (
    kind smallint PRIMARY KEY,
    code text NOT NULL UNIQUE,
    name_th text NOT NULL,
    name_en text NOT NULL
);

CREATE TABLE ledger.event_kind (
    kind smallint PRIMARY KEY,
    code text NOT NULL UNIQUE,
    name_th text NOT NULL,
    name_en text NOT NULL
);

-- One commit of one book on one business date. Numbers first_seq..last_seq are all its own;
-- a batch of refusals alone has last_seq = first_seq - 1.
CREATE TABLE ledger.batch (
    book_id integer NOT NULL REFERENCES ledger.book,
    batch_no bigint NOT NULL CHECK (batch_no >= 1),
    business_date date NOT NULL,
    first_seq bigint NOT NULL CHECK (first_seq >= 1),
    last_seq bigint NOT NULL,
    journal_count integer NOT NULL CHECK (journal_count >= 0),
    event_count integer NOT NULL CHECK (event_count >= 0),
    transfer_count integer NOT NULL CHECK (transfer_count >= journal_count),
    amount_sum numeric(30, 0) NOT NULL CHECK (amount_sum >= 0),
    refusal_count integer NOT NULL CHECK (refusal_count >= 0),
    origin smallint NOT NULL CHECK (origin BETWEEN 1 AND 5),
    period smallint NOT NULL CHECK (period IN (0, 1, 2)),
    fiscal_year smallint NOT NULL,
    first_voucher bigint NOT NULL CHECK (first_voucher >= 1),
    digest_version smallint NOT NULL,
    digest bytea NOT NULL CHECK (length(digest) = 32),
    recorded_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    xact xid8 NOT NULL DEFAULT pg_current_xact_id(),
    PRIMARY KEY (book_id, batch_no),
    CONSTRAINT numbers_are_all_used CHECK (last_seq - first_seq + 1 = journal_count + event_count)
);
CREATE INDEX batch_by_seq ON ledger.batch (book_id, last_seq);
-- Journal k (from 0) of a batch has the voucher number first_voucher + k of the fiscal year.
CREATE INDEX batch_by_voucher ON ledger.batch (book_id, fiscal_year, first_voucher, batch_no);
-- Only these may carry a business date after it is proven.
CREATE INDEX batch_late ON ledger.batch (book_id, business_date, batch_no)
WHERE origin = 4 OR period > 0;
COMMENT ON COLUMN ledger.batch.origin IS '1 doors, 2 night, 3 bulk, 4 adjustment, 5 import';
COMMENT ON COLUMN ledger.batch.period IS '0 ordinary, 1 late period of the year, 2 closing of it';
COMMENT ON COLUMN ledger.batch.fiscal_year IS 'Named by the calendar year in which it ends.';

-- One row a transfer; a journal is the rows of one recorded_seq. No foreign keys: they are
-- per-row triggers, and the judge has looked every account up.
CREATE TABLE ledger.transfer (
    book_id integer NOT NULL,
    journal_id uuid NOT NULL,
    line integer NOT NULL CHECK (line >= 0),
    recorded_seq bigint NOT NULL,
    debit_account integer NOT NULL,
    credit_account integer NOT NULL,
    amount_satang bigint NOT NULL,
    kind smallint NOT NULL,
    may_exceed_limit boolean NOT NULL,
    forced boolean NOT NULL,
    business_date date NOT NULL,
    value_date date NOT NULL,
    actor text NOT NULL,
    reference text NOT NULL,
    narrative text NOT NULL,
    hold_id uuid,
    reverses uuid,
    adjusts uuid,
    PRIMARY KEY (book_id, journal_id, line),
    CONSTRAINT amount_in_range CHECK (amount_satang BETWEEN 1 AND 999999999999999),
    CONSTRAINT accounts_differ CHECK (debit_account <> credit_account),
    CONSTRAINT value_date_not_later CHECK (value_date <= business_date),
    CONSTRAINT forced_exceeds CHECK (may_exceed_limit OR NOT forced)
);
COMMENT ON COLUMN ledger.transfer.forced IS 'Limits and freezes were set aside for it, by right.';
COMMENT ON COLUMN ledger.transfer.adjusts IS
'The journal that this one corrects without reversing it.';
CREATE UNIQUE INDEX transfer_by_seq ON ledger.transfer (book_id, recorded_seq, line);
CREATE UNIQUE INDEX reversed_once ON ledger.transfer (book_id, reverses)
WHERE reverses IS NOT NULL AND line = 0;
CREATE INDEX adjusted ON ledger.transfer (book_id, adjusts) WHERE adjusts IS NOT NULL AND line = 0;

-- What one batch did to one account at one value date, and the counters after the batch.
-- seqs names the journals when they are few; NULL = look through the batch's own range.
CREATE TABLE ledger.movement (
    book_id integer NOT NULL,
    account_id integer NOT NULL,
    business_date date NOT NULL,
    batch_no bigint NOT NULL,
    value_date date NOT NULL,
    debits bigint NOT NULL CHECK (debits >= 0),
    credits bigint NOT NULL CHECK (credits >= 0),
    debits_after bigint NOT NULL,
    credits_after bigint NOT NULL,
    seqs bigint [],
    PRIMARY KEY (book_id, account_id, business_date, batch_no, value_date),
    CHECK (debits + credits > 0)
);
CREATE INDEX movement_by_batch ON ledger.movement USING brin (batch_no)
WITH (pages_per_range = 8, autosummarize = on);
-- For balances by value date of days long past.
CREATE INDEX movement_back_dated ON ledger.movement (book_id, account_id, value_date)
WHERE value_date < business_date;
CREATE INDEX movement_by_day ON ledger.movement USING brin (business_date)
WITH (pages_per_range = 8, autosummarize = on);

-- Every numbered thing that is not a journal: holds, freezes, limits, days, notices' states.
CREATE TABLE ledger.event (
    book_id integer NOT NULL,
    recorded_seq bigint NOT NULL,
    kind smallint NOT NULL REFERENCES ledger.event_kind,
    business_date date NOT NULL,
    actor text NOT NULL,
    reason text NOT NULL,
    account_id integer,
    hold_id uuid,
    subject uuid,
    amount_satang bigint,
    body text NOT NULL,
    PRIMARY KEY (book_id, recorded_seq)
);
CREATE INDEX event_by_subject ON ledger.event (book_id, subject, recorded_seq)
WHERE subject IS NOT NULL;
CREATE INDEX event_by_hold ON ledger.event (book_id, hold_id, recorded_seq)
WHERE hold_id IS NOT NULL;
CREATE INDEX event_by_account ON ledger.event (book_id, account_id, recorded_seq)
WHERE account_id IS NOT NULL;
COMMENT ON COLUMN ledger.event.body IS
'Canonical JSON text as digested; text, so that no rendering of it can change under the digest.';

CREATE TABLE ledger.hold (
    book_id integer NOT NULL,
    hold_id uuid NOT NULL,
    account_id integer NOT NULL,
    amount_satang bigint NOT NULL CHECK (amount_satang BETWEEN 1 AND 999999999999999),
    captured_satang bigint NOT NULL DEFAULT 0,
    state smallint NOT NULL DEFAULT 1 CHECK (state IN (1, 2, 3, 4)),
    expires_on date,
    reference text NOT NULL,
    placed_seq bigint NOT NULL,
    changed_seq bigint NOT NULL,
    PRIMARY KEY (book_id, hold_id),
    FOREIGN KEY (book_id, account_id) REFERENCES ledger.account (book_id, account_id),
    CHECK (captured_satang BETWEEN 0 AND amount_satang),
    CHECK ((state = 2) = (captured_satang > 0))
);
COMMENT ON COLUMN ledger.hold.state IS '1 open -> 2 captured | 3 released | 4 expired';
COMMENT ON COLUMN ledger.hold.expires_on IS 'Last business date on which it can be captured.';
CREATE INDEX hold_open ON ledger.hold (book_id, account_id) WHERE state = 1;
CREATE INDEX hold_expiring ON ledger.hold (book_id, expires_on) WHERE state = 1;

-- Refusals are values: committed with their batch, part of its digest.
CREATE TABLE ledger.refusal (
    book_id integer NOT NULL,
    batch_no bigint NOT NULL,
    position integer NOT NULL,
    code text NOT NULL,
    sticky boolean NOT NULL,
    operation_id uuid,
    event_id uuid,
    actor text NOT NULL,
    detail text NOT NULL,
    body text NOT NULL,
    PRIMARY KEY (book_id, batch_no, position)
);
CREATE UNIQUE INDEX refused_once ON ledger.refusal (book_id, operation_id) WHERE sticky;
CREATE INDEX refusal_by_event ON ledger.refusal (book_id, event_id) WHERE event_id IS NOT NULL;
COMMENT ON COLUMN ledger.refusal.operation_id IS
'Journal or hold at fault; a sticky one can never be posted under the same id.';
COMMENT ON COLUMN ledger.refusal.event_id IS
'The product''s own event; attempts of it = 1 + its remembered refusals.';

CREATE TABLE ledger.idempotency_key (
    book_id integer NOT NULL,
    client text NOT NULL,
    key text NOT NULL CHECK (length(key) BETWEEN 1 AND 255),
    request_hash bytea NOT NULL CHECK (length(request_hash) = 32),
    batch_no bigint NOT NULL,
    answer text NOT NULL,
    PRIMARY KEY (book_id, client, key)
);

-- A business date and what is known of its end.
CREATE TABLE ledger.day (
    book_id integer NOT NULL REFERENCES ledger.book,
    business_date date NOT NULL,
    state smallint NOT NULL CHECK (state IN (1, 2, 3)),
    cut_seq bigint,
    cut_at timestamptz,
    proven_seq bigint,
    proven_at timestamptz,
    PRIMARY KEY (book_id, business_date),
    CHECK ((state = 1) = (cut_seq IS NULL)),
    CHECK ((state = 3) = (proven_seq IS NOT NULL))
);
COMMENT ON COLUMN ledger.day.state IS '1 open -> 2 cut off -> 3 proven (closed)';

-- Closing counters of an account that moved on a business date; written once, by the night.
CREATE TABLE ledger.snapshot (
    book_id integer NOT NULL,
    account_id integer NOT NULL,
    business_date date NOT NULL,
    debits bigint NOT NULL,
    credits bigint NOT NULL,
    batch_no bigint NOT NULL,
    PRIMARY KEY (book_id, account_id, business_date)
);
COMMENT ON COLUMN ledger.snapshot.batch_no IS 'The newest batch that these counters include.';

-- Control totals of a proven day: the trial balance as it was proven.
CREATE TABLE ledger.day_total (
    book_id integer NOT NULL,
    business_date date NOT NULL,
    gl_code text NOT NULL,
    debits numeric(30, 0) NOT NULL,
    credits numeric(30, 0) NOT NULL,
    PRIMARY KEY (book_id, business_date, gl_code)
);

-- A manual journal waits here for its second person; the checker posts exactly these bytes.
CREATE TABLE ledger.manual_journal (
    book_id integer NOT NULL REFERENCES ledger.book,
    journal_id uuid NOT NULL,
    version integer NOT NULL DEFAULT 1,
    state smallint NOT NULL DEFAULT 1 CHECK (state IN (1, 2, 3)),
    body text NOT NULL,
    made_by text NOT NULL,
    made_at timestamptz NOT NULL,
    decided_by text,
    decided_at timestamptz,
    reason text NOT NULL DEFAULT '',
    PRIMARY KEY (book_id, journal_id),
    CONSTRAINT maker_is_not_checker CHECK (decided_by IS NULL OR decided_by <> made_by),
    CHECK ((state = 1) = (decided_by IS NULL))
);
COMMENT ON COLUMN ledger.manual_journal.state IS '1 waiting -> 2 posted | 3 rejected';
