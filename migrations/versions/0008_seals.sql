-- Day seals, the upper nodes of their trees, the public keys that they are signed with.
SET LOCAL lock_timeout = '5s';
SET LOCAL statement_timeout = '60s';

-- Public keys only; the private one is a file outside the database.
CREATE TABLE ledger.seal_key (
    key_id text PRIMARY KEY CHECK (key_id ~ '^[0-9a-f]{16}$'),
    public_key bytea NOT NULL UNIQUE CHECK (length(public_key) = 32),
    valid_from timestamptz NOT NULL DEFAULT clock_timestamp(),
    retired_at timestamptz CHECK (retired_at >= valid_from),
    CONSTRAINT named_by_its_hash CHECK (key_id = left(encode(sha256(public_key), 'hex'), 16))
);
-- One key is in force at a time.
CREATE UNIQUE INDEX seal_key_in_force ON ledger.seal_key ((TRUE)) WHERE retired_at IS NULL;
COMMENT ON COLUMN ledger.seal_key.key_id IS
'The first 16 hex digits of SHA-256 over the 32 bytes of the public key.';

-- One row a proven day, numbered without a gap; docs/evidence.md has the bytes of the hash.
CREATE TABLE ledger.seal (
    book_id integer NOT NULL REFERENCES ledger.book,
    seal_no bigint NOT NULL CHECK (seal_no >= 1),
    version smallint NOT NULL CHECK (version = 1),
    business_date date NOT NULL,
    first_seq bigint NOT NULL CHECK (first_seq >= 1),
    last_seq bigint NOT NULL,
    journal_count bigint NOT NULL CHECK (journal_count >= 0),
    transfer_count bigint NOT NULL CHECK (transfer_count >= journal_count),
    amount_sum numeric(30, 0) NOT NULL CHECK (amount_sum >= 0),
    merkle_root bytea NOT NULL CHECK (length(merkle_root) = 32),
    trial_balance bytea NOT NULL,
    debits numeric(30, 0) NOT NULL,
    credits numeric(30, 0) NOT NULL,
    batch_no bigint NOT NULL CHECK (batch_no >= 1),
    batch_digest bytea NOT NULL CHECK (length(batch_digest) = 32),
    previous bytea NOT NULL CHECK (length(previous) = 32),
    hash bytea NOT NULL CHECK (length(hash) = 32),
    signature bytea NOT NULL CHECK (length(signature) = 64),
    key_id text NOT NULL REFERENCES ledger.seal_key,
    sealed_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    PRIMARY KEY (book_id, seal_no),
    UNIQUE (book_id, business_date),
    UNIQUE (book_id, last_seq),
    CONSTRAINT numbers_in_order CHECK (last_seq >= first_seq),
    CONSTRAINT sides_agree CHECK (debits = credits)
);
COMMENT ON COLUMN ledger.seal.trial_balance IS
'Canonical bytes of the day''s trial balance as known at last_seq; their SHA-256 is in the hash.';

-- Every 1024 leaves of a seal's tree, and the rest: a proof looks at one piece, not at the day.
CREATE TABLE ledger.seal_node (
    book_id integer NOT NULL,
    seal_no bigint NOT NULL,
    piece integer NOT NULL CHECK (piece >= 0),
    first_seq bigint NOT NULL,
    leaves integer NOT NULL CHECK (leaves BETWEEN 1 AND 1024),
    node bytea NOT NULL CHECK (length(node) = 32),
    PRIMARY KEY (book_id, seal_no, piece),
    FOREIGN KEY (book_id, seal_no) REFERENCES ledger.seal (book_id, seal_no)
);

-- A seal continues the one before it; the numbers of the book are covered once and for all.
CREATE FUNCTION ledger.seal_continues() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    last_no bigint;
    last_covered bigint;
    last_hash bytea;
BEGIN
    SELECT s.seal_no, s.last_seq, s.hash INTO last_no, last_covered, last_hash
    FROM ledger.seal AS s WHERE s.book_id = NEW.book_id ORDER BY s.seal_no DESC LIMIT 1;
    IF NEW.seal_no <> coalesce(last_no, 0) + 1
        OR NEW.first_seq <> coalesce(last_covered, 0) + 1
        OR NEW.previous <> coalesce(last_hash, decode(repeat('00', 32), 'hex'))
        OR NOT EXISTS (
            SELECT FROM ledger.day AS d
            WHERE d.book_id = NEW.book_id AND d.business_date = NEW.business_date
                AND d.state = 3 AND d.proven_seq = NEW.last_seq
        ) THEN
        RAISE EXCEPTION 'seal % of book % does not continue seal %',
            NEW.seal_no, NEW.book_id, coalesce(last_no, 0)
            USING ERRCODE = 'LG012', HINT = 'Seals are made by the night: cff end-of-day.';
    END IF;
    RETURN NEW;
END
$$;
CREATE TRIGGER continues BEFORE INSERT ON ledger.seal
FOR EACH ROW EXECUTE FUNCTION ledger.seal_continues();

CREATE TRIGGER forward_only BEFORE UPDATE ON ledger.seal_key FOR EACH ROW WHEN (
    OLD.retired_at IS NOT NULL OR NEW.key_id <> OLD.key_id OR NEW.public_key <> OLD.public_key
    OR NEW.valid_from <> OLD.valid_from
) EXECUTE FUNCTION ledger.refuse_backward();

SELECT ledger.make_append_only('ledger.seal');
SELECT ledger.make_append_only('ledger.seal_node');
SELECT ledger.make_append_only('ledger.seal_key', TRUE);

GRANT SELECT ON ledger.seal, ledger.seal_node, ledger.seal_key
TO cff_reader, cff_auditor, cff_application, cff_poster;
GRANT INSERT ON ledger.seal, ledger.seal_node, ledger.seal_key TO cff_poster;
GRANT UPDATE (retired_at) ON ledger.seal_key TO cff_poster;
