-- What a placement that pays or ends writes, for many units at once. $1 book; dates as decided.

-- record_payments --
-- Interest paid (below zero: clawed back) with the last date that it is for.
INSERT INTO products.capitalisation (
    book_id, contract_id, period_end, made_on, amount_satang, journal_id
)
SELECT $1, t.*
FROM unnest(
    $2::text::uuid [], $3::text::date [], $4::text::date [], $5::text::bigint [],
    $6::text::uuid []
) AS t (contract_id, period_end, made_on, amount_satang, journal_id)

-- record_taxes --
INSERT INTO products.tax_withheld (
    book_id, journal_id, contract_id, paid_on, holder, interest_satang, rate_e8, tax_satang, form
)
SELECT $1, t.*
FROM unnest(
    $2::text::uuid [], $3::text::uuid [], $4::text::date [], $5::text::smallint [],
    $6::text::bigint [], $7::text::bigint [], $8::text::bigint [], $9::text []
) AS t (
    journal_id, contract_id, paid_on, holder, interest_satang, rate_e8, tax_satang, form
)

-- begin_periods --
-- The next period begins on $4; $5 was paid of what the one before had accrued.
UPDATE products.interest_leg AS l
SET credited_satang = l.credited_satang + t.paid_satang,
    settled_satang = products.leg_accrued(l, t.begins_on - 1, p.rounding), base_exact = 0,
    period_start = t.begins_on, since = t.begins_on, version = l.version + 1
FROM unnest(
    $2::text [], $3::text::uuid [], $4::text::date [], $5::text::bigint []
) AS t (product_code, contract_id, begins_on, paid_satang)
INNER JOIN products.product AS p ON p.book_id = $1 AND p.product_code = t.product_code
WHERE l.book_id = $1 AND l.product_code = t.product_code AND l.contract_id = t.contract_id
    AND l.leg = 1

-- end_legs --
-- Nothing is earned from $4 on; $5 was paid (or clawed back), $6 is what an early end changes in what
-- had accrued.
WITH ended AS (
    UPDATE products.interest_leg AS l
    SET credited_satang = l.credited_satang + t.paid_satang,
        settled_satang = l.settled_satang + t.repriced_satang, ended_on = t.ends_on,
        since = greatest(t.ends_on, l.bears_from),
        base_exact = products.leg_exact(l, t.ends_on - 1), balance_satang = 0, annual_rate_e8 = 0,
        year_days = 365, slope_exact = 0, span_no = l.span_no + 1, version = l.version + 1
    FROM unnest(
        $2::text [], $3::text::uuid [], $4::text::date [], $5::text::bigint [],
        $6::text::bigint []
    ) AS t (product_code, contract_id, ends_on, paid_satang, repriced_satang)
    WHERE l.book_id = $1 AND l.product_code = t.product_code AND l.contract_id = t.contract_id
        AND l.leg = 1
    RETURNING l.*
)
INSERT INTO products.interest_span (
    book_id, contract_id, leg, span_no, from_date, made_on, balance_satang, annual_rate_e8,
    year_days, slope_exact, base_exact
)
SELECT
    e.book_id, e.contract_id, e.leg, e.span_no, e.since, e.ended_on, e.balance_satang,
    e.annual_rate_e8, e.year_days, e.slope_exact, e.base_exact
FROM ended AS e

-- credit_legs --
-- A leg that has ended is paid what it was still owed.
UPDATE products.interest_leg AS l
SET credited_satang = l.credited_satang + t.paid_satang, version = l.version + 1
FROM unnest($2::text [], $3::text::uuid [], $4::text::bigint [])
    AS t (product_code, contract_id, paid_satang)
WHERE l.book_id = $1 AND l.product_code = t.product_code AND l.contract_id = t.contract_id
    AND l.leg = 1

-- close_contracts --
UPDATE products.contract AS c
SET state = 2, closed_on = t.closed_on, version = c.version + 1
FROM unnest($2::text::uuid [], $3::text::date []) AS t (contract_id, closed_on)
WHERE c.book_id = $1 AND c.contract_id = t.contract_id

-- let_wait --
UPDATE products.contract AS c
SET matured_on = t.matured_on, version = c.version + 1
FROM unnest($2::text::uuid [], $3::text::date []) AS t (contract_id, matured_on)
WHERE c.book_id = $1 AND c.contract_id = t.contract_id
