-- Tax withheld from interest paid: what certificates are made from. $1 book.

-- payments --
-- Payments of the dates $2 to $3 (of party $4), after the place ($5 party code, $6 date, $7 journal).
SELECT
    a.code AS party_code, a.party_id, a.name_th, a.name_en, w.holder, c.contract_no, c.product_code,
    w.paid_on, w.interest_satang, w.rate_e8, w.tax_satang, w.form, w.journal_id
FROM products.tax_withheld AS w
INNER JOIN products.contract AS c ON c.book_id = w.book_id AND c.contract_id = w.contract_id
INNER JOIN ledger.party AS a ON a.book_id = c.book_id AND a.party_id = c.party_id
WHERE w.book_id = $1 AND w.paid_on BETWEEN $2 AND $3
    AND ($4::integer IS NULL OR c.party_id = $4)
    AND (a.code, w.paid_on, w.journal_id) > ($5::text, $6::date, $7::uuid)
ORDER BY a.code, w.paid_on, w.journal_id
LIMIT $8

-- sums --
-- The same, summed: a line of a certificate. After the place ($5 party code, $6 family, $7 form,
-- $8 rate).
SELECT s.*
FROM (
    SELECT
        a.code AS party_code, a.party_id, a.name_th, a.name_en, w.holder, p.family, w.form,
        w.rate_e8, count(*) AS payments, min(w.paid_on) AS first_on, max(w.paid_on) AS last_on,
        sum(w.interest_satang)::bigint AS interest_satang, sum(w.tax_satang)::bigint AS tax_satang
    FROM products.tax_withheld AS w
    INNER JOIN products.contract AS c ON c.book_id = w.book_id AND c.contract_id = w.contract_id
    INNER JOIN products.product AS p
        ON p.book_id = c.book_id AND p.product_code = c.product_code
    INNER JOIN ledger.party AS a ON a.book_id = c.book_id AND a.party_id = c.party_id
    WHERE w.book_id = $1 AND w.paid_on BETWEEN $2 AND $3
        AND ($4::integer IS NULL OR c.party_id = $4)
    GROUP BY a.code, a.party_id, a.name_th, a.name_en, w.holder, p.family, w.form, w.rate_e8
) AS s
WHERE (s.party_code, s.family, s.form, s.rate_e8) > ($5::text, $6::text, $7::text, $8::bigint)
ORDER BY s.party_code, s.family, s.form, s.rate_e8
LIMIT $9
