-- Placements: read by doors and the night, written only by units under the book head. $1 book.

-- lock_placements --
-- Rows that a unit was decided on: one order for everyone, and nobody waits.
SELECT p.contract_id AS id, p.version
FROM products.placement AS p
WHERE p.book_id = $1 AND p.contract_id = ANY($2::uuid [])
ORDER BY p.contract_id
FOR NO KEY UPDATE SKIP LOCKED

-- standing --
-- A placement as it stands, in one look: its newest term, its interest, its member. Accrued is what
-- the nights before today have accrued.
SELECT
    p.linked_contract, p.coupon_months, p.instruction, p.version, t.term_no, t.begins_on,
    t.nominal_on, t.matures_on, t.principal_satang, t.annual_rate_e8, t.sheet_id,
    t.accrued_before_satang, l.version AS leg_version, l.credited_satang,
    products.leg_accrued(l, products.leg_accrued_to(l), d.rounding) AS accrued_satang,
    products.leg_accrued_to(l) AS accrued_to, h.business_date,
    b.credits - b.debits AS balance_satang, b.held AS held_satang, b.frozen, b.changed_seq,
    n.frozen AS linked_frozen, a.kind AS holder,
    (
        SELECT min(y.business_date) FROM ledger.day AS y
        WHERE y.book_id = c.book_id AND y.business_date < h.business_date AND y.state <> 3
    ) AS unproven
FROM products.placement AS p
INNER JOIN products.contract AS c ON c.book_id = p.book_id AND c.contract_id = p.contract_id
INNER JOIN products.product AS d ON d.book_id = c.book_id AND d.product_code = c.product_code
INNER JOIN products.contract AS k
    ON k.book_id = p.book_id AND k.contract_id = p.linked_contract
INNER JOIN ledger.book_head AS h ON h.book_id = c.book_id
INNER JOIN ledger.balance AS b ON b.book_id = c.book_id AND b.account_id = c.account_id
INNER JOIN ledger.balance AS n ON n.book_id = k.book_id AND n.account_id = k.account_id
INNER JOIN ledger.party AS a ON a.book_id = c.book_id AND a.party_id = c.party_id
INNER JOIN products.interest_leg AS l
    ON l.book_id = c.book_id AND l.product_code = c.product_code
        AND l.contract_id = c.contract_id AND l.leg = 1
CROSS JOIN LATERAL (
    SELECT r.* FROM products.term AS r
    WHERE r.book_id = p.book_id AND r.contract_id = p.contract_id
    ORDER BY r.term_no DESC
    LIMIT 1
) AS t
WHERE p.book_id = $1 AND p.contract_id = $2

-- payments --
-- Interest of contract $2 that was paid or, below zero, clawed back, with the tax withheld.
SELECT
    k.period_end, k.made_on, k.amount_satang, k.journal_id,
    coalesce(w.tax_satang, 0) AS tax_satang, coalesce(w.form, '') AS tax_form
FROM products.capitalisation AS k
LEFT JOIN products.tax_withheld AS w ON w.book_id = k.book_id AND w.journal_id = k.journal_id
WHERE k.book_id = $1 AND k.contract_id = $2
ORDER BY k.made_on, k.period_end

-- early_ends --
SELECT
    e.early_end_id, e.contract_id, e.term_no, s.code AS state, e.reason, e.proposed_by,
    e.proposed_on, e.decided_by, e.decided_on, e.remark, e.rule_from_months, e.earned_satang,
    e.paid_satang, e.version
FROM products.early_end AS e
INNER JOIN products.early_end_state AS s ON s.state = e.state
WHERE e.book_id = $1 AND e.contract_id = $2

-- list --
-- Placements by the maturity of their newest term. $2 member, $3 product, $4 and $5 first and last
-- maturity, $6 open or closed; each NULL = all. After maturity $7 and number $8, at most $9.
-- Open ones end on a date whose night has not ended, or wait since one: what ended before the first
-- of these dates is not read, however many years of terms there are.
SELECT
    c.contract_no, c.product_code, c.party_id, k.contract_no AS linked_no, t.principal_satang,
    t.annual_rate_e8, t.term_no, t.begins_on, t.matures_on, p.instruction, p.coupon_months,
    c.state, c.matured_on,
    EXISTS (
        SELECT FROM products.early_end AS e
        WHERE e.book_id = c.book_id AND e.contract_id = c.contract_id AND e.state = 2
    ) AS ended_early
FROM products.term AS t
INNER JOIN products.contract AS c ON c.book_id = t.book_id AND c.contract_id = t.contract_id
INNER JOIN products.placement AS p ON p.book_id = t.book_id AND p.contract_id = t.contract_id
INNER JOIN products.contract AS k
    ON k.book_id = p.book_id AND k.contract_id = p.linked_contract
WHERE t.book_id = $1
    AND ($2::integer IS NULL OR c.party_id = $2)
    AND ($3::text IS NULL OR c.product_code = $3)
    AND t.matures_on >= coalesce($4::date, '-infinity')
    AND t.matures_on <= coalesce($5::date, 'infinity')
    AND t.matures_on >= CASE WHEN $6::boolean THEN (
        SELECT
            least(
                h.business_date,
                (
                    SELECT min(y.business_date) FROM ledger.day AS y
                    WHERE y.book_id = h.book_id AND y.state <> 3
                ),
                (
                    SELECT min(w.matured_on) FROM products.contract AS w
                    WHERE w.book_id = h.book_id AND w.state = 1
                )
            )
        FROM ledger.book_head AS h
        WHERE h.book_id = $1
    ) ELSE '-infinity' END
    AND ($6::boolean IS NULL OR (c.state = 1) = $6)
    AND (t.matures_on, c.contract_no) > ($7::date, $8::text)
    AND NOT EXISTS (
        SELECT FROM products.term AS f
        WHERE f.book_id = t.book_id AND f.contract_id = t.contract_id AND f.term_no > t.term_no
    )
ORDER BY t.matures_on, c.contract_no
LIMIT $9

-- coupons --
SELECT k.coupon_no, k.from_date, k.pays_on, k.is_last
FROM products.coupon AS k
WHERE k.book_id = $1 AND k.contract_id = $2 AND k.term_no = $3
ORDER BY k.coupon_no

-- linked_to --
-- Open placements that pay to the contract $2.
SELECT c.contract_no
FROM products.placement AS p
INNER JOIN products.contract AS c ON c.book_id = p.book_id AND c.contract_id = p.contract_id
WHERE p.book_id = $1 AND p.linked_contract = $2 AND c.state = 1
ORDER BY c.contract_no

-- member --
SELECT a.kind, a.name_th, a.name_en FROM ledger.party AS a WHERE a.book_id = $1 AND a.party_id = $2

-- insert_placement --
INSERT INTO products.placement (
    book_id, contract_id, linked_contract, coupon_months, instruction
) VALUES ($1, $2, $3, $4, $5)

-- insert_terms --
-- Terms that begin, a row a unit.
INSERT INTO products.term (
    book_id, contract_id, term_no, begins_on, nominal_on, matures_on, principal_satang,
    annual_rate_e8, sheet_id, accrued_before_satang, made_seq
)
SELECT $1, t.*
FROM unnest(
    $2::text::uuid [], $3::text::smallint [], $4::text::date [], $5::text::date [],
    $6::text::date [], $7::text::bigint [], $8::text::bigint [], $9::text::uuid [],
    $10::text::bigint [], $11::text::bigint []
) AS t (
    contract_id, term_no, begins_on, nominal_on, matures_on, principal_satang, annual_rate_e8,
    sheet_id, accrued_before_satang, made_seq
)

-- insert_coupons --
INSERT INTO products.coupon (
    book_id, contract_id, term_no, coupon_no, from_date, pays_on, is_last
)
SELECT $1, t.*
FROM unnest(
    $2::text::uuid [], $3::text::smallint [], $4::text::smallint [], $5::text::date [],
    $6::text::date [], $7::text::boolean []
) AS t (contract_id, term_no, coupon_no, from_date, pays_on, is_last)

-- bring_leg --
-- $3 accrued to, $4 exact: what the running coupon had earned in the old system.
INSERT INTO products.interest_leg (
    book_id, product_code, contract_id, leg, bears_from, period_start, since, balance_satang,
    annual_rate_e8, year_days, slope_exact, base_exact, settled_satang, credited_satang
)
SELECT
    c.book_id, c.product_code, c.contract_id, 1, $3::date + 1, $3::date + 1, $3::date + 1,
    0, 0, 365, 0, $4, 0, 0
FROM products.contract AS c
WHERE c.book_id = $1 AND c.contract_id = $2

-- instruct --
UPDATE products.placement AS p
SET linked_contract = $4, instruction = $5, version = p.version + 1
WHERE p.book_id = $1 AND p.contract_id = $2 AND p.version = $3
