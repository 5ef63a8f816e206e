-- What a night needs to replay contracts with late postings. $1 book, $2 the night's business date.

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
-- Where legs stand before the night's date, locked before the head is taken. $3 rounding.
SELECT
    l.contract_id, l.span_no, l.since, l.balance_satang, l.annual_rate_e8, l.year_days,
    l.slope_exact, l.base_exact,
    products.leg_accrued(l, $2::date - 1, $3::smallint) AS accrued,
    products.leg_accrued(l, $2::date - 1, $3::smallint) - l.credited_satang AS outstanding
FROM products.interest_leg AS l
WHERE l.book_id = $1 AND l.product_code = $4 AND l.contract_id = ANY($5::uuid []) AND l.leg = 1
ORDER BY l.contract_id
FOR NO KEY UPDATE

-- interest_brought --
-- What contracts brought along from an old system, exactly: their notes of kind 131.
SELECT e.subject AS contract_id, (e.body::jsonb ->> 'exact')::numeric(60, 0) AS exact
FROM ledger.event AS e
WHERE e.book_id = $1 AND e.subject = ANY($2::uuid []) AND e.kind = 131

-- used_sheets --
SELECT r.business_date, r.sheet_id
FROM products.day_rate AS r
WHERE r.book_id = $1 AND r.business_date >= $4 AND r.business_date < $2 AND r.product_code = $3
