-- Late postings: which contracts they touch, and what a night records of them.
-- $1 book, $2 the night's business date.

-- late_contracts --
-- Contracts that moved on the date with an earlier value date, and the first bearing date touched.
-- No door moves a placement's account, and its own events carry their date. The date's own
-- movements first: joined at once, contracts were asked one by one as soon as history was long.
WITH late AS MATERIALIZED (
    SELECT m.account_id, min(m.value_date) AS value_date
    FROM ledger.movement AS m
    WHERE m.book_id = $1 AND m.business_date = $2 AND m.value_date < $2
    GROUP BY m.account_id
)
SELECT
    c.product_code, c.contract_id, c.account_id, c.interest_from,
    greatest(k.value_date, c.interest_from) AS touched
FROM late AS k
INNER JOIN products.contract AS c ON c.book_id = $1 AND c.account_id = k.account_id
INNER JOIN products.product AS p ON p.book_id = c.book_id AND p.product_code = c.product_code
WHERE c.interest_from < $2 AND p.family <> 'fixed'
ORDER BY c.product_code, c.contract_id

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
