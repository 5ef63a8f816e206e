-- Coupons and maturities of a date. $1 book, $2 the date.

-- due_contracts --
-- Contracts with a coupon that is paid on the date: open ones, and those that this very night has
-- closed; a door closes none on its maturity. What an old system has paid is before the first date
-- that bears here. The same list in every run.
SELECT c.product_code, c.contract_id
FROM products.coupon AS k
INNER JOIN products.contract AS c ON c.book_id = k.book_id AND c.contract_id = k.contract_id
WHERE k.book_id = $1 AND k.pays_on = $2 AND k.pays_on >= c.interest_from
    AND (c.closed_on IS NULL OR c.closed_on > $2 OR (c.closed_on = $2 AND k.is_last))
ORDER BY c.product_code, c.contract_id

-- lock_contracts --
-- $2 the chunk's contracts, in key order, table by table in the order of their names, before the head.
SELECT c.contract_id FROM products.contract AS c
WHERE c.book_id = $1 AND c.contract_id = ANY($2::uuid [])
ORDER BY c.contract_id
FOR NO KEY UPDATE

-- lock_legs --
SELECT l.contract_id FROM products.interest_leg AS l
WHERE l.book_id = $1 AND l.product_code = $3 AND l.contract_id = ANY($2::uuid [])
ORDER BY l.contract_id
FOR NO KEY UPDATE

-- lock_placements --
SELECT p.contract_id FROM products.placement AS p
WHERE p.book_id = $1 AND p.contract_id = ANY($2::uuid [])
ORDER BY p.contract_id
FOR NO KEY UPDATE

-- due --
-- What the contracts $3 of product $4 owe on the date; one that was dealt with is left out: its leg
-- has begun a period or ended on it. A leg without a span was brought along: its first date may pay.
SELECT
    c.contract_id, c.contract_no, c.account_id, a.kind AS holder, p.coupon_months, p.instruction,
    o.account_id AS linked_account, t.term_no, t.principal_satang, k.is_last,
    products.leg_accrued(l, $2::date - 1, d.rounding) AS accrued_satang,
    products.leg_accrued(l, $2::date - 1, d.rounding) - l.credited_satang AS owed_satang,
    b.held > 0 AS is_pledged
FROM products.coupon AS k
INNER JOIN products.contract AS c ON c.book_id = k.book_id AND c.contract_id = k.contract_id
INNER JOIN products.product AS d ON d.book_id = c.book_id AND d.product_code = c.product_code
INNER JOIN products.placement AS p ON p.book_id = c.book_id AND p.contract_id = c.contract_id
INNER JOIN products.contract AS o ON o.book_id = p.book_id AND o.contract_id = p.linked_contract
INNER JOIN products.term AS t
    ON t.book_id = k.book_id AND t.contract_id = k.contract_id AND t.term_no = k.term_no
INNER JOIN products.interest_leg AS l
    ON l.book_id = c.book_id AND l.product_code = c.product_code
        AND l.contract_id = c.contract_id AND l.leg = 1
INNER JOIN ledger.balance AS b ON b.book_id = c.book_id AND b.account_id = c.account_id
INNER JOIN ledger.party AS a ON a.book_id = c.book_id AND a.party_id = c.party_id
WHERE k.book_id = $1 AND k.pays_on = $2 AND c.product_code = $4
    AND c.contract_id = ANY($3::uuid []) AND c.state = 1
    AND (l.period_start < $2 OR l.span_no = 0) AND l.ended_on IS NULL
ORDER BY c.contract_id

-- left_unpaid --
-- Bearing placements with a coupon of the date that was not dealt with; none, or the night missed them.
SELECT c.contract_no, k.pays_on
FROM products.coupon AS k
INNER JOIN products.contract AS c ON c.book_id = k.book_id AND c.contract_id = k.contract_id
INNER JOIN products.interest_leg AS l
    ON l.book_id = c.book_id AND l.product_code = c.product_code
        AND l.contract_id = c.contract_id AND l.leg = 1
WHERE k.book_id = $1 AND k.pays_on = $2 AND l.period_start < $2
    AND (l.ended_on IS NULL OR l.ended_on > $2) AND (c.closed_on IS NULL OR c.closed_on > $2)
ORDER BY c.contract_no
