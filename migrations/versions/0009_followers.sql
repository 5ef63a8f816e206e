-- Followers of the feed: how far each has come, and the search rows that one of them keeps.
SET LOCAL lock_timeout = '5s';
SET LOCAL statement_timeout = '60s';

-- A follower's cursor moves in the transaction of its effect.
CREATE TABLE ledger.consumer (
    book_id integer NOT NULL REFERENCES ledger.book,
    name text NOT NULL CHECK (name ~ '^[a-z][a-z0-9-]{0,39}$'),
    cursor_seq bigint NOT NULL DEFAULT 0 CHECK (cursor_seq >= 0),
    moved_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    PRIMARY KEY (book_id, name)
) WITH (fillfactor = 20);
COMMENT ON COLUMN ledger.consumer.cursor_seq IS 'The last number that it has dealt with.';

-- Why a cursor was set back. Written in the transaction that sets it back, or the guard refuses.
CREATE TABLE ledger.consumer_rewind (
    book_id integer NOT NULL,
    name text NOT NULL,
    rewound_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    from_seq bigint NOT NULL,
    to_seq bigint NOT NULL CHECK (to_seq >= 0),
    actor text NOT NULL CHECK (actor <> ''),
    reason text NOT NULL CHECK (length(reason) >= 3),
    xact xid8 NOT NULL DEFAULT pg_current_xact_id(),
    PRIMARY KEY (book_id, name, rewound_at),
    FOREIGN KEY (book_id, name) REFERENCES ledger.consumer (book_id, name),
    CONSTRAINT goes_back CHECK (to_seq < from_seq)
);

-- A cursor goes forward and never beyond what is recorded; back only with its reason.
CREATE FUNCTION ledger.consumer_goes_on() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    wrong text;
BEGIN
    IF TG_OP = 'UPDATE' AND (NEW.book_id <> OLD.book_id OR NEW.name <> OLD.name) THEN
        wrong := 'keeps its book and name';
    ELSIF NEW.cursor_seq > (
        SELECT h.recorded_seq FROM ledger.book_head AS h WHERE h.book_id = NEW.book_id
    ) THEN
        wrong := format('cannot have dealt with number %s yet', NEW.cursor_seq);
    ELSIF TG_OP = 'UPDATE' AND NEW.cursor_seq < OLD.cursor_seq AND NOT EXISTS (
        SELECT FROM ledger.consumer_rewind AS r
        WHERE r.book_id = NEW.book_id AND r.name = NEW.name AND r.from_seq = OLD.cursor_seq
            AND r.to_seq = NEW.cursor_seq AND r.xact = pg_current_xact_id()
    ) THEN
        wrong := 'only moves forward';
    END IF;
    IF wrong IS NOT NULL THEN
        RAISE EXCEPTION 'consumer % of book %: it %', NEW.name, NEW.book_id, wrong
            USING ERRCODE = 'LG005', HINT = 'Rewind with a reason: cff consumers rewind.';
    END IF;
    RETURN NEW;
END
$$;
CREATE TRIGGER goes_on BEFORE INSERT OR UPDATE ON ledger.consumer
FOR EACH ROW EXECUTE FUNCTION ledger.consumer_goes_on();

-- One row a transfer, written by the consumer named "find". `run` is 262,144 numbers: every index
-- begins with it, so that rows are added at the end of each index, and a search steps from run to
-- run, newest first, past those that hold nothing of what it looks for.
CREATE TABLE ledger.found_transfer (
    book_id integer NOT NULL,
    run integer NOT NULL GENERATED ALWAYS AS ((recorded_seq >> 18)::integer) STORED,
    recorded_seq bigint NOT NULL,
    amount_satang bigint NOT NULL,
    line integer NOT NULL,
    debit_account integer NOT NULL,
    credit_account integer NOT NULL,
    business_date date NOT NULL,
    value_date date NOT NULL,
    kind smallint NOT NULL,
    reference text COLLATE "C" NOT NULL,
    actor text COLLATE "C" NOT NULL,
    PRIMARY KEY (book_id, run, recorded_seq, line)
);
CREATE INDEX found_by_reference ON ledger.found_transfer (book_id, run, reference);
CREATE INDEX found_by_amount ON ledger.found_transfer (book_id, run, amount_satang);
CREATE INDEX found_by_debit ON ledger.found_transfer (book_id, run, debit_account);
CREATE INDEX found_by_credit ON ledger.found_transfer (book_id, run, credit_account);
CREATE INDEX found_by_kind ON ledger.found_transfer (book_id, run, kind);
CREATE INDEX found_by_business_date ON ledger.found_transfer (book_id, run, business_date);
CREATE INDEX found_by_value_date ON ledger.found_transfer (book_id, run, value_date);
CREATE INDEX found_by_actor ON ledger.found_transfer (book_id, run, actor);
COMMENT ON COLUMN ledger.found_transfer.run IS 'recorded_seq / 262144, the stretch it is sought in';

SELECT ledger.make_append_only('ledger.consumer', TRUE);
SELECT ledger.make_append_only('ledger.consumer_rewind');
SELECT ledger.make_append_only('ledger.found_transfer');

GRANT SELECT ON ledger.consumer, ledger.consumer_rewind, ledger.found_transfer
TO cff_reader, cff_auditor, cff_application, cff_poster;
GRANT INSERT ON ledger.consumer, ledger.consumer_rewind, ledger.found_transfer TO cff_poster;
GRANT UPDATE (cursor_seq, moved_at) ON ledger.consumer TO cff_poster;
