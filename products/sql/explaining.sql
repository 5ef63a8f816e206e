-- What one contract's interest of one date is told from. $1 book.

-- days --
-- $2 the date: how far it has come, how far nights have, and where the book stands.
SELECT
    h.business_date, d.state,
    (
        SELECT max(p.business_date) FROM ledger.day AS p
        WHERE p.book_id = h.book_id AND p.state = 3
    ) AS proven_to
FROM ledger.book_head AS h
LEFT JOIN ledger.day AS d ON d.book_id = h.book_id AND d.business_date = $2
WHERE h.book_id = $1

-- legs --
SELECT l.leg, l.bears_from, products.leg_accrued_to(l) AS accrued_to
FROM products.interest_leg AS l
WHERE l.book_id = $1 AND l.product_code = $2 AND l.contract_id = $3
ORDER BY l.leg

-- telling_spans --
-- The span of contract $2 that told of date $4 as each night knew it, from the date's own night up
-- to $5 (NULL = now). $3 its account: a closing writes the first span of its business date.
SELECT DISTINCT ON (k.leg, greatest(k.made_on, $4::date))
    k.leg, k.span_no, k.from_date, k.made_on, k.balance_satang, k.annual_rate_e8, k.year_days,
    k.slope_exact, k.base_exact, k.place <= coalesce(c.closings, 0) AS by_closing
FROM (
    SELECT p.*, row_number() OVER (PARTITION BY p.leg, p.made_on ORDER BY p.span_no) AS place
    FROM products.interest_span AS p
    WHERE p.book_id = $1 AND p.contract_id = $2
) AS k
LEFT JOIN (
    SELECT e.business_date, count(*) AS closings
    FROM ledger.event AS e
    WHERE e.book_id = $1 AND e.account_id = $3 AND e.kind = 14
    GROUP BY e.business_date
) AS c ON c.business_date = k.made_on
WHERE k.from_date <= $4 AND ($5::date IS NULL OR k.made_on <= $5)
ORDER BY k.leg, greatest(k.made_on, $4::date), k.span_no DESC

-- reopened_on --
-- The business date on which the closing of account $2 on $3 was undone, as known on $4 (NULL = now):
-- the next reopening after the last closing of that date. None while it stands.
SELECT o.business_date
FROM ledger.event AS o
WHERE o.book_id = $1 AND o.account_id = $2 AND o.kind = 16
    AND ($4::date IS NULL OR o.business_date <= $4)
    AND o.recorded_seq > (
        SELECT max(e.recorded_seq) FROM ledger.event AS e
        WHERE e.book_id = $1 AND e.account_id = $2 AND e.kind = 14 AND e.business_date = $3
    )
ORDER BY o.recorded_seq
LIMIT 1
