-- What a placement was on a date. $1 book, $2 contract.

-- term_of_date --
-- The term and the coupon that hold the date $3.
SELECT
    t.term_no, t.begins_on, t.nominal_on, t.matures_on, t.principal_satang, t.annual_rate_e8,
    t.sheet_id, k.coupon_no, k.from_date, k.pays_on, k.is_last,
    (
        SELECT count(*) FROM products.coupon AS o
        WHERE o.book_id = t.book_id AND o.contract_id = t.contract_id AND o.term_no = t.term_no
    ) AS coupons
FROM products.term AS t
INNER JOIN products.coupon AS k
    ON k.book_id = t.book_id AND k.contract_id = t.contract_id AND k.term_no = t.term_no
WHERE t.book_id = $1 AND t.contract_id = $2 AND t.begins_on <= $3 AND t.matures_on > $3
    AND k.from_date <= $3 AND k.pays_on > $3

-- opening_note --
-- The note with which it was opened or brought along.
SELECT e.recorded_seq, e.business_date, e.actor, e.body
FROM ledger.event AS e
WHERE e.book_id = $1 AND e.subject = $2 AND e.kind = 151
ORDER BY e.recorded_seq
LIMIT 1

-- payments --
-- Interest paid (below zero: clawed back) on $3, or for the coupon whose last date is $4, as known on
-- $5 (NULL = now); the account that took what tax did not.
SELECT
    p.made_on, p.period_end, p.amount_satang, p.journal_id, x.holder, x.tax_satang,
    (
        SELECT min(a.code)
        FROM ledger.transfer AS t
        INNER JOIN ledger.account AS a
            ON a.book_id = t.book_id AND a.account_id = t.credit_account
        WHERE t.book_id = p.book_id AND t.journal_id = p.journal_id
            AND t.credit_account <> o.tax_account
    ) AS paid_to
FROM products.capitalisation AS p
INNER JOIN products.contract AS c ON c.book_id = p.book_id AND c.contract_id = p.contract_id
INNER JOIN products.placement_product AS o
    ON o.book_id = c.book_id AND o.product_code = c.product_code
LEFT JOIN products.tax_withheld AS x ON x.book_id = p.book_id AND x.journal_id = p.journal_id
WHERE p.book_id = $1 AND p.contract_id = $2 AND (p.made_on = $3 OR p.period_end = $4)
    AND ($5::date IS NULL OR p.made_on <= $5)
ORDER BY p.made_on, p.period_end

-- early_end --
-- How it was withdrawn early, where it was, as known on $3 (NULL = now).
SELECT
    x.decided_on AS ended_on, x.term_no, x.rule_from_months, x.earned_satang, x.paid_satang,
    x.proposed_by, x.decided_by
FROM products.early_end AS x
WHERE x.book_id = $1 AND x.contract_id = $2 AND x.state = 2
    AND ($3::date IS NULL OR x.decided_on <= $3)
