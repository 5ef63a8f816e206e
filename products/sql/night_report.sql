-- What a night did, told by product. $1 book, $2 business date.

-- interest_paid --
-- Interest of placements that was paid on the date, by the night or at a door, and its tax.
SELECT
    c.product_code, count(*) AS contracts, sum(w.interest_satang)::bigint AS amount_satang,
    sum(w.tax_satang)::bigint AS tax_satang
FROM products.tax_withheld AS w
INNER JOIN products.contract AS c ON c.book_id = w.book_id AND c.contract_id = w.contract_id
WHERE w.book_id = $1 AND w.paid_on = $2
GROUP BY c.product_code

-- matured --
-- Terms that ended on the date: the principal that begins another, goes back, or waits. A placement
-- that was ended early was closed before.
SELECT
    m.product_code, m.outcome, count(*) AS contracts,
    sum(m.principal_satang)::bigint AS amount_satang
FROM (
    SELECT
        c.product_code, coalesce(n.principal_satang, t.principal_satang) AS principal_satang,
        CASE
            WHEN n.term_no IS NOT NULL THEN 'rolled'
            WHEN c.matured_on = $2 THEN 'waiting'
            WHEN c.closed_on = $2 THEN 'paid_out'
        END AS outcome
    FROM products.coupon AS k
    INNER JOIN products.contract AS c ON c.book_id = k.book_id AND c.contract_id = k.contract_id
    INNER JOIN products.term AS t
        ON t.book_id = k.book_id AND t.contract_id = k.contract_id AND t.term_no = k.term_no
    LEFT JOIN products.term AS n
        ON n.book_id = k.book_id AND n.contract_id = k.contract_id AND n.begins_on = $2
    WHERE k.book_id = $1 AND k.pays_on = $2 AND k.is_last
) AS m
WHERE m.outcome IS NOT NULL
GROUP BY m.product_code, m.outcome

-- ended_early --
SELECT c.product_code, count(*) AS contracts, sum(t.principal_satang)::bigint AS amount_satang
FROM products.early_end AS e
INNER JOIN products.contract AS c ON c.book_id = e.book_id AND c.contract_id = e.contract_id
INNER JOIN products.term AS t
    ON t.book_id = e.book_id AND t.contract_id = e.contract_id AND t.term_no = e.term_no
WHERE e.book_id = $1 AND e.decided_on = $2 AND e.state = 2
GROUP BY c.product_code

-- names --
SELECT c.contract_id, c.contract_no, c.product_code
FROM products.contract AS c
WHERE c.book_id = $1 AND c.contract_id = ANY($2::uuid [])
