-- The database's own last line: append-only tables, batch and movement guards, grants, rounding.
SET LOCAL lock_timeout = '5s';
SET LOCAL statement_timeout = '60s';

CREATE FUNCTION ledger.refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION '% on %.% refused: the table is append-only',
        TG_OP, TG_TABLE_SCHEMA, TG_TABLE_NAME
        USING ERRCODE = 'LG001', HINT = 'Correct by a new journal; nothing recorded is changed.';
END
$$;

-- One function makes a table append-only, for every table (and later for every partition).
CREATE FUNCTION ledger.make_append_only(table_name regclass, keep_updates boolean DEFAULT FALSE)
RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    EXECUTE format(
        'CREATE TRIGGER append_only BEFORE %s DELETE OR TRUNCATE ON %s '
        'FOR EACH STATEMENT EXECUTE FUNCTION ledger.refuse_change()',
        CASE WHEN keep_updates THEN '' ELSE 'UPDATE OR' END, table_name);
END
$$;

SELECT ledger.make_append_only('ledger.batch');
SELECT ledger.make_append_only('ledger.transfer');
SELECT ledger.make_append_only('ledger.movement');
SELECT ledger.make_append_only('ledger.event');
SELECT ledger.make_append_only('ledger.refusal');
SELECT ledger.make_append_only('ledger.idempotency_key');
SELECT ledger.make_append_only('ledger.snapshot');
SELECT ledger.make_append_only('ledger.day_total');
SELECT ledger.make_append_only('ledger.book', TRUE);
SELECT ledger.make_append_only('ledger.book_head', TRUE);
SELECT ledger.make_append_only('ledger.gl_account', TRUE);
SELECT ledger.make_append_only('ledger.party', TRUE);
SELECT ledger.make_append_only('ledger.account');
SELECT ledger.make_append_only('ledger.balance', TRUE);
SELECT ledger.make_append_only('ledger.hold', TRUE);
SELECT ledger.make_append_only('ledger.day', TRUE);
SELECT ledger.make_append_only('ledger.manual_journal', TRUE);

-- AFTER, because a batch row written by the same statement is not visible before.
CREATE FUNCTION ledger.require_own_batch() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NOT EXISTS (
        SELECT FROM ledger.book AS k
        CROSS JOIN LATERAL (
            SELECT b.xact FROM ledger.batch AS b
            WHERE b.book_id = k.book_id ORDER BY b.batch_no DESC LIMIT 1
        ) AS newest
        WHERE newest.xact = pg_current_xact_id()
    ) THEN
        RAISE EXCEPTION '% without a batch of its own transaction', TG_TABLE_NAME
            USING ERRCODE = 'LG002', HINT = 'Money moves only through the posting path.';
    END IF;
    RETURN NULL;
END
$$;

CREATE TRIGGER own_batch AFTER INSERT ON ledger.transfer
FOR EACH STATEMENT EXECUTE FUNCTION ledger.require_own_batch();
CREATE TRIGGER own_batch AFTER INSERT ON ledger.event
FOR EACH STATEMENT EXECUTE FUNCTION ledger.require_own_batch();

-- Movements are few: their sums must be the batch's, on both sides.
CREATE FUNCTION ledger.movements_match_batch() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    wrong record;
BEGIN
    SELECT n.book_id, n.batch_no INTO wrong
    FROM (
        SELECT m.book_id, m.batch_no, sum(m.debits) AS debits, sum(m.credits) AS credits,
            min(m.business_date) AS first_day, max(m.business_date) AS last_day
        FROM new_rows AS m GROUP BY m.book_id, m.batch_no
    ) AS n
    LEFT JOIN ledger.batch AS b ON b.book_id = n.book_id AND b.batch_no = n.batch_no
    WHERE b.batch_no IS NULL OR b.xact <> pg_current_xact_id()
        OR n.debits <> b.amount_sum OR n.credits <> b.amount_sum
        OR n.first_day <> b.business_date OR n.last_day <> b.business_date
    LIMIT 1;
    IF FOUND THEN
        RAISE EXCEPTION 'movements of book % batch % do not match the batch',
            wrong.book_id, wrong.batch_no
            USING ERRCODE = 'LG003', HINT = 'Money moves only through the posting path.';
    END IF;
    RETURN NULL;
END
$$;

CREATE TRIGGER match_batch AFTER INSERT ON ledger.movement
REFERENCING NEW TABLE AS new_rows
FOR EACH STATEMENT EXECUTE FUNCTION ledger.movements_match_batch();

-- What only moves forward: the head, days, holds, counters. WHEN keeps these free of cost.
CREATE FUNCTION ledger.refuse_backward() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'update of %.% refused: it only moves forward', TG_TABLE_SCHEMA, TG_TABLE_NAME
        USING ERRCODE = 'LG005', HINT = 'Correct by a new journal; nothing recorded is changed.';
END
$$;

CREATE TRIGGER forward_only BEFORE UPDATE ON ledger.book_head FOR EACH ROW WHEN (
    NEW.recorded_seq < OLD.recorded_seq OR NEW.batch_no < OLD.batch_no
    OR NEW.business_date < OLD.business_date OR NEW.business_date > OLD.business_date + 1
    OR NEW.voucher_year < OLD.voucher_year
    OR (NEW.voucher_year = OLD.voucher_year AND NEW.voucher_no < OLD.voucher_no)
    OR NEW.epoch < OLD.epoch OR NEW.book_id <> OLD.book_id
) EXECUTE FUNCTION ledger.refuse_backward();
CREATE TRIGGER forward_only BEFORE UPDATE ON ledger.balance FOR EACH ROW WHEN (
    NEW.debits < OLD.debits OR NEW.credits < OLD.credits OR NEW.changed_seq < OLD.changed_seq
    OR NEW.account_id <> OLD.account_id OR NEW.book_id <> OLD.book_id
    -- A closed account comes back only with a number of its own.
    OR (NEW.state < OLD.state AND NEW.changed_seq <= OLD.changed_seq)
) EXECUTE FUNCTION ledger.refuse_backward();
CREATE TRIGGER forward_only BEFORE UPDATE ON ledger.hold FOR EACH ROW WHEN (
    OLD.state <> 1 OR NEW.amount_satang <> OLD.amount_satang OR NEW.account_id <> OLD.account_id
    OR NEW.hold_id <> OLD.hold_id OR NEW.book_id <> OLD.book_id
) EXECUTE FUNCTION ledger.refuse_backward();
CREATE TRIGGER forward_only BEFORE UPDATE ON ledger.day FOR EACH ROW WHEN (
    NEW.state <> OLD.state + 1 OR NEW.business_date <> OLD.business_date
    OR NEW.book_id <> OLD.book_id
) EXECUTE FUNCTION ledger.refuse_backward();
CREATE TRIGGER forward_only BEFORE UPDATE ON ledger.manual_journal FOR EACH ROW WHEN (
    OLD.state <> 1 OR NEW.body <> OLD.body OR NEW.made_by <> OLD.made_by
    OR NEW.journal_id <> OLD.journal_id OR NEW.book_id <> OLD.book_id
) EXECUTE FUNCTION ledger.refuse_backward();

-- A day is closed only after the day before it.
CREATE FUNCTION ledger.close_in_order() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    -- A posting under way on this day is waited for.
    PERFORM FROM ledger.book_head AS h WHERE h.book_id = NEW.book_id FOR UPDATE;
    IF EXISTS (
        SELECT FROM ledger.day AS d
        WHERE d.book_id = NEW.book_id AND d.business_date < NEW.business_date AND d.state <> 3
    ) THEN
        RAISE EXCEPTION 'day % of book % cannot be closed before the days before it',
            NEW.business_date, NEW.book_id
            USING ERRCODE = 'LG006', HINT = 'Run the missed nights in order: cff end-of-day.';
    END IF;
    RETURN NEW;
END
$$;

CREATE TRIGGER in_order BEFORE UPDATE ON ledger.day FOR EACH ROW
WHEN (NEW.state = 3) EXECUTE FUNCTION ledger.close_in_order();

-- The one SQL twin of ledger.money.round_ratio; modes as its Rounding enum.
CREATE FUNCTION ledger.round_ratio(numerator numeric, denominator numeric, mode smallint)
RETURNS numeric LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT sign(numerator) * (
        div(abs(numerator), denominator) + CASE
            WHEN mode = 1 THEN (2 * mod(abs(numerator), denominator) >= denominator)::int
            WHEN mode = 2 THEN (
                2 * mod(abs(numerator), denominator) > denominator
                OR (2 * mod(abs(numerator), denominator) = denominator
                    AND mod(div(abs(numerator), denominator), 2) = 1)
            )::int
            WHEN mode = 3 THEN (mod(abs(numerator), denominator) > 0)::int
            ELSE 0
        END
    )
$$;

GRANT USAGE ON SCHEMA ledger, pricing, products, api
TO cff_reader, cff_auditor, cff_application, cff_poster;
GRANT SELECT ON ALL TABLES IN SCHEMA ledger
TO cff_reader, cff_auditor, cff_application, cff_poster;
GRANT INSERT ON ALL TABLES IN SCHEMA ledger TO cff_poster;
GRANT UPDATE ON ledger.book_head, ledger.balance, ledger.hold, ledger.day, ledger.manual_journal
TO cff_poster;
GRANT UPDATE (cut_off_time) ON ledger.book TO cff_poster;
GRANT UPDATE (name_th, name_en, sort_key, region, left_on) ON ledger.party TO cff_poster;
GRANT USAGE ON SEQUENCE ledger.account_id TO cff_poster, cff_application;
