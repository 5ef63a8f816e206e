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

-- recorded_accruals --
-- Each date's exact interest with all its corrections, and the balance that it bears by the last.
SELECT
    k.contract_id, k.accrual_date, sum(k.exact) AS exact,
    (array_agg(k.balance_satang ORDER BY k.made_on DESC))[1] AS balance_satang
FROM (
    SELECT a.contract_id, a.accrual_date, a.accrual_date AS made_on, a.exact, a.balance_satang
    FROM unnest($3::uuid [], $4::date []) AS w (contract_id, start_date)
    INNER JOIN products.accrual AS a
        ON a.book_id = $1 AND a.contract_id = w.contract_id
            AND a.accrual_date >= w.start_date AND a.accrual_date < $2
    UNION ALL
    SELECT c.contract_id, c.accrual_date, c.made_on, c.exact_delta, c.balance_satang
    FROM unnest($3::uuid [], $4::date []) AS w (contract_id, start_date)
    INNER JOIN products.accrual_correction AS c
        ON c.book_id = $1 AND c.contract_id = w.contract_id
            AND c.accrual_date >= w.start_date AND c.accrual_date < $2
) AS k
GROUP BY k.contract_id, k.accrual_date

-- recorded_credits --
-- Capitalised by period end from each start on ($3, by contract $2), corrections included.
SELECT w.contract_id, k.period_end, sum(k.amount_satang)::bigint AS amount_satang
FROM unnest($2::uuid [], $3::date []) AS w (contract_id, start_date)
INNER JOIN products.capitalisation AS k
    ON k.book_id = $1 AND k.contract_id = w.contract_id AND k.period_end >= w.start_date
GROUP BY w.contract_id, k.period_end

-- outstanding --
SELECT s.contract_id, s.accrued_satang - s.capitalised_satang AS outstanding
FROM products.interest_state AS s
WHERE s.book_id = $1 AND s.contract_id = ANY($2::uuid [])

-- interest_brought --
-- What contracts brought along from an old system, exactly: their notes of kind 131.
SELECT e.subject AS contract_id, (e.body::jsonb ->> 'exact')::numeric(60, 0) AS exact
FROM ledger.event AS e
WHERE e.book_id = $1 AND e.subject = ANY($2::uuid []) AND e.kind = 131

-- used_rates --
SELECT r.business_date, r.annual_rate_e8
FROM products.day_rate AS r
WHERE r.book_id = $1 AND r.business_date >= $4 AND r.business_date < $2 AND r.product_code = $3

-- record_corrections --
INSERT INTO products.accrual_correction (
    book_id, contract_id, accrual_date, made_on, balance_satang, exact_delta, posted_delta
)
SELECT $1, t.contract_id, t.accrual_date, $2, t.balance_satang, t.exact_delta, t.posted_delta
FROM unnest($3::uuid [], $4::date [], $5::bigint [], $6::numeric [], $7::bigint []) AS t (
    contract_id, accrual_date, balance_satang, exact_delta, posted_delta
)

-- record_credits --
INSERT INTO products.capitalisation (
    book_id, contract_id, period_end, made_on, amount_satang, journal_id
)
SELECT $1, t.contract_id, t.period_end, $2, t.amount_satang, t.journal_id
FROM unnest($3::uuid [], $4::date [], $5::bigint [], $6::uuid []) AS t (
    contract_id, period_end, amount_satang, journal_id
)

-- move_standing --
-- The running period after the corrections, and both running totals.
UPDATE products.interest_state AS s
SET cumulative_exact = t.cumulative_exact, cumulative_satang = t.cumulative_satang,
    accrued_satang = s.accrued_satang + t.accrued_delta,
    capitalised_satang = s.capitalised_satang + t.credited_delta
FROM unnest($2::uuid [], $3::numeric [], $4::bigint [], $5::bigint [], $6::bigint []) AS t (
    contract_id, cumulative_exact, cumulative_satang, accrued_delta, credited_delta
)
WHERE s.book_id = $1 AND s.contract_id = t.contract_id
