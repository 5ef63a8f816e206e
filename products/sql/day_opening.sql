-- The first steps of a night. $1 book, $2 the night's business date.

-- due_holds --
-- Open holds that can no longer be captured.
SELECT h.hold_id, h.account_id, h.amount_satang
FROM ledger.hold AS h
WHERE h.book_id = $1 AND h.expires_on <= $2 AND h.state = 1
ORDER BY h.hold_id
LIMIT $3

-- lock_withdrawals --
-- Withdrawals still waiting (11 held, 12 approved) whose hold has the notice's own id. Waits.
SELECT n.notice_id, n.version, CASE n.status WHEN 11 THEN 'held' ELSE 'approved' END AS code
FROM products.notice AS n
WHERE n.book_id = $1 AND n.notice_id = ANY($2::uuid []) AND n.status IN (11, 12)
ORDER BY n.notice_id
FOR NO KEY UPDATE

-- expire_notice --
-- 23 = expired.
UPDATE products.notice AS n
SET status = 23, version = n.version + 1, changed_seq = $4
WHERE n.book_id = $1 AND n.notice_id = $2 AND n.version = $3

-- record_expiry --
-- One row for the whole step: what one transaction released is added to it.
INSERT INTO products.night_chunk (
    book_id, business_date, step, chunk, contracts, amount_satang
) VALUES ($1, $2, $3, 0, $4, $5)
ON CONFLICT (book_id, business_date, step, chunk) DO UPDATE
SET contracts = night_chunk.contracts + excluded.contracts,
    amount_satang = night_chunk.amount_satang + excluded.amount_satang,
    finished_at = clock_timestamp()

-- bearing_products --
-- Those whose contracts follow a sheet; the rate of a placement is its term's.
SELECT c.product_code, count(*)::integer AS contracts
FROM products.contract AS c
INNER JOIN products.product AS p ON p.book_id = c.book_id AND p.product_code = c.product_code
WHERE c.book_id = $1 AND c.interest_from <= $2 AND (c.closed_on IS NULL OR c.closed_on > $2)
    AND p.family <> 'fixed'
GROUP BY c.product_code
ORDER BY c.product_code

-- freeze_rate --
INSERT INTO products.day_rate (book_id, business_date, product_code, annual_rate_e8, sheet_id)
VALUES ($1, $2, $3, $4, $5)
