-- Roles by duty, books, chart, parties, accounts: who and where.
SET LOCAL lock_timeout = '5s';
SET LOCAL statement_timeout = '60s';

-- Roles belong to the whole server: another database of it may have made them already.
DO $$
DECLARE
    role_name text;
BEGIN
    FOREACH role_name IN ARRAY ARRAY['cff_reader', 'cff_auditor', 'cff_application', 'cff_poster']
    LOOP
        IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = role_name) THEN
            BEGIN
                EXECUTE format('CREATE ROLE %I NOLOGIN', role_name);
            EXCEPTION WHEN duplicate_object OR unique_violation THEN
                NULL;  -- made by another database's migration at the same moment
            END;
        END IF;
        -- The login that migrates must be able to act as each role, also when it is no superuser.
        IF NOT (SELECT rolsuper FROM pg_roles WHERE rolname = CURRENT_USER) THEN
            BEGIN
                EXECUTE format('GRANT %I TO CURRENT_USER', role_name);
            EXCEPTION WHEN insufficient_privilege THEN
                NULL;  -- somebody else's roles: their owner must have granted them
            END;
        END IF;
    END LOOP;
    IF NOT pg_has_role('cff_poster', 'cff_application', 'MEMBER') THEN
        GRANT cff_application TO cff_poster;
    END IF;
END
$$;

CREATE SCHEMA ledger;
CREATE SCHEMA pricing;
CREATE SCHEMA products;
CREATE SCHEMA api;

-- A book is one legal entity's double-entry ledger; every key starts with it.
CREATE TABLE ledger.book (
    book_id integer PRIMARY KEY,
    code text NOT NULL UNIQUE CHECK (code ~ '^[a-z][a-z0-9-]{1,31}$'),
    name_th text NOT NULL,
    name_en text NOT NULL,
    currency text NOT NULL CHECK (currency ~ '^[A-Z]{3}$'),
    fiscal_year_start_month smallint NOT NULL CHECK (fiscal_year_start_month BETWEEN 1 AND 12),
    cut_off_time time,
    opened_on date NOT NULL
);
COMMENT ON COLUMN ledger.book.cut_off_time IS
'Bangkok time at which the clock moves the business date; NULL = moved by command only.';

-- The head: one row a book, taken after every other lock, held over read, judge, write, commit.
CREATE TABLE ledger.book_head (
    book_id integer PRIMARY KEY REFERENCES ledger.book,
    recorded_seq bigint NOT NULL CHECK (recorded_seq >= 0),
    batch_no bigint NOT NULL CHECK (batch_no >= 0),
    business_date date NOT NULL,
    value_date_floor date NOT NULL,
    digest bytea NOT NULL CHECK (length(digest) = 32),
    epoch integer NOT NULL,
    voucher_year smallint NOT NULL DEFAULT 0,
    voucher_no bigint NOT NULL DEFAULT 0,
    CHECK (value_date_floor <= business_date)
) WITH (fillfactor = 20);
COMMENT ON COLUMN ledger.book_head.recorded_seq IS 'The last number given out; gap-free from 1.';
COMMENT ON COLUMN ledger.book_head.voucher_no IS
'Last voucher number of the newest fiscal year; of an older one it is read from its last batch.';
COMMENT ON COLUMN ledger.book_head.epoch IS
'Raised by migrations and repairs, so that a writer forgets the balances it holds.';

CREATE TABLE ledger.gl_account (
    book_id integer NOT NULL REFERENCES ledger.book,
    gl_code text NOT NULL CHECK (gl_code ~ '^[123459][0-9]{5}$'),
    cad_code text NOT NULL,
    name_th text NOT NULL,
    name_en text NOT NULL,
    PRIMARY KEY (book_id, gl_code)
);
COMMENT ON COLUMN ledger.gl_account.cad_code IS
'Code of the Cooperative Auditing Department that this one maps to; empty while unknown.';

CREATE TABLE ledger.party (
    book_id integer NOT NULL REFERENCES ledger.book,
    party_id integer NOT NULL,
    code text NOT NULL,
    name_th text NOT NULL,
    name_en text NOT NULL,
    sort_key text NOT NULL,
    region text NOT NULL,
    joined_on date NOT NULL,
    left_on date,
    PRIMARY KEY (book_id, party_id),
    UNIQUE (book_id, code)
);
COMMENT ON COLUMN ledger.party.sort_key IS 'Thai dictionary order as plain code points.';

CREATE SEQUENCE ledger.account_id AS integer;

CREATE TABLE ledger.account (
    book_id integer NOT NULL REFERENCES ledger.book,
    account_id integer NOT NULL,
    code text NOT NULL CHECK (code ~ '^[A-Z0-9][A-Z0-9-]{1,31}$'),
    gl_code text NOT NULL,
    currency text NOT NULL,
    party_id integer,
    name_th text NOT NULL,
    name_en text NOT NULL,
    opened_on date NOT NULL,
    opened_seq bigint NOT NULL,
    PRIMARY KEY (book_id, account_id),
    UNIQUE (book_id, code),
    FOREIGN KEY (book_id, gl_code) REFERENCES ledger.gl_account (book_id, gl_code),
    FOREIGN KEY (book_id, party_id) REFERENCES ledger.party (book_id, party_id)
);
CREATE INDEX account_by_party ON ledger.account (book_id, party_id);
CREATE INDEX account_by_gl ON ledger.account (book_id, gl_code);

-- Everything about an account that a posting reads or changes, in one row.
-- balance = credits - debits; debits and credits only grow.
CREATE TABLE ledger.balance (
    book_id integer NOT NULL,
    account_id integer NOT NULL,
    debits bigint NOT NULL DEFAULT 0,
    credits bigint NOT NULL DEFAULT 0,
    held bigint NOT NULL DEFAULT 0,
    balance_min bigint,
    balance_max bigint,
    excess_satang bigint NOT NULL DEFAULT 0,
    state smallint NOT NULL DEFAULT 1,
    frozen smallint NOT NULL DEFAULT 0,
    frozen_until date,
    changed_seq bigint NOT NULL,
    PRIMARY KEY (book_id, account_id),
    FOREIGN KEY (book_id, account_id) REFERENCES ledger.account (book_id, account_id),
    CONSTRAINT counters_in_range CHECK (
        debits BETWEEN 0 AND 8999999999999999999 AND credits BETWEEN 0 AND 8999999999999999999
    ),
    CONSTRAINT balance_in_range CHECK (
        credits - debits BETWEEN -900000000000000000 AND 900000000000000000
    ),
    CONSTRAINT held_in_range CHECK (held BETWEEN 0 AND 900000000000000000),
    CONSTRAINT excess_not_negative CHECK (excess_satang BETWEEN 0 AND 1800000000000000000),
    CONSTRAINT limits_in_range CHECK (
        coalesce(balance_min, 0) BETWEEN -900000000000000000 AND 900000000000000000
        AND coalesce(balance_max, 0) BETWEEN -900000000000000000 AND 900000000000000000
        AND (balance_min IS NULL OR balance_max IS NULL OR balance_min <= balance_max)
    ),
    CONSTRAINT within_balance_min CHECK (
        balance_min IS NULL OR credits - debits - held + excess_satang >= balance_min
    ),
    CONSTRAINT within_balance_max CHECK (
        balance_max IS NULL OR credits - debits - excess_satang <= balance_max
    ),
    CONSTRAINT state_known CHECK (state IN (1, 2)),
    CONSTRAINT frozen_known CHECK (frozen BETWEEN 0 AND 3),
    CONSTRAINT frozen_if_until CHECK (frozen_until IS NULL OR frozen <> 0),
    CONSTRAINT closed_is_empty CHECK (state = 1 OR (credits = debits AND held = 0))
) WITH (fillfactor = 50);
CREATE INDEX balance_frozen_until ON ledger.balance (book_id, frozen_until)
WHERE frozen_until IS NOT NULL;
COMMENT ON COLUMN ledger.balance.state IS
'1 open -> 2 closed; back only by the numbered act that undoes the closing';
COMMENT ON COLUMN ledger.balance.frozen_until IS
'Last business date of the freeze; the cut-off after it thaws. NULL = until somebody thaws.';
COMMENT ON COLUMN ledger.balance.frozen IS 'bit 1: debits refused; bit 2: credits refused';
COMMENT ON COLUMN ledger.balance.held IS 'Sum of open holds; counts against balance_min only.';
