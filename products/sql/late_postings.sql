-- Late postings: what a night needs to replay their contracts, and what it records of it.
-- $1 book, $2 the night's business date.

-- late_contracts --
-- Contracts that moved on the date with an earlier value date, and the first bearing date touched.
SELECT
    c.product_code, c.contract_id, c.account_id, c.interest_from,
    greatest(min(m.value_date), c.interest_from) AS touched
FROM ledger.movement AS m
INNER JOIN products.contract AS c ON c.book_id = m.book_id AND c.account_id = m.account_id
WHERE m.book_id = $1 AND m.business_date = $2 AND m.value_date < $2 AND c.interest_from < $2
GROUP BY c.product_code, c.contract_id, c.account_id, c.interest_from
ORDER BY c.product_code, c.contract_id

-- opening_balances --
-- Balance by value date before each start ($4, by account $3): a snapshot before it, and what
-- moved since with such a value date. No value date is later than its business date.
SELECT
    w.account_id,
    (coalesce(s.credits - s.debits, 0) + coalesce(moved.net, 0))::bigint AS balance
FROM unnest($3::integer [], $4::date []) AS w (account_id, start_date)
LEFT JOIN LATERAL (
    SELECT h.business_date, h.debits, h.credits
    FROM ledger.snapshot AS h
    WHERE h.book_id = $1 AND h.account_id = w.account_id AND h.business_date < w.start_date
    ORDER BY h.business_date DESC
    LIMIT 1
) AS s ON TRUE
LEFT JOIN LATERAL (
    SELECT sum(m.credits - m.debits) AS net
    FROM ledger.movement AS m
    WHERE m.book_id = $1 AND m.account_id = w.account_id AND m.business_date <= $2
        AND m.business_date > coalesce(s.business_date, '-infinity'::date)
        AND m.value_date < w.start_date
) AS moved ON TRUE

-- value_dated_changes --
-- Net change by value date from each start on, capitalisations included.
SELECT w.account_id, m.value_date, sum(m.credits - m.debits)::bigint AS net
FROM unnest($3::integer [], $4::date []) AS w (account_id, start_date)
INNER JOIN ledger.movement AS m
    ON m.book_id = $1 AND m.account_id = w.account_id AND m.business_date <= $2
        AND m.business_date >= w.start_date AND m.value_date >= w.start_date
GROUP BY w.account_id, m.value_date

-- recorded_spans --
-- Spans that tell of dates from each start on ($4, by contract $3) up to the night's: the one that
-- is good on the day before the start, and whatever begins later.
SELECT
    p.contract_id, p.span_no, p.from_date, p.made_on, p.balance_satang, p.annual_rate_e8,
    p.year_days, p.slope_exact, p.base_exact
FROM unnest($3::uuid [], $4::date []) AS w (contract_id, start_date)
CROSS JOIN LATERAL (
    SELECT max(q.span_no) AS span_no FROM products.interest_span AS q
    WHERE q.book_id = $1 AND q.contract_id = w.contract_id AND q.leg = 1
        AND q.from_date < w.start_date
) AS before
INNER JOIN products.interest_span AS p
    ON p.book_id = $1 AND p.contract_id = w.contract_id AND p.leg = 1
        AND p.span_no >= coalesce(before.span_no, 1)
WHERE p.from_date < $2
ORDER BY p.contract_id, p.span_no

-- recorded_credits --
-- Capitalised by period end from each start on ($3, by contract $2), corrections included.
SELECT w.contract_id, k.period_end, sum(k.amount_satang)::bigint AS amount_satang
FROM unnest($2::uuid [], $3::date []) AS w (contract_id, start_date)
INNER JOIN products.capitalisation AS k
    ON k.book_id = $1 AND k.contract_id = w.contract_id AND k.period_end >= w.start_date
GROUP BY w.contract_id, k.period_end

-- legs --
-- Where legs stand before the night's date. $3 rounding.
SELECT
    l.contract_id, l.span_no, l.since, l.balance_satang, l.annual_rate_e8, l.year_days,
    l.slope_exact, l.base_exact,
    products.leg_accrued(l, $2::date - 1, $3::smallint) AS accrued,
    products.leg_accrued(l, $2::date - 1, $3::smallint) - l.credited_satang AS outstanding
FROM products.interest_leg AS l
WHERE l.book_id = $1 AND l.product_code = $4 AND l.contract_id = ANY($5::uuid []) AND l.leg = 1

-- interest_brought --
-- What contracts brought along from an old system, exactly: their notes of kind 131.
SELECT e.subject AS contract_id, (e.body::jsonb ->> 'exact')::numeric(60, 0) AS exact
FROM ledger.event AS e
WHERE e.book_id = $1 AND e.subject = ANY($2::uuid []) AND e.kind = 131

-- used_rates --
SELECT r.business_date, r.annual_rate_e8
FROM products.day_rate AS r
WHERE r.book_id = $1 AND r.business_date >= $4 AND r.business_date < $2 AND r.product_code = $3

-- record_spans --
INSERT INTO products.interest_span (
    book_id, contract_id, leg, span_no, from_date, made_on, balance_satang, annual_rate_e8,
    year_days, slope_exact, base_exact
)
SELECT
    $1, t.contract_id, 1, t.span_no, t.from_date, $2, t.balance_satang, t.annual_rate_e8,
    t.year_days, t.slope_exact, t.base_exact
FROM unnest(
    $3::uuid [], $4::integer [], $5::date [], $6::bigint [], $7::bigint [], $8::smallint [],
    $9::numeric [], $10::numeric []
) AS t (
    contract_id, span_no, from_date, balance_satang, annual_rate_e8, year_days, slope_exact,
    base_exact
)

-- record_credits --
INSERT INTO products.capitalisation (
    book_id, contract_id, period_end, made_on, amount_satang, journal_id
)
SELECT $1, t.contract_id, t.period_end, $2, t.amount_satang, t.journal_id
FROM unnest($3::uuid [], $4::date [], $5::bigint [], $6::uuid []) AS t (
    contract_id, period_end, amount_satang, journal_id
)

-- move_legs --
-- $2 product. Where legs stand after the corrections: the running span, and both running totals.
UPDATE products.interest_leg AS l
SET since = t.since, balance_satang = t.balance_satang, annual_rate_e8 = t.annual_rate_e8,
    year_days = t.year_days, slope_exact = t.slope_exact, base_exact = t.base_exact,
    settled_satang = t.settled_satang, credited_satang = l.credited_satang + t.credited_delta,
    span_no = t.span_no, version = l.version + 1
FROM unnest(
    $3::uuid [], $4::integer [], $5::date [], $6::bigint [], $7::bigint [], $8::smallint [],
    $9::numeric [], $10::numeric [], $11::bigint [], $12::bigint []
) AS t (
    contract_id, span_no, since, balance_satang, annual_rate_e8, year_days, slope_exact,
    base_exact, settled_satang, credited_delta
)
WHERE l.book_id = $1 AND l.product_code = $2 AND l.contract_id = t.contract_id AND l.leg = 1
