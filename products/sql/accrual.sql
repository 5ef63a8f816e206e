-- Interest of one date for one chunk of contracts, and its crediting. The specification of the
-- arithmetic is products/interest.py. Bounds: $4 <= contract_id < $5.

-- accrue_chunk --
-- $6 days of the year, $7 units of one day (1603080 / $6), $8 the exact denominator, $9 rounding.
-- Closing balance by the date = today's counters less what moved on later business dates: doors go
-- on posting there while this runs. The date's own capitalisation comes after this step.
WITH closing AS (
    SELECT
        c.contract_id, r.annual_rate_e8, s.cumulative_exact, s.cumulative_satang,
        b.credits - b.debits - coalesce(later.net, 0) AS balance
    FROM products.contract AS c
    INNER JOIN products.interest_state AS s
        ON s.book_id = c.book_id AND s.contract_id = c.contract_id
            AND s.contract_id >= $4 AND s.contract_id < $5
            -- As an expression: what the planner knows of accrued_to is a night old and misleads.
            AND $2::date - s.accrued_to = 1
    INNER JOIN products.day_rate AS r
        ON r.book_id = c.book_id AND r.business_date = $2 AND r.product_code = c.product_code
    INNER JOIN ledger.balance AS b ON b.book_id = c.book_id AND b.account_id = c.account_id
    LEFT JOIN LATERAL (
        SELECT sum(m.credits - m.debits)::bigint AS net
        FROM ledger.movement AS m
        WHERE m.book_id = c.book_id AND m.account_id = c.account_id AND m.business_date > $2
    ) AS later ON TRUE
    WHERE c.book_id = $1 AND c.product_code = $3 AND c.interest_from <= $2
        AND (c.closed_on IS NULL OR c.closed_on > $2)
        AND c.contract_id >= $4 AND c.contract_id < $5
),
earned AS (
    SELECT k.*, greatest(k.balance, 0)::numeric * k.annual_rate_e8 * $7::integer AS exact
    FROM closing AS k
),
summed AS (
    SELECT
        e.*, e.cumulative_exact + e.exact AS new_exact,
        ledger.round_ratio(
            e.cumulative_exact + e.exact, $8::numeric, $9::smallint
        )::bigint AS new_satang
    FROM earned AS e
),
kept AS (
    INSERT INTO products.accrual (
        book_id, contract_id, accrual_date, balance_satang, annual_rate_e8, year_days, exact,
        cumulative_exact, cumulative_satang
    )
    SELECT
        $1, n.contract_id, $2, n.balance, n.annual_rate_e8, $6::smallint, n.exact, n.new_exact,
        n.new_satang
    FROM summed AS n
),
standing AS (
    UPDATE products.interest_state AS s
    SET accrued_to = $2, cumulative_exact = n.new_exact, cumulative_satang = n.new_satang,
        accrued_satang = s.accrued_satang + n.new_satang - n.cumulative_satang
    FROM summed AS n
    WHERE s.book_id = $1 AND s.contract_id = n.contract_id
)
SELECT
    count(*) AS contracts,
    coalesce(sum(n.new_satang - n.cumulative_satang), 0)::bigint AS amount_satang
FROM summed AS n

-- interest_owed --
-- What the chunk's contracts have accrued and not been credited; $6 = only these (a second run).
SELECT c.contract_id, c.account_id, s.accrued_satang - s.capitalised_satang AS amount_satang
FROM products.contract AS c
INNER JOIN products.interest_state AS s
    ON s.book_id = c.book_id AND s.contract_id = c.contract_id
WHERE c.book_id = $1 AND c.product_code = $3 AND c.interest_from <= $2
    AND (c.closed_on IS NULL OR c.closed_on > $2)
    AND c.contract_id >= $4 AND c.contract_id < $5
    AND ($6::uuid [] IS NULL OR c.contract_id = ANY($6))
    AND s.accrued_satang > s.capitalised_satang
ORDER BY c.contract_id

-- record_credits --
-- Credits of a period end, made on its own date.
WITH credited AS (
    INSERT INTO products.capitalisation (
        book_id, contract_id, period_end, made_on, amount_satang, journal_id
    )
    SELECT $1, t.contract_id, $2, $2, t.amount_satang, t.journal_id
    FROM unnest($3::uuid [], $4::bigint [], $5::uuid []) AS t (
        contract_id, amount_satang, journal_id
    )
    RETURNING contract_id, amount_satang
)
UPDATE products.interest_state AS s
SET capitalised_satang = s.capitalised_satang + k.amount_satang
FROM credited AS k
WHERE s.book_id = $1 AND s.contract_id = k.contract_id

-- begin_period --
-- The next period begins on the next date, for those too whose credit was refused.
UPDATE products.interest_state AS s
SET period_start = $2::date + 1, cumulative_exact = 0, cumulative_satang = 0
FROM products.contract AS c
WHERE s.book_id = $1 AND c.book_id = s.book_id AND c.contract_id = s.contract_id
    AND c.product_code = $3 AND c.interest_from <= $2
    AND (c.closed_on IS NULL OR c.closed_on > $2)
    AND c.contract_id >= $4 AND c.contract_id < $5
