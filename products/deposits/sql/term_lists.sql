-- The terms of a placement. $1 book, $2 contract.

-- terms --
SELECT
    t.term_no, t.begins_on, t.matures_on, t.principal_satang, t.annual_rate_e8, t.sheet_id
FROM products.term AS t
WHERE t.book_id = $1 AND t.contract_id = $2
ORDER BY t.term_no
