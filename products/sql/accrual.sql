-- Interest of one date for one chunk of contracts, and its crediting. The specification of the
-- arithmetic is products/interest.py, of what is stored docs/interest.md. $1 book, $2 the date,
-- $3 product, bounds: $4 <= contract_id < $5.

-- whole_products --
-- Products whose sheet of the date is another than that of the day before, or the first: sheets may
-- differ in any slab, and the lines of one never change.
SELECT r.product_code
FROM products.day_rate AS r
LEFT JOIN products.day_rate AS b
    ON b.book_id = r.book_id AND b.product_code = r.product_code AND b.business_date = $2::date - 1
WHERE r.book_id = $1 AND r.business_date = $2 AND b.sheet_id IS DISTINCT FROM r.sheet_id

-- may_have_changed --
-- Contracts whose account moved on the date, and those that begin a span on it.
SELECT k.product_code, array_agg(k.contract_id ORDER BY k.contract_id) AS contract_ids
FROM (
    SELECT c.product_code, c.contract_id
    FROM ledger.movement AS m
    INNER JOIN products.contract AS c ON c.book_id = m.book_id AND c.account_id = m.account_id
    WHERE m.book_id = $1 AND m.business_date = $2
    UNION
    SELECT l.product_code, l.contract_id
    FROM products.interest_leg AS l
    WHERE l.book_id = $1 AND l.since = $2
) AS k
GROUP BY k.product_code

-- move_spans --
-- $6 days of the year, $7 units of one day (1603080 / $6), $8 the contracts that may have changed.
-- Closing balance by the date = today's counters less what moved on later business dates: doors go
-- on posting there while this runs. The date's own capitalisation comes after this step.
-- A slab of the date's sheet knows what full slabs below it weigh (satang x rate): by slice, that and
-- what reaches into it; on the whole balance, all at its rate. Below the product's minimum, nothing.
-- Both are made once: balances looked up again for each of twenty slabs cost six times as much.
WITH slab AS MATERIALIZED (
    SELECT
        k.annual_rate_e8, k.slab_from, k.slab_to,
        coalesce(sum((k.slab_to - k.slab_from)::numeric * k.annual_rate_e8) OVER (
            ORDER BY k.slab_from ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING
        ), 0) AS weighs_below
    FROM (
        SELECT
            n.annual_rate_e8, n.slab_from_satang AS slab_from,
            lead(n.slab_from_satang, 1, 9223372036854775807) OVER (
                ORDER BY n.slab_from_satang
            ) AS slab_to
        FROM products.day_rate AS r
        INNER JOIN pricing.rate_line AS n ON n.book_id = r.book_id AND n.sheet_id = r.sheet_id
        WHERE r.book_id = $1 AND r.business_date = $2 AND r.product_code = $3
    ) AS k
),
closing AS MATERIALIZED (
    SELECT
        l.contract_id, l.since, l.balance_satang, l.annual_rate_e8, l.year_days, l.slope_exact,
        b.credits - b.debits - coalesce(later.net, 0) AS new_balance
    FROM products.interest_leg AS l
    INNER JOIN products.contract AS c
        ON c.book_id = l.book_id AND c.contract_id = l.contract_id
    INNER JOIN ledger.balance AS b ON b.book_id = c.book_id AND b.account_id = c.account_id
    LEFT JOIN LATERAL (
        SELECT sum(m.credits - m.debits)::bigint AS net
        FROM ledger.movement AS m
        WHERE m.book_id = c.book_id AND m.account_id = c.account_id AND m.business_date > $2
    ) AS later ON TRUE
    WHERE l.book_id = $1 AND l.product_code = $3 AND l.contract_id = ANY($8::uuid [])
        AND l.contract_id >= $4 AND l.contract_id < $5 AND l.leg = 1
        AND l.bears_from <= $2 AND (l.ended_on IS NULL OR l.ended_on > $2)
),
asked AS (
    SELECT
        k.*, s.annual_rate_e8 AS new_rate,
        $7::integer * CASE
            WHEN k.new_balance < p.minimum_satang OR k.new_balance < 0 THEN 0
            WHEN p.slab_rule = 'slice'
                THEN s.weighs_below + (k.new_balance - s.slab_from)::numeric * s.annual_rate_e8
            ELSE k.new_balance::numeric * s.annual_rate_e8
        END AS new_slope
    FROM closing AS k
    INNER JOIN products.product AS p ON p.book_id = $1 AND p.product_code = $3
    INNER JOIN slab AS s
        ON greatest(k.new_balance, 0) >= s.slab_from AND greatest(k.new_balance, 0) < s.slab_to
),
moved AS (
    UPDATE products.interest_leg AS l
    SET base_exact = products.leg_exact(l, $2::date - 1), since = $2,
        balance_satang = a.new_balance, annual_rate_e8 = a.new_rate, year_days = $6::smallint,
        slope_exact = a.new_slope,
        span_no = l.span_no + 1, version = l.version + 1
    FROM asked AS a
    WHERE l.book_id = $1 AND l.product_code = $3 AND l.contract_id = a.contract_id AND l.leg = 1
        AND (a.since = $2 OR (a.balance_satang, a.annual_rate_e8, a.year_days, a.slope_exact)
            IS DISTINCT FROM (a.new_balance, a.new_rate, $6::smallint, a.new_slope))
    RETURNING l.*
)
INSERT INTO products.interest_span (
    book_id, contract_id, leg, span_no, from_date, made_on, balance_satang, annual_rate_e8,
    year_days, slope_exact, base_exact
)
SELECT
    m.book_id, m.contract_id, m.leg, m.span_no, $2, $2, m.balance_satang, m.annual_rate_e8,
    m.year_days, m.slope_exact, m.base_exact
FROM moved AS m

-- move_terms --
-- The same for placements: the rate is that of the term which holds the date, the last begun by
-- then: the many before it are not looked at.
WITH closing AS MATERIALIZED (
    SELECT
        l.contract_id, l.since, l.balance_satang, l.annual_rate_e8, l.year_days, l.slope_exact,
        t.annual_rate_e8 AS new_rate, b.credits - b.debits - coalesce(later.net, 0) AS new_balance
    FROM products.interest_leg AS l
    INNER JOIN products.contract AS c
        ON c.book_id = l.book_id AND c.contract_id = l.contract_id
    INNER JOIN LATERAL (
        SELECT q.annual_rate_e8, q.matures_on FROM products.term AS q
        WHERE q.book_id = c.book_id AND q.contract_id = c.contract_id AND q.begins_on <= $2
        ORDER BY q.begins_on DESC LIMIT 1
    ) AS t ON t.matures_on > $2
    INNER JOIN ledger.balance AS b ON b.book_id = c.book_id AND b.account_id = c.account_id
    LEFT JOIN LATERAL (
        SELECT sum(m.credits - m.debits)::bigint AS net
        FROM ledger.movement AS m
        WHERE m.book_id = c.book_id AND m.account_id = c.account_id AND m.business_date > $2
    ) AS later ON TRUE
    WHERE l.book_id = $1 AND l.product_code = $3 AND l.contract_id = ANY($8::uuid [])
        AND l.contract_id >= $4 AND l.contract_id < $5 AND l.leg = 1
        AND l.bears_from <= $2 AND (l.ended_on IS NULL OR l.ended_on > $2)
),
asked AS (
    SELECT k.*, $7::integer * greatest(k.new_balance, 0)::numeric * k.new_rate AS new_slope
    FROM closing AS k
),
moved AS (
    UPDATE products.interest_leg AS l
    SET base_exact = products.leg_exact(l, $2::date - 1), since = $2,
        balance_satang = a.new_balance, annual_rate_e8 = a.new_rate, year_days = $6::smallint,
        slope_exact = a.new_slope,
        span_no = l.span_no + 1, version = l.version + 1
    FROM asked AS a
    WHERE l.book_id = $1 AND l.product_code = $3 AND l.contract_id = a.contract_id AND l.leg = 1
        AND (a.since = $2 OR (a.balance_satang, a.annual_rate_e8, a.year_days, a.slope_exact)
            IS DISTINCT FROM (a.new_balance, a.new_rate, $6::smallint, a.new_slope))
    RETURNING l.*
)
INSERT INTO products.interest_span (
    book_id, contract_id, leg, span_no, from_date, made_on, balance_satang, annual_rate_e8,
    year_days, slope_exact, base_exact
)
SELECT
    m.book_id, m.contract_id, m.leg, m.span_no, $2, $2, m.balance_satang, m.annual_rate_e8,
    m.year_days, m.slope_exact, m.base_exact
FROM moved AS m

-- terms_in_force --
-- Legs of the chunk whose contract has a term that holds the date, at the rate that it says.
SELECT count(*)
FROM products.interest_leg AS l
INNER JOIN LATERAL (
    SELECT q.annual_rate_e8, q.matures_on FROM products.term AS q
    WHERE q.book_id = l.book_id AND q.contract_id = l.contract_id AND q.begins_on <= $2
    ORDER BY q.begins_on DESC LIMIT 1
) AS t ON t.matures_on > $2 AND t.annual_rate_e8 = l.annual_rate_e8
WHERE l.book_id = $1 AND l.product_code = $3 AND l.contract_id >= $4 AND l.contract_id < $5
    AND l.leg = 1 AND l.bears_from <= $2 AND (l.ended_on IS NULL OR l.ended_on > $2)

-- legs_of_chunk --
-- Contracts of the chunk, where each of them may have changed.
SELECT array_agg(l.contract_id)
FROM products.interest_leg AS l
WHERE l.book_id = $1 AND l.product_code = $2 AND l.contract_id >= $3 AND l.contract_id < $4
    AND l.leg = 1

-- accrue_chunk --
-- $6 rounding. What the date posts: what the rounded cumulative amounts grew by. OFFSET 0 keeps the
-- exact amounts from being reckoned again at each place where the rounding looks at them.
SELECT
    count(*) AS contracts,
    coalesce(sum(
        ledger.round_ratio(e.through, 160308000000000, $6::smallint)
        - ledger.round_ratio(e.before, 160308000000000, $6::smallint)
    ), 0)::bigint AS amount_satang
FROM (
    SELECT
        products.leg_exact(l, $2::date) AS through,
        products.leg_exact(l, $2::date - 1) AS before
    FROM products.interest_leg AS l
    WHERE l.book_id = $1 AND l.product_code = $3 AND l.contract_id >= $4 AND l.contract_id < $5
        AND l.leg = 1 AND l.bears_from <= $2 AND (l.ended_on IS NULL OR l.ended_on > $2)
    OFFSET 0
) AS e

-- lock_legs --
-- Legs of the chunk that may be credited: a closing that holds one may be waiting for the head.
SELECT l.contract_id
FROM products.interest_leg AS l
WHERE l.book_id = $1 AND l.product_code = $3 AND l.contract_id >= $4 AND l.contract_id < $5
    AND l.leg = 1 AND l.bears_from <= $2 AND (l.ended_on IS NULL OR l.ended_on > $2)
ORDER BY l.contract_id
FOR NO KEY UPDATE

-- interest_owed --
-- What the chunk's contracts have accrued and not been credited; $6 = only these (a second run).
SELECT
    c.contract_id, c.account_id,
    products.leg_accrued(l, $2::date, $7::smallint) - l.credited_satang AS amount_satang
FROM products.interest_leg AS l
INNER JOIN products.contract AS c ON c.book_id = l.book_id AND c.contract_id = l.contract_id
WHERE l.book_id = $1 AND l.product_code = $3 AND l.contract_id >= $4 AND l.contract_id < $5
    AND l.leg = 1 AND l.bears_from <= $2 AND (l.ended_on IS NULL OR l.ended_on > $2)
    AND ($6::uuid [] IS NULL OR l.contract_id = ANY($6))
    AND products.leg_accrued(l, $2::date, $7::smallint) > l.credited_satang
ORDER BY l.contract_id

-- record_credits --
-- Credits of a period end, made on its own date.
WITH credited AS (
    INSERT INTO products.capitalisation (
        book_id, contract_id, period_end, made_on, amount_satang, journal_id
    )
    SELECT $1, t.contract_id, $2, $2, t.amount_satang, t.journal_id
    FROM unnest($4::uuid [], $5::bigint [], $6::uuid []) AS t (
        contract_id, amount_satang, journal_id
    )
    RETURNING contract_id, amount_satang
)
UPDATE products.interest_leg AS l
SET credited_satang = l.credited_satang + k.amount_satang, version = l.version + 1
FROM credited AS k
WHERE l.book_id = $1 AND l.product_code = $3 AND l.contract_id = k.contract_id AND l.leg = 1

-- begin_period --
-- The next period begins on the next date, for those too whose credit was refused. $6 rounding.
UPDATE products.interest_leg AS l
SET settled_satang = products.leg_accrued(l, $2::date, $6::smallint), base_exact = 0,
    period_start = $2::date + 1, since = $2::date + 1, version = l.version + 1
WHERE l.book_id = $1 AND l.product_code = $3 AND l.contract_id >= $4 AND l.contract_id < $5
    AND l.leg = 1 AND l.bears_from <= $2 AND (l.ended_on IS NULL OR l.ended_on > $2)
