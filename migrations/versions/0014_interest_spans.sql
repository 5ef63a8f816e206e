-- Interest in spans: what a leg earns a day is stored where it changes (docs/interest.md).
SET LOCAL lock_timeout = '5s';
SET LOCAL statement_timeout = '0';

-- Half-done nights cannot be told in spans: what their chunks have accrued is not yet proven.
DO $$
BEGIN
    IF EXISTS (
        SELECT FROM products.night_chunk AS n
        INNER JOIN ledger.day AS d
            ON d.book_id = n.book_id AND d.business_date = n.business_date
        WHERE d.state <> 3 AND n.step IN ('accrue', 'capitalise', 'correct')
    ) THEN
        RAISE EXCEPTION 'a night has begun to accrue and is not proven'
            USING HINT = 'Run cff end-of-day with the program before this one, then migrate.';
    END IF;
END
$$;

-- Where a leg stands. Derived: verify re-derives it from spans, credits and the ledger. Exact amounts
-- count 1/(1603080 * 10^8) satang (divisible by 360, 365 and 366 days).
CREATE TABLE products.interest_leg (
    book_id integer NOT NULL,
    product_code text NOT NULL,
    contract_id uuid NOT NULL,
    leg smallint NOT NULL,
    bears_from date NOT NULL,
    period_start date NOT NULL,
    since date NOT NULL,
    balance_satang bigint NOT NULL,
    annual_rate_e8 bigint NOT NULL,
    year_days smallint NOT NULL CHECK (year_days IN (360, 365, 366)),
    slope_exact numeric(60, 0) NOT NULL,
    base_exact numeric(60, 0) NOT NULL,
    settled_satang bigint NOT NULL,
    credited_satang bigint NOT NULL,
    ended_on date,
    span_no integer NOT NULL DEFAULT 0,
    version integer NOT NULL DEFAULT 1,
    PRIMARY KEY (book_id, product_code, contract_id, leg),
    FOREIGN KEY (book_id, contract_id) REFERENCES products.contract (book_id, contract_id),
    CHECK (bears_from <= period_start AND period_start <= since)
) WITH (fillfactor = 80);
COMMENT ON TABLE products.interest_leg IS
'One stream of interest of a contract. Leg 1 is the balance of the contract''s own account.';
COMMENT ON COLUMN products.interest_leg.since IS
'First date of the running span: earned in the period = base + slope x days since then.';
COMMENT ON COLUMN products.interest_leg.settled_satang IS
'Rounded interest of all ended periods, corrections of them included.';
COMMENT ON COLUMN products.interest_leg.credited_satang IS
'All interest ever credited or paid; below settled + rounded running interest is accrued payable.';
COMMENT ON COLUMN products.interest_leg.ended_on IS 'First date that bears nothing any more.';
COMMENT ON COLUMN products.interest_leg.span_no IS 'Number of its newest row in interest_span.';

-- From its first date on a leg earns the same exact amount a day, until a span of a higher number says
-- otherwise. So date D as known on K is told by the highest number with from_date <= D, made_on <= K.
CREATE TABLE products.interest_span (
    book_id integer NOT NULL,
    contract_id uuid NOT NULL,
    leg smallint NOT NULL,
    span_no integer NOT NULL CHECK (span_no > 0),
    from_date date NOT NULL,
    made_on date NOT NULL,
    balance_satang bigint NOT NULL,
    annual_rate_e8 bigint NOT NULL,
    year_days smallint NOT NULL CHECK (year_days IN (360, 365, 366)),
    slope_exact numeric(60, 0) NOT NULL,
    base_exact numeric(60, 0) NOT NULL,
    PRIMARY KEY (book_id, contract_id, leg, span_no)
);
COMMENT ON COLUMN products.interest_span.made_on IS
'Business date of the night that wrote it, or of the closing; before from_date it tells of no date.';
COMMENT ON COLUMN products.interest_span.base_exact IS
'What the capitalisation period had earned before the span began.';

-- Which contracts a chunk of the night took: up to where a leg has accrued while a night runs.
ALTER TABLE products.night_chunk ADD COLUMN product_code text;
ALTER TABLE products.night_chunk ADD COLUMN first_contract uuid;
ALTER TABLE products.night_chunk ADD COLUMN stop_contract uuid;
ALTER TABLE products.night_chunk ADD CONSTRAINT bounds_of_contracts CHECK (
    num_nulls(product_code, first_contract, stop_contract) IN (0, 3)
) NOT VALID;
COMMENT ON COLUMN products.night_chunk.stop_contract IS
'The chunk took first_contract <= contract_id < stop_contract of product_code; NULL = no contracts.';

-- Days from one date through another, both counted; none when the second lies before the first.
CREATE FUNCTION products.span_days(first_date date, through date) RETURNS integer
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN greatest(through - first_date + 1, 0);

-- The running period's exact interest through a date.
CREATE FUNCTION products.leg_exact(leg products.interest_leg, through date) RETURNS numeric
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN (leg).base_exact + (leg).slope_exact
    * products.span_days((leg).since, least(through, (leg).ended_on - 1));

-- All interest ever accrued for a leg through a date, in satang: what was posted for it.
CREATE FUNCTION products.leg_accrued(leg products.interest_leg, through date, rounding smallint)
RETURNS bigint LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN (leg).settled_satang + ledger.round_ratio(
    products.leg_exact(leg, through), 160308000000000, rounding
)::bigint;

-- The last date that nights have accrued for a leg: the last proven one; the date of the night that
-- runs where its chunk is done; at least the day before its running span begins. One that was closed
-- before it bore stands at the day before it would have.
CREATE FUNCTION products.leg_accrued_to(leg products.interest_leg) RETURNS date
LANGUAGE sql STABLE PARALLEL SAFE
RETURN greatest((leg).bears_from - 1, least((leg).ended_on - 1, greatest(
    (leg).since - 1,
    (
        SELECT max(d.business_date) FROM ledger.day AS d
        WHERE d.book_id = (leg).book_id AND d.state = 3
    ),
    (
        -- Nights run in order: only one that runs has chunks of a later date.
        SELECT max(n.business_date) FROM products.night_chunk AS n
        WHERE n.book_id = (leg).book_id AND n.step = 'accrue'
            AND n.business_date > coalesce((
                SELECT max(d.business_date) FROM ledger.day AS d
                WHERE d.book_id = (leg).book_id AND d.state = 3
            ), '-infinity'::date)
            AND n.product_code = (leg).product_code
            AND (leg).contract_id >= n.first_contract AND (leg).contract_id < n.stop_contract
    )
)));

-- Books that have lived with a row a night. Their capitalisation periods, product by product:
CREATE TEMP TABLE period ON COMMIT DROP AS
SELECT e.book_id, e.product_code, e.ends_on + 1 AS first_date, lead(e.ends_on) OVER (
    PARTITION BY e.book_id, e.product_code ORDER BY e.ends_on
) AS last_date
FROM (
    SELECT p.book_id, p.product_code, to_date(y.of_year || '-' || k.month_day, 'YYYY-MM-DD') AS ends_on
    FROM products.product AS p
    CROSS JOIN LATERAL unnest(p.capitalisation_days) AS k (month_day)
    CROSS JOIN LATERAL (
        SELECT generate_series(
            extract(YEAR FROM min(c.interest_from))::integer - 2,
            extract(YEAR FROM max(h.business_date))::integer + 2
        ) AS of_year
        FROM products.contract AS c
        INNER JOIN ledger.book_head AS h ON h.book_id = c.book_id
        WHERE c.book_id = p.book_id
    ) AS y
) AS e;

-- Spans as the nights of their own dates knew them.
CREATE TEMP TABLE told ON COMMIT DROP AS
SELECT
    d.book_id, d.contract_id, d.accrual_date AS from_date, d.accrual_date AS made_on,
    d.balance_satang, d.annual_rate_e8, d.year_days, d.exact AS slope_exact,
    d.cumulative_exact - d.exact AS base_exact, 2 AS turn
FROM (
    SELECT
        a.*,
        a.accrual_date = p.first_date
        -- Closed and opened again on one day: after the span of nothing it tells anew.
        OR EXISTS (
            SELECT FROM ledger.event AS e
            WHERE e.book_id = c.book_id AND e.account_id = c.account_id AND e.kind = 14
                AND e.business_date = a.accrual_date
        )
        OR (lag(a.accrual_date) OVER earlier, lag(a.balance_satang) OVER earlier,
            lag(a.annual_rate_e8) OVER earlier, lag(a.year_days) OVER earlier,
            lag(a.exact) OVER earlier, lag(a.cumulative_exact) OVER earlier)
        IS DISTINCT FROM (a.accrual_date - 1, a.balance_satang, a.annual_rate_e8, a.year_days,
            a.exact, a.cumulative_exact - a.exact) AS begins
    FROM products.accrual AS a
    INNER JOIN products.contract AS c ON c.book_id = a.book_id AND c.contract_id = a.contract_id
    INNER JOIN period AS p
        ON p.book_id = c.book_id AND p.product_code = c.product_code
            AND a.accrual_date BETWEEN p.first_date AND p.last_date
    WINDOW earlier AS (PARTITION BY a.book_id, a.contract_id ORDER BY a.accrual_date)
) AS d
WHERE d.begins;

-- What each night corrected, from its first date up to that night, as it was known from then on.
INSERT INTO told
WITH revised AS (
    SELECT
        k.book_id, k.contract_id, c.product_code, k.made_on, k.first_date, c.interest_from,
        greatest(p.first_date, c.interest_from) AS start_date,
        CASE
            WHEN p.first_date <= c.interest_from THEN coalesce((
                SELECT (e.body::jsonb ->> 'exact')::numeric FROM ledger.event AS e
                WHERE e.book_id = k.book_id AND e.subject = k.contract_id AND e.kind = 131
                ORDER BY e.recorded_seq LIMIT 1
            ), 0) ELSE 0
        END AS brought
    FROM (
        SELECT c.book_id, c.contract_id, c.made_on, min(c.accrual_date) AS first_date
        FROM products.accrual_correction AS c GROUP BY c.book_id, c.contract_id, c.made_on
    ) AS k
    INNER JOIN products.contract AS c ON c.book_id = k.book_id AND c.contract_id = k.contract_id
    INNER JOIN period AS p
        ON p.book_id = c.book_id AND p.product_code = c.product_code
            AND k.first_date BETWEEN p.first_date AND p.last_date
), day AS (
    SELECT
        r.book_id, r.contract_id, r.made_on, r.first_date, g.on_date::date AS on_date,
        p.first_date AS period_start,
        coalesce(k.balance_satang, a.balance_satang, 0) AS balance_satang,
        coalesce(a.annual_rate_e8, t.annual_rate_e8, 0) AS annual_rate_e8,
        coalesce(a.year_days, CASE
            WHEN q.day_count = 'ACT_365F' THEN 365
            ELSE date_part('doy', make_date(extract(YEAR FROM g.on_date)::integer, 12, 31))
        END)::smallint AS year_days,
        coalesce(a.exact, 0) + coalesce(k.exact_delta, 0) AS exact,
        CASE WHEN g.on_date = r.start_date THEN r.brought ELSE 0 END AS brought
    FROM revised AS r
    INNER JOIN products.product AS q
        ON q.book_id = r.book_id AND q.product_code = r.product_code
    CROSS JOIN LATERAL generate_series(
        r.start_date, r.made_on - 1, interval '1 day'
    ) AS g (on_date)
    INNER JOIN period AS p
        ON p.book_id = r.book_id AND p.product_code = r.product_code
            AND g.on_date BETWEEN p.first_date AND p.last_date
    LEFT JOIN products.accrual AS a
        ON a.book_id = r.book_id AND a.contract_id = r.contract_id AND a.accrual_date = g.on_date
    LEFT JOIN products.day_rate AS t
        ON t.book_id = r.book_id AND t.product_code = r.product_code
            AND t.business_date = g.on_date
    LEFT JOIN LATERAL (
        SELECT sum(c.exact_delta) AS exact_delta,
            (array_agg(c.balance_satang ORDER BY c.made_on DESC))[1] AS balance_satang
        FROM products.accrual_correction AS c
        WHERE c.book_id = r.book_id AND c.contract_id = r.contract_id
            AND c.accrual_date = g.on_date AND c.made_on <= r.made_on
        HAVING count(*) > 0
    ) AS k ON TRUE
), summed AS (
    SELECT
        d.*,
        sum(d.exact + d.brought) OVER (
            PARTITION BY d.book_id, d.contract_id, d.made_on, d.period_start ORDER BY d.on_date
        ) - d.exact AS before
    FROM day AS d
)
SELECT
    s.book_id, s.contract_id, s.on_date, s.made_on, s.balance_satang, s.annual_rate_e8,
    s.year_days, s.exact, s.before, 1
FROM (
    SELECT
        k.*,
        k.on_date IN (k.first_date, k.period_start)
        OR (lag(k.balance_satang) OVER earlier, lag(k.annual_rate_e8) OVER earlier,
            lag(k.year_days) OVER earlier, lag(k.exact) OVER earlier)
        IS DISTINCT FROM (k.balance_satang, k.annual_rate_e8, k.year_days, k.exact) AS begins
    FROM summed AS k
    WINDOW earlier AS (PARTITION BY k.book_id, k.contract_id, k.made_on ORDER BY k.on_date)
) AS s
WHERE s.begins AND s.on_date >= s.first_date;

-- A closed contract bears nothing; what its period had earned by then is what its nights say, up to
-- the first closing after them, or else what it brought along.
INSERT INTO told
SELECT
    c.book_id, c.contract_id, k.from_date, e.business_date, 0, 0, 365, 0, coalesce((
        SELECT CASE
            WHEN t.from_date < p.first_date THEN 0
            ELSE t.base_exact + t.slope_exact * products.span_days(t.from_date, (
                SELECT min(f.business_date) - 1 FROM ledger.event AS f
                WHERE f.book_id = e.book_id AND f.account_id = e.account_id AND f.kind = 14
                    AND f.business_date > t.made_on
            ))
        END
        FROM told AS t
        INNER JOIN period AS p
            ON p.book_id = c.book_id AND p.product_code = c.product_code
                AND k.from_date BETWEEN p.first_date AND p.last_date
        WHERE t.book_id = c.book_id AND t.contract_id = c.contract_id
            AND t.made_on < e.business_date AND t.from_date < k.from_date
        ORDER BY t.made_on DESC, t.from_date DESC
        LIMIT 1
    ), (
        SELECT (n.body::jsonb ->> 'exact')::numeric FROM ledger.event AS n
        WHERE n.book_id = c.book_id AND n.subject = c.contract_id AND n.kind = 131
        ORDER BY n.recorded_seq LIMIT 1
    ), 0), 0
FROM ledger.event AS e
INNER JOIN products.contract AS c ON c.book_id = e.book_id AND c.account_id = e.account_id
CROSS JOIN LATERAL (SELECT greatest(e.business_date, c.interest_from) AS from_date) AS k
WHERE e.kind = 14;

INSERT INTO products.interest_span (
    book_id, contract_id, leg, span_no, from_date, made_on, balance_satang, annual_rate_e8,
    year_days, slope_exact, base_exact
)
SELECT
    t.book_id, t.contract_id, 1, row_number() OVER (
        PARTITION BY t.book_id, t.contract_id ORDER BY t.made_on, t.turn, t.from_date
    ), t.from_date, t.made_on, t.balance_satang, t.annual_rate_e8, t.year_days, t.slope_exact,
    t.base_exact
FROM told AS t;

-- Legs stand in their newest span, or, where a period or an undone closing ended it, after the last
-- night.
INSERT INTO products.interest_leg (
    book_id, product_code, contract_id, leg, bears_from, period_start, since, balance_satang,
    annual_rate_e8, year_days, slope_exact, base_exact, settled_satang, credited_satang, ended_on,
    span_no
)
SELECT
    s.book_id, c.product_code, s.contract_id, 1, c.interest_from, s.period_start,
    CASE WHEN runs.on_span THEN n.from_date ELSE s.accrued_to + 1 END,
    coalesce(n.balance_satang, 0), coalesce(n.annual_rate_e8, 0), coalesce(n.year_days, 365),
    coalesce(n.slope_exact, 0),
    CASE WHEN runs.on_span THEN n.base_exact ELSE s.cumulative_exact END,
    s.accrued_satang - s.cumulative_satang, s.capitalised_satang, c.closed_on,
    coalesce((
        SELECT max(p.span_no) FROM products.interest_span AS p
        WHERE p.book_id = s.book_id AND p.contract_id = s.contract_id
    ), 0)
FROM products.interest_state AS s
INNER JOIN products.contract AS c ON c.book_id = s.book_id AND c.contract_id = s.contract_id
LEFT JOIN LATERAL (
    SELECT p.* FROM products.interest_span AS p
    WHERE p.book_id = s.book_id AND p.contract_id = s.contract_id
    ORDER BY p.span_no DESC
    LIMIT 1
) AS n ON TRUE
CROSS JOIN LATERAL (
    SELECT coalesce(
        n.from_date >= s.period_start AND s.cumulative_exact
        = n.base_exact + n.slope_exact * products.span_days(n.from_date, s.accrued_to), FALSE
    ) AND NOT (
        -- Opened again, and no night since: the next one tells what it earns.
        c.closed_on IS NULL AND NOT EXISTS (
            SELECT FROM products.accrual AS a
            WHERE a.book_id = c.book_id AND a.contract_id = c.contract_id
                AND a.accrual_date = n.from_date
        ) AND EXISTS (
            SELECT FROM ledger.event AS e
            WHERE e.book_id = c.book_id AND e.account_id = c.account_id AND e.kind = 14
                AND e.business_date = n.made_on
        )
    ) AS on_span
) AS runs;

-- squawk-ignore ban-drop-table
DROP TABLE products.accrual;
-- squawk-ignore ban-drop-table
DROP TABLE products.accrual_correction;
-- squawk-ignore ban-drop-table
DROP TABLE products.interest_state;

SELECT ledger.make_append_only('products.interest_leg', TRUE);
SELECT ledger.make_append_only('products.interest_span');
GRANT SELECT ON products.interest_leg, products.interest_span
TO cff_reader, cff_auditor, cff_application, cff_poster;
GRANT INSERT ON products.interest_leg, products.interest_span TO cff_poster;
GRANT UPDATE ON products.interest_leg TO cff_poster;
GRANT EXECUTE ON FUNCTION products.span_days(date, date),
products.leg_exact(products.interest_leg, date),
products.leg_accrued(products.interest_leg, date, smallint),
products.leg_accrued_to(products.interest_leg)
TO cff_reader, cff_auditor, cff_application, cff_poster;

-- A load has the planner count what it filled: legs now stand where standings stood.
CREATE OR REPLACE FUNCTION ledger.count_again() RETURNS void LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog AS $$
BEGIN
    ANALYZE ledger.account, ledger.balance, ledger.batch, ledger.transfer, ledger.movement,
        ledger.event, ledger.hold, products.contract, products.interest_leg, products.notice;
END
$$;
