-- What special savings ask of first deposits and withdrawals. $1 book.

-- insert_terms --
INSERT INTO products.savings_terms (
    book_id, product_code, opening_min_satang, withdrawal_min_satang, free_withdrawals, fee_satang,
    fee_account
) VALUES ($1, $2, $3, $4, $5, $6, $7)

-- terms --
SELECT
    t.product_code, t.opening_min_satang, t.withdrawal_min_satang, t.free_withdrawals, t.fee_satang,
    t.fee_account
FROM products.savings_terms AS t
WHERE t.book_id = $1

-- charges --
-- Of the notices $2 those whose product charges: how many payment notes their account has in the
-- month of the business date. No event of that month was recorded before the cut of the month before.
SELECT
    n.notice_id, n.contract_id, c.version, t.free_withdrawals, t.fee_satang, t.fee_account, h.business_date,
    (
        SELECT count(*) FROM ledger.event AS e
        WHERE e.book_id = c.book_id AND e.account_id = c.account_id AND e.kind = 113
            AND e.recorded_seq > coalesce((
                SELECT d.cut_seq FROM ledger.day AS d
                WHERE d.book_id = c.book_id
                    AND d.business_date = date_trunc('month', h.business_date)::date - 1
            ), 0)
            AND e.business_date >= date_trunc('month', h.business_date)::date
    )::integer AS paid
FROM products.notice AS n
INNER JOIN products.contract AS c ON c.book_id = n.book_id AND c.contract_id = n.contract_id
INNER JOIN products.savings_terms AS t
    ON t.book_id = c.book_id AND t.product_code = c.product_code
INNER JOIN ledger.book_head AS h ON h.book_id = n.book_id
WHERE n.book_id = $1 AND n.notice_id = ANY($2::uuid []) AND t.fee_account IS NOT NULL

-- never_funded --
-- Of the contracts $2 those to which nothing was credited, and no deposit is announced or posted.
SELECT c.contract_id
FROM products.contract AS c
INNER JOIN ledger.balance AS b ON b.book_id = c.book_id AND b.account_id = c.account_id
WHERE c.book_id = $1 AND c.contract_id = ANY($2::uuid []) AND b.credits = 0
    AND NOT EXISTS (
        SELECT FROM products.notice AS n
        WHERE n.book_id = c.book_id AND n.contract_id = c.contract_id AND n.kind = 1
            AND n.status IN (1, 2, 3)
    )

-- insert_fee --
INSERT INTO products.withdrawal_fee (
    book_id, notice_id, contract_id, paid_on, place, amount_satang, journal_id
) VALUES ($1, $2, $3, $4::date, $5, $6, $7)
