-- The posting path at speed: one b-tree a transfer, movements that name journals, runs of files.
SET LOCAL lock_timeout = '5s';
SET LOCAL statement_timeout = '0';

-- A movement names its journals by id, the key by which a transfer is found; NULL = too many to
-- name, then they are dense in the batch's numbers. `transfers` says how many lines there are.
ALTER TABLE ledger.movement ADD COLUMN transfers integer;
ALTER TABLE ledger.movement ADD COLUMN journals uuid [];

ALTER TABLE ledger.movement DISABLE TRIGGER append_only;
UPDATE ledger.movement AS m
SET transfers = t.transfers,
    -- Small batches as before; large ones name more than they did.
    journals = CASE
        WHEN cardinality(t.journals) <= greatest(64, t.transfer_count / 64) THEN t.journals
    END
FROM (
    SELECT j.book_id, j.batch_no, j.account_id, j.value_date, sum(j.lines)::integer AS transfers,
        min(j.transfer_count) AS transfer_count,
        array_agg(j.journal_id ORDER BY j.recorded_seq) AS journals
    FROM (
        SELECT b.book_id, b.batch_no, b.transfer_count, x.account_id, f.value_date, f.journal_id, f.recorded_seq,
            count(*) AS lines
        FROM ledger.batch AS b
        INNER JOIN ledger.transfer AS f
            ON f.book_id = b.book_id AND f.recorded_seq BETWEEN b.first_seq AND b.last_seq
        CROSS JOIN LATERAL (
            VALUES (f.debit_account), (f.credit_account)
        ) AS x (account_id)
        GROUP BY b.book_id, b.batch_no, b.transfer_count, x.account_id, f.value_date,
            f.journal_id, f.recorded_seq
    ) AS j
    GROUP BY j.book_id, j.batch_no, j.account_id, j.value_date
) AS t
WHERE t.book_id = m.book_id AND t.batch_no = m.batch_no AND t.account_id = m.account_id
    AND t.value_date = m.value_date;
ALTER TABLE ledger.movement ENABLE TRIGGER append_only;

-- The book is at rest while it is migrated: readers and posters of the old form are not running.
-- squawk-ignore adding-not-nullable-field
ALTER TABLE ledger.movement ALTER COLUMN transfers SET NOT NULL;
-- squawk-ignore constraint-missing-not-valid
ALTER TABLE ledger.movement ADD CHECK (transfers >= 1);
-- squawk-ignore ban-drop-column
ALTER TABLE ledger.movement DROP COLUMN seqs;
COMMENT ON COLUMN ledger.movement.journals IS
'The journals, in order of number, when they are few; NULL = walk the batch''s own numbers.';

-- Rows are added in the order of their numbers, so a range of numbers is a few neighbouring pages.
-- Several values a range: books that post by turns do not widen each other's ranges.
-- squawk-ignore require-concurrent-index-deletion
DROP INDEX ledger.transfer_by_seq;
-- squawk-ignore require-concurrent-index-creation
CREATE INDEX transfer_by_number ON ledger.transfer
USING brin (recorded_seq int8_minmax_multi_ops (values_per_range = 16))
WITH (pages_per_range = 64);
COMMENT ON INDEX ledger.transfer_pkey IS
'A journal is recorded once, line by line: the one b-tree a transfer costs.';

-- A found journal is read by its key, not by its number.
ALTER TABLE ledger.found_transfer ADD COLUMN journal_id uuid;
ALTER TABLE ledger.found_transfer DISABLE TRIGGER append_only;
UPDATE ledger.found_transfer AS f SET journal_id = t.journal_id
FROM ledger.transfer AS t
WHERE t.book_id = f.book_id AND t.recorded_seq = f.recorded_seq AND t.line = f.line;
ALTER TABLE ledger.found_transfer ENABLE TRIGGER append_only;
-- squawk-ignore adding-not-nullable-field
ALTER TABLE ledger.found_transfer ALTER COLUMN journal_id SET NOT NULL;

-- Rows that are never changed need one vacuum in their life, and a page that it marks after a
-- checkpoint is logged whole once more: rarely, and then so that no later one has to come back.
ALTER TABLE ledger.transfer SET (
    autovacuum_vacuum_insert_scale_factor = 0.5, autovacuum_analyze_scale_factor = 0.5,
    autovacuum_freeze_min_age = 0
);
ALTER TABLE ledger.movement SET (
    autovacuum_vacuum_insert_scale_factor = 0.5, autovacuum_analyze_scale_factor = 0.5,
    autovacuum_freeze_min_age = 0
);

-- The same guard, AFTER: a BEFORE trigger of rows locks each row, and logs that, before it is
-- updated, whatever its condition says. Nothing of a refused statement stays either way.
DROP TRIGGER forward_only ON ledger.balance;
CREATE TRIGGER forward_only AFTER UPDATE ON ledger.balance FOR EACH ROW WHEN (
    NEW.debits < OLD.debits OR NEW.credits < OLD.credits OR NEW.changed_seq < OLD.changed_seq
    OR NEW.account_id <> OLD.account_id OR NEW.book_id <> OLD.book_id
    -- A closed account comes back only with a number of its own.
    OR (NEW.state < OLD.state AND NEW.changed_seq <= OLD.changed_seq)
) EXECUTE FUNCTION ledger.refuse_backward();

-- Summaries are made by who adds or follows rows, not whenever a vacuum worker finds the time.
ALTER INDEX ledger.movement_by_batch SET (autosummarize = off);
ALTER INDEX ledger.movement_by_day SET (autosummarize = off);

-- The first block of a table that a look-up of nothing has to read; NULL = none. Every block that
-- has a summary is passed over by it.
CREATE FUNCTION ledger.first_unsummarized(table_name text, nothing text) RETURNS bigint
LANGUAGE plpgsql SET search_path = pg_catalog
SET enable_seqscan = off SET enable_indexscan = off SET max_parallel_workers_per_gather = 0
SET jit = off AS $$
DECLARE
    blocks bigint := pg_relation_size(table_name::regclass) / current_setting('block_size')::integer;
    plan json;
    read_blocks bigint;
BEGIN
    EXECUTE format(
        'EXPLAIN (ANALYZE, TIMING OFF, FORMAT JSON) SELECT FROM %s WHERE %s', table_name, nothing
    ) INTO plan;
    read_blocks := (plan -> 0 -> 'Plan' ->> 'Lossy Heap Blocks')::bigint;
    RETURN CASE WHEN read_blocks > 0 THEN greatest(0, blocks - read_blocks) END;
END
$$;

-- Pages not yet summarised are looked through whole: who adds or follows many rows calls this, on
-- a connection that holds nothing. Somebody else at it, or a vacuum, is not waited for.
-- Where summarising (ours or a vacuum's) was cut short, PostgreSQL leaves a placeholder, and a
-- look-up reads everything from there on; no later summarising mends that. So what a look-up of
-- nothing has to read is asked afterwards, and the range at which it begins is made anew.
CREATE FUNCTION ledger.summarize_numbers() RETURNS integer
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog SET lock_timeout = '100ms' AS $$
DECLARE
    brin record;
    done integer := 0;
    blocks bigint;
    broken_at bigint;
BEGIN
    IF NOT pg_try_advisory_xact_lock(hashtextextended('ledger.summarize_numbers', 0)) THEN
        RETURN 0;
    END IF;
    FOR brin IN
        SELECT n.name, n.table_name, n.nothing
        FROM (VALUES
            ('ledger.transfer_by_number', 'ledger.transfer', 'recorded_seq = 0'),
            ('ledger.movement_by_batch', 'ledger.movement', 'batch_no = 0'),
            ('ledger.movement_by_day', 'ledger.movement', 'business_date = ''-infinity''')
        ) AS n (name, table_name, nothing)
    LOOP
        blocks := pg_relation_size(brin.table_name::regclass)
            / current_setting('block_size')::integer;
        done := done + brin_summarize_new_values(brin.name::regclass);
        FOR attempt IN 1..16 LOOP
            broken_at := ledger.first_unsummarized(brin.table_name, brin.nothing);
            -- What others have added meanwhile is the next caller's.
            EXIT WHEN broken_at IS NULL OR broken_at >= blocks;
            PERFORM brin_desummarize_range(brin.name::regclass, broken_at);
            done := done + brin_summarize_range(brin.name::regclass, broken_at);
        END LOOP;
    END LOOP;
    RETURN done;
EXCEPTION WHEN lock_not_available THEN
    RETURN 0;
END
$$;
REVOKE EXECUTE ON FUNCTION ledger.summarize_numbers() FROM PUBLIC;
GRANT EXECUTE ON FUNCTION ledger.summarize_numbers() TO cff_poster;

-- Which batches a business date takes, under which voucher numbers, and that batches and their
-- numbers follow each other without a gap. Stands on the batch row, so that it costs nothing per
-- transfer and refuses psql as well as our own code.
CREATE OR REPLACE FUNCTION ledger.refuse_closed_day() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    head_date date;
    first_month smallint;
    opened date;
    year_start date;
    year_end date;
    newest record;
    next_voucher bigint;
    known record;
    wrong text;
BEGIN
    SELECT h.business_date, k.fiscal_year_start_month, k.opened_on
    INTO head_date, first_month, opened
    FROM ledger.book_head AS h INNER JOIN ledger.book AS k ON k.book_id = h.book_id
    WHERE h.book_id = NEW.book_id
    -- Ours already when our own code posts; psql must wait for whoever is posting or closing.
    FOR UPDATE OF h;
    year_start := ledger.fiscal_year_starts(NEW.fiscal_year, first_month);
    year_end := (year_start + interval '1 year')::date - 1;
    -- A statement of its own: what it sees was committed before the head was ours.
    SELECT b.batch_no, b.last_seq, b.fiscal_year, b.first_voucher + b.journal_count AS next_voucher
    INTO newest
    FROM ledger.batch AS b WHERE b.book_id = NEW.book_id ORDER BY b.batch_no DESC LIMIT 1;
    next_voucher := newest.next_voucher;
    IF newest.fiscal_year IS DISTINCT FROM NEW.fiscal_year THEN
        SELECT coalesce((
            SELECT b.first_voucher + b.journal_count FROM ledger.batch AS b
            WHERE b.book_id = NEW.book_id AND b.fiscal_year = NEW.fiscal_year
            ORDER BY b.first_voucher DESC, b.batch_no DESC LIMIT 1
        ), 1) INTO next_voucher;
    END IF;
    SELECT
    EXISTS (
        SELECT FROM ledger.period AS p
        WHERE p.book_id = NEW.book_id AND p.kind = 2 AND p.state = 2 AND p.starts_on = year_start
    ) AS year_closed,
    EXISTS (
        SELECT FROM ledger.period AS p
        WHERE p.book_id = NEW.book_id AND p.kind = 1 AND p.state = 2
            AND p.starts_on = date_trunc('month', NEW.business_date::timestamp)::date
    ) AS month_closed,
    NEW.origin <> 4 AND EXISTS (
        SELECT FROM ledger.day AS d
        WHERE d.book_id = NEW.book_id AND d.business_date = NEW.business_date AND d.state = 3
    ) AS day_proven
    INTO known;
    IF NEW.business_date > head_date THEN
        wrong := 'lies ahead of the book''s business date';
    ELSIF NEW.business_date < opened THEN
        wrong := 'lies before the book was opened';
    ELSIF NEW.business_date NOT BETWEEN year_start AND year_end THEN
        wrong := format('does not lie in fiscal year %s', NEW.fiscal_year);
    ELSIF NEW.first_voucher <> next_voucher THEN
        wrong := format('has voucher %s next, not %s', next_voucher, NEW.first_voucher);
    ELSIF NEW.batch_no <> coalesce(newest.batch_no, 0) + 1
        OR NEW.first_seq <> coalesce(newest.last_seq, 0) + 1 THEN
        wrong := format('has batch %s and number %s next, not %s and %s',
            coalesce(newest.batch_no, 0) + 1, coalesce(newest.last_seq, 0) + 1, NEW.batch_no,
            NEW.first_seq);
    ELSIF known.year_closed THEN
        wrong := 'lies in a closed fiscal year';
    ELSIF NEW.period > 0 THEN
        IF NEW.business_date <> year_end THEN
            wrong := format('is not the last day %s of its fiscal year', year_end);
        ELSIF ledger.months_closed(NEW.book_id, greatest(year_start, opened), year_end) THEN
            RETURN NEW;
        ELSE
            wrong := 'lies in a fiscal year whose late period has not begun';
        END IF;
    ELSIF known.month_closed THEN
        wrong := 'lies in a closed month';
    ELSIF NEW.origin <> 4 AND (
        (NEW.origin <> 2 AND NEW.business_date < head_date) OR known.day_proven
    ) THEN
        wrong := 'takes adjustments only';
    END IF;
    IF wrong IS NOT NULL THEN
        RAISE EXCEPTION 'business date % of book % takes no postings: it %',
            NEW.business_date, NEW.book_id, wrong
            USING ERRCODE = 'LG004', HINT = 'Post on the current business date.';
    END IF;
    RETURN NEW;
END
$$;

-- As it was, by the newest batch of the book, which is found at once however many there are.
CREATE OR REPLACE FUNCTION ledger.movements_match_batch() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    wrong record;
BEGIN
    SELECT n.book_id, n.batch_no INTO wrong
    FROM (
        SELECT m.book_id, m.batch_no, sum(m.debits) AS debits, sum(m.credits) AS credits,
            min(m.business_date) AS first_day, max(m.business_date) AS last_day
        FROM new_rows AS m GROUP BY m.book_id, m.batch_no
    ) AS n
    LEFT JOIN LATERAL (
        SELECT b.batch_no, b.xact, b.amount_sum, b.business_date
        FROM ledger.batch AS b WHERE b.book_id = n.book_id ORDER BY b.batch_no DESC LIMIT 1
    ) AS newest ON TRUE
    WHERE newest.batch_no IS DISTINCT FROM n.batch_no OR newest.xact <> pg_current_xact_id()
        OR n.debits <> newest.amount_sum OR n.credits <> newest.amount_sum
        OR n.first_day <> newest.business_date OR n.last_day <> newest.business_date
    LIMIT 1;
    IF FOUND THEN
        RAISE EXCEPTION 'movements of book % batch % do not match the batch',
            wrong.book_id, wrong.batch_no
            USING ERRCODE = 'LG003', HINT = 'Money moves only through the posting path.';
    END IF;
    RETURN NULL;
END
$$;

-- The head is what its newest batch says, whoever writes it.
CREATE FUNCTION ledger.head_is_its_batch() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM FROM (
        SELECT b.batch_no, b.last_seq, b.digest
        FROM ledger.batch AS b WHERE b.book_id = NEW.book_id ORDER BY b.batch_no DESC LIMIT 1
    ) AS newest
    WHERE newest.batch_no = NEW.batch_no AND newest.last_seq = NEW.recorded_seq
        AND newest.digest = NEW.digest;
    IF NOT FOUND THEN
        RAISE EXCEPTION 'head of book % does not follow its batch %', NEW.book_id, NEW.batch_no
            USING ERRCODE = 'LG003', HINT = 'Money moves only through the posting path.';
    END IF;
    RETURN NULL;
END
$$;
CREATE TRIGGER as_batched AFTER UPDATE ON ledger.book_head FOR EACH ROW WHEN (
    NEW.recorded_seq <> OLD.recorded_seq OR NEW.batch_no <> OLD.batch_no
    OR NEW.digest <> OLD.digest
) EXECUTE FUNCTION ledger.head_is_its_batch();

-- Writers that held balances before this migration forget them.
UPDATE ledger.book_head SET epoch = epoch + 1;

-- Writes a batch that was judged, and only if the book stands where the judge had it: one call, one
-- round trip. False, and nothing is written, when the head is not as expected or somebody holds it,
-- or when one of `new_ids`, or of the asked keys, is on record; who holds the head already names
-- none. If the head is as expected in the snapshot of the first statement and still is when its row
-- is locked, nothing was posted in between: what the same snapshot says of ids and keys is true.
-- Nothing is judged here. A function, because a statement of this size takes longer to plan than to
-- execute: its plans are made once a session, whatever the arguments.
CREATE FUNCTION ledger.write_batch(
    book integer, batch bigint, on_date date, first_number bigint, last_number bigint,
    journals integer, events integer, amount_total numeric, refusals integer, batch_origin integer,
    batch_period integer, year integer, voucher bigint, version integer, new_digest bytea,
    head_year integer, head_voucher bigint,
    old_epoch integer, old_date date, old_floor date, old_digest bytea,
    new_ids uuid [], asked_clients text [], asked_keys text [],
    t_journal uuid [], t_line integer [], t_number bigint [], t_debit integer [],
    t_credit integer [], t_amount bigint [], t_kind smallint [], t_exceed boolean [],
    t_value date [], t_actor text [], t_reference text [], t_narrative text [], t_hold uuid [],
    t_reverses uuid [], t_forced boolean [], t_adjusts uuid [],
    m_account integer [], m_value date [], m_debits bigint [], m_credits bigint [],
    m_debits_after bigint [], m_credits_after bigint [], m_transfers integer [],
    m_first integer [], m_last integer [], m_named uuid [],
    b_account integer [], b_debits bigint [], b_credits bigint [], b_held bigint [],
    b_excess bigint [], b_number bigint [],
    r_position integer [], r_code text [], r_sticky boolean [], r_operation uuid [],
    r_event uuid [], r_actor text [], r_detail text [], r_body text [],
    k_client text [], k_key text [], k_hash bytea [], k_answer text []
) RETURNS boolean LANGUAGE plpgsql
SET plan_cache_mode = force_generic_plan
-- Every row is found by its key, also while the server has not counted what was just loaded.
SET enable_hashjoin = off SET enable_mergejoin = off SET enable_seqscan = off
AS $$
BEGIN
    PERFORM FROM ledger.book_head AS h
    WHERE h.book_id = book AND h.batch_no = batch - 1 AND h.recorded_seq = first_number - 1
        AND h.epoch = old_epoch AND h.business_date = old_date AND h.value_date_floor = old_floor
        AND h.digest = old_digest
        AND NOT EXISTS (
            SELECT FROM ledger.transfer AS t WHERE t.book_id = book AND t.journal_id = ANY(new_ids)
        )
        AND NOT EXISTS (
            SELECT FROM ledger.hold AS d WHERE d.book_id = book AND d.hold_id = ANY(new_ids)
        )
        AND NOT EXISTS (
            SELECT FROM ledger.refusal AS r
            WHERE r.book_id = book AND r.operation_id = ANY(new_ids) AND r.sticky
        )
        AND NOT EXISTS (
            SELECT FROM unnest(asked_clients, asked_keys) AS w (client, key)
            INNER JOIN ledger.idempotency_key AS k
                ON k.book_id = book AND k.client = w.client AND k.key = w.key
        )
    -- Who finds it held does not wait here only to wait again: the long way stands in the queue.
    FOR UPDATE SKIP LOCKED;
    IF NOT FOUND THEN
        RETURN FALSE;
    END IF;
    INSERT INTO ledger.batch (
        book_id, batch_no, business_date, first_seq, last_seq, journal_count, event_count,
        transfer_count, amount_sum, refusal_count, origin, period, fiscal_year, first_voucher,
        digest_version, digest
    ) VALUES (
        book, batch, on_date, first_number, last_number, journals, events,
        cardinality(t_journal), amount_total, refusals, batch_origin, batch_period, year, voucher,
        version, new_digest
    );
    IF cardinality(t_journal) > 0 THEN
        INSERT INTO ledger.transfer (
            book_id, journal_id, line, recorded_seq, debit_account, credit_account, amount_satang,
            kind, may_exceed_limit, business_date, value_date, actor, reference, narrative,
            hold_id, reverses, forced, adjusts
        )
        -- A column that has its default in every row is not sent.
        SELECT book, t.journal_id, coalesce(t.line, 0), t.recorded_seq, t.debit_account,
            t.credit_account, t.amount_satang, t.kind, coalesce(t.may_exceed_limit, FALSE),
            on_date, t.value_date, t.actor, t.reference, t.narrative, t.hold_id, t.reverses,
            coalesce(t.forced, FALSE), t.adjusts
        FROM unnest(
            t_journal, t_line, t_number, t_debit, t_credit, t_amount, t_kind, t_exceed, t_value,
            t_actor, t_reference, t_narrative, t_hold, t_reverses, t_forced, t_adjusts
        ) AS t (
            journal_id, line, recorded_seq, debit_account, credit_account, amount_satang, kind,
            may_exceed_limit, value_date, actor, reference, narrative, hold_id, reverses, forced,
            adjusts
        );
        INSERT INTO ledger.movement (
            book_id, account_id, business_date, batch_no, value_date, debits, credits,
            debits_after, credits_after, transfers, journals
        )
        SELECT book, m.account_id, on_date, batch, m.value_date, m.debits, m.credits,
            m.debits_after, m.credits_after, m.transfers, m_named[m.first_named:m.last_named]
        FROM unnest(
            m_account, m_value, m_debits, m_credits, m_debits_after, m_credits_after, m_transfers,
            m_first, m_last
        ) AS m (
            account_id, value_date, debits, credits, debits_after, credits_after, transfers,
            first_named, last_named
        );
        UPDATE ledger.balance AS b
        SET debits = c.debits, credits = c.credits, held = c.held, excess_satang = c.excess,
            changed_seq = c.changed_seq
        FROM unnest(b_account, b_debits, b_credits, b_held, b_excess, b_number) AS c (
            account_id, debits, credits, held, excess, changed_seq
        )
        WHERE b.book_id = book AND b.account_id = c.account_id;
    END IF;
    IF cardinality(r_position) > 0 THEN
        INSERT INTO ledger.refusal (
            book_id, batch_no, position, code, sticky, operation_id, event_id, actor, detail, body
        )
        SELECT book, batch, r.position, r.code, r.sticky, r.operation_id, r.event_id, r.actor,
            r.detail, r.body
        FROM unnest(
            r_position, r_code, r_sticky, r_operation, r_event, r_actor, r_detail, r_body
        ) AS r (position, code, sticky, operation_id, event_id, actor, detail, body);
    END IF;
    IF cardinality(k_client) > 0 THEN
        INSERT INTO ledger.idempotency_key (book_id, client, key, request_hash, batch_no, answer)
        SELECT book, k.client, k.key, k.request_hash, batch, k.answer
        FROM unnest(k_client, k_key, k_hash, k_answer) AS k (client, key, request_hash, answer);
    END IF;
    UPDATE ledger.book_head AS h
    SET recorded_seq = last_number, batch_no = batch, digest = new_digest,
        voucher_year = head_year, voucher_no = head_voucher
    WHERE h.book_id = book;
    RETURN TRUE;
END
$$;
REVOKE EXECUTE ON FUNCTION ledger.write_batch FROM PUBLIC;
GRANT EXECUTE ON FUNCTION ledger.write_batch TO cff_poster;

-- A file, or a stream, that is posted line by line: how far it has come. Its row moves in the
-- transaction of each of its batches, so that after a crash it goes on exactly there.
CREATE TABLE ledger.posting_run (
    book_id integer NOT NULL REFERENCES ledger.book,
    run_id uuid NOT NULL,
    name text NOT NULL CHECK (length(name) BETWEEN 1 AND 200),
    actor text NOT NULL CHECK (actor <> ''),
    options text NOT NULL,
    result text NOT NULL CHECK (length(result) <= 4096),
    state smallint NOT NULL DEFAULT 1 CHECK (state IN (1, 2)),
    bytes_done bigint NOT NULL DEFAULT 0 CHECK (bytes_done >= 0),
    result_bytes bigint NOT NULL DEFAULT 0 CHECK (result_bytes >= 0),
    lines_done bigint NOT NULL DEFAULT 0,
    posted bigint NOT NULL DEFAULT 0 CHECK (posted >= 0),
    replayed bigint NOT NULL DEFAULT 0 CHECK (replayed >= 0),
    refused bigint NOT NULL DEFAULT 0 CHECK (refused >= 0),
    malformed bigint NOT NULL DEFAULT 0 CHECK (malformed >= 0),
    begun_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    moved_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    PRIMARY KEY (book_id, run_id),
    CONSTRAINT every_line_has_an_outcome CHECK (
        lines_done = posted + replayed + refused + malformed
    )
) WITH (fillfactor = 20);
COMMENT ON TABLE ledger.posting_run IS 'A file or stream of journals, and how far it is posted.';
COMMENT ON COLUMN ledger.posting_run.state IS '1 under way -> 2 finished';
COMMENT ON COLUMN ledger.posting_run.options IS
'Canonical JSON of what else decides outcomes: the same run cannot go on with other ones.';
COMMENT ON COLUMN ledger.posting_run.result IS
'Where the result file is, as the loader last knew it; empty for a stream, which keeps none.';
COMMENT ON COLUMN ledger.posting_run.result_bytes IS
'How long the result file was when the last batch was committed; what is beyond it is void.';

SELECT ledger.make_append_only('ledger.posting_run', TRUE);
CREATE TRIGGER forward_only BEFORE UPDATE ON ledger.posting_run FOR EACH ROW WHEN (
    OLD.state = 2 OR NEW.book_id <> OLD.book_id OR NEW.run_id <> OLD.run_id
    OR NEW.name <> OLD.name OR NEW.actor <> OLD.actor OR NEW.options <> OLD.options
    OR NEW.bytes_done < OLD.bytes_done OR NEW.result_bytes < OLD.result_bytes
    OR NEW.posted < OLD.posted OR NEW.replayed < OLD.replayed OR NEW.refused < OLD.refused
    OR NEW.malformed < OLD.malformed
) EXECUTE FUNCTION ledger.refuse_backward();

GRANT SELECT ON ledger.posting_run TO cff_reader, cff_auditor, cff_application, cff_poster;
GRANT INSERT, UPDATE ON ledger.posting_run TO cff_poster;
