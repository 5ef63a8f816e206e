-- Verbs of the products at speed: fewer round trips, and guards that ask once a statement.
SET LOCAL lock_timeout = '5s';
SET LOCAL statement_timeout = '0';

-- The key of a foreign key is looked up row by row, which took as long as the change of the row. The
-- book is at rest while it is migrated, so what is checked anew may be checked at once.

-- A status is known by its table; the check names the same rows, and none of them can go.
-- squawk-ignore constraint-missing-not-valid
ALTER TABLE products.bank_line ADD CONSTRAINT bank_line_status_known
CHECK (status BETWEEN 1 AND 5);
-- squawk-ignore ban-drop-constraint
ALTER TABLE products.bank_line DROP CONSTRAINT bank_line_status_fkey;
-- squawk-ignore constraint-missing-not-valid
ALTER TABLE products.notice ADD CONSTRAINT notice_status_known
CHECK (status IN (1, 2, 3, 11, 12, 13, 21, 22, 23));
-- squawk-ignore ban-drop-constraint
ALTER TABLE products.notice DROP CONSTRAINT notice_status_fkey;
SELECT ledger.make_append_only('products.bank_line_status');
SELECT ledger.make_append_only('products.notice_status');

-- The same, said so that it is checked in a sixth of the time with every change of a notice: what counts
-- repetitions is slow.
-- squawk-ignore ban-drop-constraint
ALTER TABLE products.notice DROP CONSTRAINT notice_reference_check;
-- squawk-ignore constraint-missing-not-valid
ALTER TABLE products.notice ADD CONSTRAINT notice_reference_check
CHECK (reference ~ '^[A-Z0-9]+$' AND length(reference) <= 35);

-- A match names a line and a notice that are there: asked once a statement, and what was found stays
-- true, for neither is ever deleted (their append_only) and none of the keys ever changed.
CREATE FUNCTION products.match_names_its_rows() RETURNS trigger LANGUAGE plpgsql
SET enable_hashjoin = off SET enable_mergejoin = off SET enable_seqscan = off AS $$
DECLARE
    wrong record;
BEGIN
    SELECT m.book_id, m.match_id INTO wrong
    FROM new_rows AS m
    LEFT JOIN products.bank_line AS l ON l.book_id = m.book_id AND l.line_id = m.line_id
    LEFT JOIN products.notice AS n ON n.book_id = m.book_id AND n.notice_id = m.notice_id
    WHERE l.line_id IS NULL OR n.notice_id IS NULL
    LIMIT 1;
    IF FOUND THEN
        RAISE EXCEPTION 'match % of book % names a line or a notice that is not there',
            wrong.match_id, wrong.book_id
            USING ERRCODE = 'foreign_key_violation';
    END IF;
    RETURN NULL;
END
$$;
CREATE TRIGGER names_its_rows AFTER INSERT ON products.bank_match
REFERENCING NEW TABLE AS new_rows
FOR EACH STATEMENT EXECUTE FUNCTION products.match_names_its_rows();
CREATE TRIGGER key_stays BEFORE UPDATE OF book_id, line_id, notice_id ON products.bank_match
FOR EACH STATEMENT EXECUTE FUNCTION ledger.refuse_change();
CREATE TRIGGER key_stays BEFORE UPDATE OF book_id, line_id ON products.bank_line
FOR EACH STATEMENT EXECUTE FUNCTION ledger.refuse_change();
CREATE TRIGGER key_stays BEFORE UPDATE OF book_id, notice_id ON products.notice
FOR EACH STATEMENT EXECUTE FUNCTION ledger.refuse_change();
-- squawk-ignore ban-drop-constraint
ALTER TABLE products.bank_match DROP CONSTRAINT bank_match_book_id_line_id_fkey;
-- squawk-ignore ban-drop-constraint
ALTER TABLE products.bank_match DROP CONSTRAINT bank_match_book_id_notice_id_fkey;

-- No query asks for a bank's lines by their day; the index was written with every change of a line.
-- squawk-ignore require-concurrent-index-deletion
DROP INDEX products.bank_line_by_day;

-- The kind of an event is known by its table, like a status; asked once a statement.
CREATE FUNCTION ledger.event_kinds_are_known() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    unknown smallint;
BEGIN
    SELECT e.kind INTO unknown FROM new_rows AS e
    WHERE NOT EXISTS (SELECT FROM ledger.event_kind AS k WHERE k.kind = e.kind)
    LIMIT 1;
    IF FOUND THEN
        RAISE EXCEPTION 'event of kind %, which is not known', unknown
            USING ERRCODE = 'foreign_key_violation';
    END IF;
    RETURN NULL;
END
$$;
CREATE TRIGGER known_kind AFTER INSERT ON ledger.event
REFERENCING NEW TABLE AS new_rows
FOR EACH STATEMENT EXECUTE FUNCTION ledger.event_kinds_are_known();
-- squawk-ignore ban-drop-constraint
ALTER TABLE ledger.event DROP CONSTRAINT event_kind_fkey;
SELECT ledger.make_append_only('ledger.event_kind');

-- Lines are explained by notices, a row a pair; a line with several notices stands once a notice. One
-- that was suspended keeps the journal that moved the bank's account. The questions are spent. For
-- all units of a batch at once; a row of another version is left alone.
CREATE FUNCTION products.match_lines(
    book integer, p_line uuid [], p_line_version integer [], p_line_status smallint [],
    p_journal uuid [], p_notice uuid [], p_notice_version integer [], p_notice_status smallint [],
    p_posted uuid [], p_match uuid [], p_amount bigint [], p_how smallint [], p_purpose smallint [],
    p_made_by text [], p_number bigint []
) RETURNS void LANGUAGE plpgsql
SET plan_cache_mode = force_generic_plan
-- Every row is found by its key, also while the server has not counted what was just loaded: so each
-- statement names the keys beside joining them.
SET enable_mergejoin = off SET enable_seqscan = off
AS $$
DECLARE
    today date := (SELECT h.business_date FROM ledger.book_head AS h WHERE h.book_id = book);
BEGIN
    UPDATE products.bank_line AS l
    SET status = t.line_status, version = l.version + 1,
        posted_journal = coalesce(l.posted_journal, t.journal_id),
        posted_on = coalesce(l.posted_on, today)
    -- Of a line that stands several times, whichever: they say the same of it.
    FROM unnest(p_line, p_line_version, p_line_status, p_journal)
        AS t (line_id, line_version, line_status, journal_id)
    WHERE l.book_id = book AND l.line_id = ANY(p_line)
        AND l.line_id = t.line_id AND l.version = t.line_version;
    UPDATE products.notice AS n
    SET status = t.notice_status, version = n.version + 1, changed_seq = t.number,
        posted_journal = coalesce(t.posted_journal, n.posted_journal)
    FROM unnest(p_notice, p_notice_version, p_notice_status, p_posted, p_number)
        AS t (notice_id, notice_version, notice_status, posted_journal, number)
    WHERE n.book_id = book AND n.notice_id = ANY(p_notice)
        AND n.notice_id = t.notice_id AND n.version = t.notice_version;
    DELETE FROM products.match_proposal AS p WHERE p.book_id = book AND p.line_id = ANY(p_line);
    DELETE FROM products.match_proposal AS p WHERE p.book_id = book AND p.notice_id = ANY(p_notice);
    INSERT INTO products.bank_match (
        book_id, match_id, line_id, notice_id, amount_satang, how, purpose, journal_id, made_by,
        made_seq
    )
    SELECT book, t.match_id, t.line_id, t.notice_id, t.amount_satang, t.how, t.purpose,
        t.journal_id, t.made_by, t.made_seq
    FROM unnest(
        p_match, p_line, p_notice, p_amount, p_how, p_purpose, p_journal, p_made_by, p_number
    ) AS t (
        match_id, line_id, notice_id, amount_satang, how, purpose, journal_id, made_by, made_seq
    );
END
$$;
REVOKE EXECUTE ON FUNCTION products.match_lines FROM PUBLIC;
GRANT EXECUTE ON FUNCTION products.match_lines TO cff_poster;

-- Locks the head, which is waited for, and then answers what every batch asks under it: one round
-- trip, yet each question a statement of its own, so that it sees what was committed while the head
-- was waited for. `what` a row is: 0 the head, 1 an account, 2 a journal, 3 a hold, 4 a remembered
-- refusal (these three by their id alone), 5 an idempotency key (its request's hash as `digest`). No
-- row at all: no such book.
CREATE FUNCTION ledger.take_head(
    book integer, asked_clients text [], asked_keys text [], asked_ids uuid [],
    asked_accounts integer []
) RETURNS TABLE (
    what integer, id uuid, account_id integer, currency text, debits bigint, credits bigint,
    held bigint, balance_min bigint, balance_max bigint, excess_satang bigint, state smallint,
    frozen smallint, frozen_until date, changed_seq bigint,
    recorded_seq bigint, batch_no bigint, business_date date, value_date_floor date,
    digest bytea, epoch integer, voucher_year smallint, voucher_no bigint,
    fiscal_year_start_month smallint, client text, key text, answer text
) LANGUAGE plpgsql
SET plan_cache_mode = force_generic_plan
-- Every row is found by its key, also while the server has not counted what was just loaded.
SET enable_hashjoin = off SET enable_mergejoin = off SET enable_seqscan = off
AS $$
#variable_conflict use_column
BEGIN
    SELECT 0, h.recorded_seq, h.batch_no, h.business_date, h.value_date_floor, h.digest, h.epoch,
        h.voucher_year, h.voucher_no, k.fiscal_year_start_month
    INTO what, recorded_seq, batch_no, business_date, value_date_floor, digest, epoch,
        voucher_year, voucher_no, fiscal_year_start_month
    FROM ledger.book_head AS h INNER JOIN ledger.book AS k ON k.book_id = h.book_id
    WHERE h.book_id = book FOR UPDATE OF h;
    IF NOT FOUND THEN
        RETURN;
    END IF;
    RETURN NEXT;
    IF cardinality(asked_keys) > 0 THEN
        RETURN QUERY
        SELECT 5, NULL::uuid, NULL::integer, NULL::text, NULL::bigint, NULL::bigint, NULL::bigint,
            NULL::bigint, NULL::bigint, NULL::bigint, NULL::smallint, NULL::smallint, NULL::date,
            NULL::bigint, NULL::bigint, NULL::bigint, NULL::date, NULL::date, k.request_hash,
            NULL::integer, NULL::smallint, NULL::bigint, NULL::smallint, k.client, k.key, k.answer
        FROM unnest(asked_clients, asked_keys) AS w (client, key)
        -- Key by key, never the other way round: who plans while there are few keys cannot know.
        CROSS JOIN LATERAL (
            SELECT i.request_hash, i.client, i.key, i.answer FROM ledger.idempotency_key AS i
            WHERE i.book_id = book AND i.client = w.client AND i.key = w.key OFFSET 0
        ) AS k;
    END IF;
    IF cardinality(asked_accounts) > 0 THEN
        RETURN QUERY
        SELECT 1, NULL::uuid, b.account_id, a.currency::text, b.debits, b.credits, b.held,
            b.balance_min, b.balance_max, b.excess_satang, b.state, b.frozen, b.frozen_until,
            b.changed_seq, NULL::bigint, NULL::bigint, NULL::date, NULL::date, NULL::bytea,
            NULL::integer, NULL::smallint, NULL::bigint, NULL::smallint, NULL::text, NULL::text,
            NULL::text
        FROM ledger.balance AS b
        INNER JOIN ledger.account AS a ON a.book_id = b.book_id AND a.account_id = b.account_id
        WHERE b.book_id = book AND b.account_id = ANY(asked_accounts)
            AND a.account_id = ANY(asked_accounts);
    END IF;
    IF cardinality(asked_ids) > 0 THEN
        RETURN QUERY
        SELECT f.what, f.id, NULL::integer, NULL::text, NULL::bigint, NULL::bigint, NULL::bigint,
            NULL::bigint, NULL::bigint, NULL::bigint, NULL::smallint, NULL::smallint, NULL::date,
            NULL::bigint, NULL::bigint, NULL::bigint, NULL::date, NULL::date, NULL::bytea,
            NULL::integer, NULL::smallint, NULL::bigint, NULL::smallint, NULL::text, NULL::text,
            NULL::text
        FROM (
            SELECT 2 AS what, t.journal_id AS id FROM ledger.transfer AS t
            WHERE t.book_id = book AND t.journal_id = ANY(asked_ids) AND t.line = 0
            UNION ALL
            SELECT 3, d.hold_id FROM ledger.hold AS d
            WHERE d.book_id = book AND d.hold_id = ANY(asked_ids)
            UNION ALL
            SELECT 4, r.operation_id FROM ledger.refusal AS r
            WHERE r.book_id = book AND r.operation_id = ANY(asked_ids) AND r.sticky
        ) AS f;
    END IF;
END
$$;
REVOKE EXECUTE ON FUNCTION ledger.take_head FROM PUBLIC;
GRANT EXECUTE ON FUNCTION ledger.take_head TO cff_poster;
