-- Early withdrawals: proposed by one person, done or rejected by another. $1 book.

-- lock_early_ends --
-- Rows that a unit was decided on: one order for everyone, and nobody waits.
SELECT e.early_end_id AS id, e.version
FROM products.early_end AS e
WHERE e.book_id = $1 AND e.early_end_id = ANY($2::uuid [])
ORDER BY e.early_end_id
FOR NO KEY UPDATE SKIP LOCKED

-- propose --
INSERT INTO products.early_end (
    book_id, early_end_id, contract_id, term_no, reason, proposed_by, proposed_on
) VALUES ($1, $2, $3, $4, $5, $6, $7)

-- decide --
-- $4 state; $8 to $10 what it came to, when it is done.
UPDATE products.early_end AS e
SET state = $4, decided_by = $5, decided_on = $6, remark = $7, rule_from_months = $8,
    earned_satang = $9, paid_satang = $10, version = e.version + 1
WHERE e.book_id = $1 AND e.early_end_id = $2 AND e.version = $3
