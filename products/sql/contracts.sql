-- Contracts: read by doors and the night, written only by units under the book head.

-- lock_contracts --
-- Rows that a unit was decided on: one order for everyone, and nobody waits.
SELECT c.contract_id AS id, c.version
FROM products.contract AS c
WHERE c.book_id = $1 AND c.contract_id = ANY($2::uuid[])
ORDER BY c.contract_id
FOR NO KEY UPDATE SKIP LOCKED

-- lock_legs --
-- The night locks these rows before it takes the head, and so do we.
SELECT l.contract_id AS id, l.version
FROM products.interest_leg AS l
INNER JOIN products.contract AS c
    ON c.book_id = l.book_id AND c.product_code = l.product_code AND c.contract_id = l.contract_id
WHERE l.book_id = $1 AND c.contract_id = ANY($2::uuid []) AND l.leg = 1
ORDER BY l.contract_id
FOR NO KEY UPDATE OF l SKIP LOCKED

-- contract_by_no --
SELECT
    c.book_id, c.contract_id, c.contract_no, c.product_code, c.party_id, c.account_id,
    c.opened_on, c.interest_from, c.closed_on, c.matured_on, c.state, c.version, p.family
FROM products.contract AS c
INNER JOIN products.product AS p ON p.book_id = c.book_id AND p.product_code = c.product_code
WHERE c.book_id = $1 AND c.contract_no = $2

-- contracts_by_nos --
SELECT
    c.book_id, c.contract_id, c.contract_no, c.product_code, c.party_id, c.account_id,
    c.opened_on, c.interest_from, c.closed_on, c.matured_on, c.state, c.version, p.family
FROM products.contract AS c
INNER JOIN products.product AS p ON p.book_id = c.book_id AND p.product_code = c.product_code
WHERE c.book_id = $1 AND c.contract_no = ANY($2::text[])

-- contracts_by_ids --
SELECT
    c.book_id, c.contract_id, c.contract_no, c.product_code, c.party_id, c.account_id,
    c.opened_on, c.interest_from, c.closed_on, c.matured_on, c.state, c.version, p.family
FROM products.contract AS c
INNER JOIN products.product AS p ON p.book_id = c.book_id AND p.product_code = c.product_code
WHERE c.book_id = $1 AND c.contract_id = ANY($2::uuid[])

-- insert_contract --
-- $7 is the batch's business date: a door may have decided before cut-off.
INSERT INTO products.contract (
    book_id, contract_id, contract_no, product_code, party_id, account_id, opened_on, interest_from
) VALUES ($1, $2, $3, $4, $5, $6, $7::date, greatest($8::date, $7::date))

-- insert_interest_leg --
-- It bears from interest_from on; what it earns a day is found by the night of that date.
INSERT INTO products.interest_leg (
    book_id, product_code, contract_id, leg, bears_from, period_start, since, balance_satang,
    annual_rate_e8, year_days, slope_exact, base_exact, settled_satang, credited_satang
)
SELECT
    c.book_id, c.product_code, c.contract_id, 1, c.interest_from, c.interest_from, c.interest_from,
    0, 0, 365, 0, 0, 0, 0
FROM products.contract AS c
WHERE c.book_id = $1 AND c.contract_id = $2::uuid

-- touch_contract --
-- Decided on beside this: whoever read the contract before decides again.
UPDATE products.contract AS c
SET version = c.version + 1
WHERE c.book_id = $1 AND c.contract_id = $2 AND c.version = $3
