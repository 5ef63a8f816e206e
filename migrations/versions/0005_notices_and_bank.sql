-- Notices of member co-ops, the bank's statements, and what joins them.
SET LOCAL lock_timeout = '5s';
SET LOCAL statement_timeout = '60s';

CREATE TABLE products.bank_account (
    book_id integer NOT NULL REFERENCES ledger.book,
    bank_code text NOT NULL CHECK (bank_code ~ '^[A-Z0-9]{2,12}$'),
    bank_no text NOT NULL,
    account_no text NOT NULL,
    name_th text NOT NULL,
    name_en text NOT NULL,
    account_id integer NOT NULL,
    opening_sequence_no integer NOT NULL,
    opening_balance_satang bigint NOT NULL,
    PRIMARY KEY (book_id, bank_code),
    UNIQUE (book_id, account_no),
    FOREIGN KEY (book_id, account_id) REFERENCES ledger.account (book_id, account_id)
);

COMMENT ON COLUMN products.bank_account.opening_sequence_no IS
'Number of the bank''s last statement before the book opened; opening_balance is its closing.';

-- Where unexplained bank lines, outgoing payments and bank fees are posted.
CREATE TABLE products.payment_accounts (
    book_id integer PRIMARY KEY REFERENCES ledger.book,
    suspense_receipts integer NOT NULL,
    suspense_payments integer NOT NULL,
    outgoing_clearing integer NOT NULL,
    bank_fees integer NOT NULL
);

CREATE TABLE products.notice_status (
    status smallint PRIMARY KEY,
    code text NOT NULL UNIQUE,
    name_th text NOT NULL,
    name_en text NOT NULL
);

CREATE TABLE products.notice (
    book_id integer NOT NULL REFERENCES ledger.book,
    notice_id uuid NOT NULL,
    kind smallint NOT NULL CHECK (kind IN (1, 2)),
    status smallint NOT NULL REFERENCES products.notice_status,
    version integer NOT NULL DEFAULT 1,
    contract_id uuid NOT NULL,
    bank_code text NOT NULL,
    amount_satang bigint NOT NULL CHECK (amount_satang BETWEEN 1 AND 999999999999999),
    value_date date NOT NULL,
    reference text NOT NULL CHECK (reference ~ '^[A-Z0-9]{1,35}$'),
    made_by text NOT NULL,
    received_by text NOT NULL,
    approved_by text,
    received_on date NOT NULL,
    received_seq bigint NOT NULL,
    changed_seq bigint NOT NULL,
    posted_journal uuid,
    PRIMARY KEY (book_id, notice_id),
    FOREIGN KEY (book_id, contract_id) REFERENCES products.contract (book_id, contract_id),
    FOREIGN KEY (book_id, bank_code) REFERENCES products.bank_account (book_id, bank_code),
    CONSTRAINT notice_maker_is_not_approver CHECK (
        approved_by IS NULL OR (
            lower(approved_by) <> lower(made_by) AND lower(approved_by) <> lower(received_by)
        )
    )
);
COMMENT ON COLUMN products.notice.kind IS '1 deposit, 2 withdrawal (its hold has the notice''s id)';
COMMENT ON COLUMN products.notice.received_by IS
'Who brought it in: the loader of the file, the actor of the key. made_by is what the file says.';
CREATE INDEX notice_to_match ON products.notice (book_id, bank_code, amount_satang)
WHERE status IN (1, 13);
CREATE INDEX notice_by_reference ON products.notice (book_id, reference);
CREATE INDEX notice_by_contract ON products.notice (book_id, contract_id, received_seq);
CREATE INDEX notice_by_seq ON products.notice (book_id, received_seq);
CREATE INDEX notice_open ON products.notice (book_id, status, received_seq);

-- A file that came through a door: the same bytes twice are a no-op that says so.
CREATE TABLE products.file_intake (
    book_id integer NOT NULL REFERENCES ledger.book,
    sha256 bytea NOT NULL CHECK (length(sha256) = 32),
    kind text NOT NULL CHECK (kind IN ('notices', 'statement')),
    name text NOT NULL,
    bytes bigint NOT NULL,
    received_by text NOT NULL,
    received_at timestamptz NOT NULL,
    finished_at timestamptz,
    result text NOT NULL DEFAULT '{}',
    PRIMARY KEY (book_id, sha256)
);

CREATE TABLE products.bank_statement (
    book_id integer NOT NULL,
    statement_id uuid NOT NULL,
    bank_code text NOT NULL,
    sequence_no integer NOT NULL,
    bank_reference text NOT NULL,
    booking_from date NOT NULL,
    booking_to date NOT NULL,
    opening_satang bigint NOT NULL,
    closing_satang bigint NOT NULL,
    line_count integer NOT NULL,
    loaded_on date NOT NULL,
    loaded_seq bigint NOT NULL,
    content_sha256 bytea NOT NULL CHECK (length(content_sha256) = 32),
    file_sha256 bytea NOT NULL CHECK (length(file_sha256) = 32),
    PRIMARY KEY (book_id, statement_id),
    UNIQUE (book_id, bank_code, sequence_no),
    FOREIGN KEY (book_id, bank_code) REFERENCES products.bank_account (book_id, bank_code)
);
COMMENT ON COLUMN products.bank_statement.content_sha256 IS
'Of the facts in it: two files that say the same are the same statement.';

CREATE TABLE products.bank_line_status (
    status smallint PRIMARY KEY,
    code text NOT NULL UNIQUE,
    name_th text NOT NULL,
    name_en text NOT NULL
);

-- A line of a statement; posted_journal is the one that moved the bank's account.
CREATE TABLE products.bank_line (
    book_id integer NOT NULL,
    line_id uuid NOT NULL,
    statement_id uuid NOT NULL,
    bank_code text NOT NULL,
    line_no integer NOT NULL,
    bank_reference text NOT NULL,
    amount_satang bigint NOT NULL CHECK (amount_satang BETWEEN 1 AND 999999999999999),
    is_credit boolean NOT NULL,
    booking_date date NOT NULL,
    value_date date NOT NULL,
    kind smallint NOT NULL CHECK (kind BETWEEN 1 AND 5),
    is_reversal boolean NOT NULL,
    reference text NOT NULL,
    remittance text NOT NULL,
    counterparty text NOT NULL,
    original_reference text NOT NULL,
    status smallint NOT NULL REFERENCES products.bank_line_status,
    version integer NOT NULL DEFAULT 1,
    posted_on date,
    posted_journal uuid,
    PRIMARY KEY (book_id, line_id),
    UNIQUE (book_id, statement_id, line_no),
    UNIQUE (book_id, bank_code, bank_reference),
    FOREIGN KEY (book_id, statement_id) REFERENCES products.bank_statement (book_id, statement_id)
);
CREATE INDEX bank_line_open ON products.bank_line (book_id, bank_code, amount_satang)
WHERE status IN (1, 2);
CREATE INDEX bank_line_by_day ON products.bank_line (book_id, bank_code, booking_date);
COMMENT ON COLUMN products.bank_line.kind IS
'1 credit transfer, 2 debit transfer, 3 returned payment, 4 bank fee, 5 other';

-- A line joined to a notice; undone = the journals were reversed, the row stays as history.
CREATE TABLE products.bank_match (
    book_id integer NOT NULL,
    match_id uuid NOT NULL,
    line_id uuid NOT NULL,
    notice_id uuid NOT NULL,
    amount_satang bigint NOT NULL CHECK (amount_satang > 0),
    how smallint NOT NULL CHECK (how IN (1, 2)),
    purpose smallint NOT NULL CHECK (purpose IN (1, 2)),
    journal_id uuid NOT NULL,
    made_by text NOT NULL,
    made_seq bigint NOT NULL,
    undone_by text,
    undone_seq bigint,
    PRIMARY KEY (book_id, match_id),
    FOREIGN KEY (book_id, line_id) REFERENCES products.bank_line (book_id, line_id),
    FOREIGN KEY (book_id, notice_id) REFERENCES products.notice (book_id, notice_id),
    CHECK ((undone_by IS NULL) = (undone_seq IS NULL))
);
CREATE UNIQUE INDEX notice_matched_once ON products.bank_match (book_id, notice_id, purpose)
WHERE undone_seq IS NULL;
CREATE INDEX match_by_line ON products.bank_match (book_id, line_id);
COMMENT ON COLUMN products.bank_match.how IS '1 automatic (unique both ways), 2 by a person';
COMMENT ON COLUMN products.bank_match.purpose IS
'1 the money of the notice came or went, 2 a payment made on it came back';

-- What might belong together and why it was not done by itself; for a person to decide.
CREATE TABLE products.match_proposal (
    book_id integer NOT NULL,
    line_id uuid NOT NULL,
    notice_id uuid NOT NULL,
    reason text NOT NULL,
    made_seq bigint NOT NULL,
    PRIMARY KEY (book_id, line_id, notice_id),
    FOREIGN KEY (book_id, line_id) REFERENCES products.bank_line (book_id, line_id),
    FOREIGN KEY (book_id, notice_id) REFERENCES products.notice (book_id, notice_id)
);
CREATE INDEX proposal_by_notice ON products.match_proposal (book_id, notice_id);

SELECT ledger.make_append_only('products.bank_account');
SELECT ledger.make_append_only('products.payment_accounts');
SELECT ledger.make_append_only('products.notice', TRUE);
SELECT ledger.make_append_only('products.bank_statement');
SELECT ledger.make_append_only('products.bank_line', TRUE);
SELECT ledger.make_append_only('products.bank_match', TRUE);
