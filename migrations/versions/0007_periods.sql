-- Periods, voucher numbers and planned limits, and the guards that keep them.
SET LOCAL lock_timeout = '5s';
SET LOCAL statement_timeout = '60s';

-- A fiscal year is named by the calendar year in which it ends.
CREATE FUNCTION ledger.fiscal_year_of(day date, start_month smallint) RETURNS integer
LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT (extract(YEAR FROM day))::integer
        + (start_month > 1 AND extract(MONTH FROM day) >= start_month)::integer
$$;
CREATE FUNCTION ledger.fiscal_year_starts(fiscal_year integer, start_month smallint) RETURNS date
LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT make_date(fiscal_year - (start_month > 1)::integer, start_month, 1)
$$;

-- A period has no row until it is closed for the first time.
CREATE TABLE ledger.period (
    book_id integer NOT NULL REFERENCES ledger.book,
    kind smallint NOT NULL CHECK (kind IN (1, 2)),
    starts_on date NOT NULL,
    ends_on date NOT NULL CHECK (ends_on >= starts_on),
    state smallint NOT NULL CHECK (state IN (1, 2)),
    closings integer NOT NULL CHECK (closings >= 1),
    closed_seq bigint NOT NULL,
    PRIMARY KEY (book_id, kind, starts_on)
);
COMMENT ON COLUMN ledger.period.kind IS '1 month, 2 fiscal year';
COMMENT ON COLUMN ledger.period.state IS '1 opened again, 2 closed';
COMMENT ON COLUMN ledger.period.closed_seq IS 'Number of the newest closing.';

CREATE TABLE ledger.period_total (
    book_id integer NOT NULL,
    kind smallint NOT NULL,
    starts_on date NOT NULL,
    closing integer NOT NULL,
    gl_code text NOT NULL,
    debits numeric(30, 0) NOT NULL,
    credits numeric(30, 0) NOT NULL,
    PRIMARY KEY (book_id, kind, starts_on, closing, gl_code)
);
COMMENT ON TABLE ledger.period_total IS
'Trial balance at the period''s end as known at each of its closings; never changed.';

CREATE TABLE ledger.limit_plan (
    book_id integer NOT NULL,
    account_id integer NOT NULL,
    planned_seq bigint NOT NULL,
    effective_on date NOT NULL,
    balance_min bigint,
    balance_max bigint,
    applied_seq bigint,
    cancelled_seq bigint,
    PRIMARY KEY (book_id, account_id, planned_seq),
    FOREIGN KEY (book_id, account_id) REFERENCES ledger.account (book_id, account_id),
    CHECK (applied_seq IS NULL OR cancelled_seq IS NULL)
);
CREATE INDEX limit_plan_due ON ledger.limit_plan (book_id, effective_on)
WHERE applied_seq IS NULL AND cancelled_seq IS NULL;

SELECT ledger.make_append_only('ledger.period', TRUE);
SELECT ledger.make_append_only('ledger.period_total');
SELECT ledger.make_append_only('ledger.limit_plan', TRUE);

CREATE TRIGGER forward_only BEFORE UPDATE ON ledger.limit_plan FOR EACH ROW WHEN (
    OLD.applied_seq IS NOT NULL OR OLD.cancelled_seq IS NOT NULL
    OR NEW.book_id <> OLD.book_id OR NEW.account_id <> OLD.account_id
    OR NEW.planned_seq <> OLD.planned_seq OR NEW.effective_on <> OLD.effective_on
    OR NEW.balance_min IS DISTINCT FROM OLD.balance_min
    OR NEW.balance_max IS DISTINCT FROM OLD.balance_max
) EXECUTE FUNCTION ledger.refuse_backward();

-- True when every month from the one of `from_day` to the one of `to_day` is closed.
CREATE FUNCTION ledger.months_closed(book integer, from_day date, to_day date) RETURNS boolean
LANGUAGE sql STABLE AS $$
    SELECT count(*) = (
        SELECT count(*) FROM generate_series(
            date_trunc('month', from_day::timestamp), to_day::timestamp, interval '1 month'
        )
    )
    FROM ledger.period AS p
    WHERE p.book_id = book AND p.kind = 1 AND p.state = 2
        AND p.starts_on BETWEEN date_trunc('month', from_day::timestamp)::date AND to_day
$$;

-- Which batches a business date takes, and under which voucher numbers. Stands on the batch row,
-- so that it costs nothing per transfer and refuses psql as well as our own code.
CREATE FUNCTION ledger.refuse_closed_day() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    head_date date;
    first_month smallint;
    opened date;
    year_start date;
    year_end date;
    next_voucher bigint;
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
    SELECT coalesce((
        SELECT b.first_voucher + b.journal_count FROM ledger.batch AS b
        WHERE b.book_id = NEW.book_id AND b.fiscal_year = NEW.fiscal_year
        ORDER BY b.first_voucher DESC, b.batch_no DESC LIMIT 1
    ), 1) INTO next_voucher;
    IF NEW.business_date > head_date THEN
        wrong := 'lies ahead of the book''s business date';
    ELSIF NEW.business_date < opened THEN
        wrong := 'lies before the book was opened';
    ELSIF NEW.business_date NOT BETWEEN year_start AND year_end THEN
        wrong := format('does not lie in fiscal year %s', NEW.fiscal_year);
    ELSIF NEW.first_voucher <> next_voucher THEN
        wrong := format('has voucher %s next, not %s', next_voucher, NEW.first_voucher);
    ELSIF EXISTS (
        SELECT FROM ledger.period AS p
        WHERE p.book_id = NEW.book_id AND p.kind = 2 AND p.state = 2 AND p.starts_on = year_start
    ) THEN
        wrong := 'lies in a closed fiscal year';
    ELSIF NEW.period > 0 THEN
        IF NEW.business_date <> year_end THEN
            wrong := format('is not the last day %s of its fiscal year', year_end);
        ELSIF ledger.months_closed(NEW.book_id, greatest(year_start, opened), year_end) THEN
            RETURN NEW;
        ELSE
            wrong := 'lies in a fiscal year whose late period has not begun';
        END IF;
    ELSIF EXISTS (
        SELECT FROM ledger.period AS p
        WHERE p.book_id = NEW.book_id AND p.kind = 1 AND p.state = 2
            AND NEW.business_date BETWEEN p.starts_on AND p.ends_on
    ) THEN
        wrong := 'lies in a closed month';
    ELSIF NEW.origin <> 4 AND (
        (NEW.origin <> 2 AND NEW.business_date < head_date)
        OR EXISTS (
            SELECT FROM ledger.day AS d
            WHERE d.book_id = NEW.book_id AND d.business_date = NEW.business_date AND d.state = 3
        )
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

CREATE TRIGGER open_day BEFORE INSERT ON ledger.batch
FOR EACH ROW EXECUTE FUNCTION ledger.refuse_closed_day();

-- Months close in order once their days are proven, a year once its months are closed; what was
-- closed last is opened first.
CREATE FUNCTION ledger.periods_in_order() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    opened date;
    first_month smallint;
    wrong text;
BEGIN
    SELECT k.opened_on, k.fiscal_year_start_month INTO opened, first_month
    FROM ledger.book AS k INNER JOIN ledger.book_head AS h ON h.book_id = k.book_id
    WHERE k.book_id = NEW.book_id
    -- A posting under way into this period is waited for.
    FOR UPDATE OF h;
    IF TG_OP = 'UPDATE' AND (
        NEW.book_id <> OLD.book_id OR NEW.kind <> OLD.kind OR NEW.starts_on <> OLD.starts_on
        OR NEW.ends_on <> OLD.ends_on OR NEW.state = OLD.state
        OR NEW.closings <> OLD.closings + (NEW.state = 2)::integer
        OR NEW.closed_seq < OLD.closed_seq
    ) THEN
        wrong := 'only closes and opens again';
    ELSIF NEW.kind = 1 AND NEW.starts_on <> date_trunc('month', NEW.starts_on::timestamp)::date
        OR NEW.kind = 2 AND NEW.starts_on <> ledger.fiscal_year_starts(
            ledger.fiscal_year_of(NEW.starts_on, first_month), first_month)
        OR NEW.ends_on <> (NEW.starts_on
            + CASE NEW.kind WHEN 1 THEN interval '1 month' ELSE interval '1 year' END)::date - 1
    THEN
        wrong := 'is not a whole month or fiscal year';
    ELSIF EXISTS (
        SELECT FROM ledger.period AS p
        WHERE p.book_id = NEW.book_id AND p.state = 2 AND p.starts_on > NEW.starts_on
            AND p.kind = NEW.kind
    ) THEN
        wrong := 'has a later one that is closed';
    ELSIF NEW.kind = 1 AND EXISTS (
        SELECT FROM ledger.period AS p
        WHERE p.book_id = NEW.book_id AND p.kind = 2 AND p.state = 2
            AND NEW.starts_on BETWEEN p.starts_on AND p.ends_on
    ) THEN
        wrong := 'lies in a closed fiscal year';
    ELSIF NEW.state = 2 AND NEW.kind = 1 AND (
        (
            SELECT count(*) FROM ledger.day AS d
            WHERE d.book_id = NEW.book_id AND d.state = 3
                AND d.business_date BETWEEN NEW.starts_on AND NEW.ends_on
        ) <> NEW.ends_on - greatest(NEW.starts_on, opened) + 1
        OR (
            NEW.starts_on > opened
            AND NOT ledger.months_closed(NEW.book_id, opened, NEW.starts_on - 1)
        )
    ) THEN
        wrong := 'has days that are not proven, or an earlier month that is open';
    ELSIF NEW.state = 2 AND NEW.kind = 2 AND NOT ledger.months_closed(
        NEW.book_id, greatest(opened, NEW.starts_on), NEW.ends_on
    ) THEN
        wrong := 'has months that are open';
    ELSIF NEW.state = 2 AND NEW.kind = 2 AND NEW.starts_on > opened AND NOT EXISTS (
        SELECT FROM ledger.period AS p
        WHERE p.book_id = NEW.book_id AND p.kind = 2 AND p.state = 2
            AND p.ends_on = NEW.starts_on - 1
    ) THEN
        wrong := 'follows a fiscal year that is open';
    END IF;
    IF wrong IS NOT NULL THEN
        RAISE EXCEPTION 'period % to % of book %: it %',
            NEW.starts_on, NEW.ends_on, NEW.book_id, wrong
            USING ERRCODE = 'LG006', HINT = 'Close in order, open again in the reverse order.';
    END IF;
    RETURN NEW;
END
$$;
CREATE TRIGGER in_order BEFORE INSERT OR UPDATE ON ledger.period
FOR EACH ROW EXECUTE FUNCTION ledger.periods_in_order();

-- The floor of value dates rises with a year that is closed and falls with one opened again.
CREATE FUNCTION ledger.floor_follows_years() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NOT EXISTS (
        SELECT FROM ledger.period AS p
        WHERE p.book_id = NEW.book_id AND p.kind = 2 AND (
            (p.state = 2 AND p.ends_on = NEW.value_date_floor - 1
                AND NEW.value_date_floor > OLD.value_date_floor)
            OR (p.state = 1 AND p.starts_on = NEW.value_date_floor
                AND NEW.value_date_floor < OLD.value_date_floor)
        )
    ) THEN
        RAISE EXCEPTION 'floor of value dates of book % cannot become %: no fiscal year says so',
            NEW.book_id, NEW.value_date_floor
            USING ERRCODE = 'LG005', HINT = 'Close the fiscal year, or open it again.';
    END IF;
    RETURN NEW;
END
$$;
CREATE TRIGGER floor_moves BEFORE UPDATE ON ledger.book_head FOR EACH ROW
WHEN (NEW.value_date_floor <> OLD.value_date_floor)
EXECUTE FUNCTION ledger.floor_follows_years();

GRANT SELECT ON ledger.period, ledger.period_total, ledger.limit_plan
TO cff_reader, cff_auditor, cff_application, cff_poster;
GRANT INSERT ON ledger.period, ledger.period_total, ledger.limit_plan TO cff_poster;
GRANT UPDATE ON ledger.period, ledger.limit_plan TO cff_poster;
