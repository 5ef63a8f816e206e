-- What products of a term offer, the calendar, and the table of withholding tax. $1 book.

-- insert_offer --
INSERT INTO products.placement_product (
    book_id, product_code, months, coupon_months, principal_min_satang, principal_max_satang,
    due_rule, tax_account, savings_product
) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)

-- insert_early_rule --
INSERT INTO products.early_rule (
    book_id, product_code, from_months, to_months, source, part_percent, penalty_e8
) VALUES ($1, $2, $3, $4, $5, $6, $7)

-- offers --
SELECT
    o.product_code, o.months, o.coupon_months, o.principal_min_satang, o.principal_max_satang,
    o.due_rule, o.tax_account, o.savings_product
FROM products.placement_product AS o
WHERE o.book_id = $1
ORDER BY o.product_code

-- early_rules --
SELECT r.product_code, r.from_months, r.to_months, r.source, r.part_percent, r.penalty_e8
FROM products.early_rule AS r
WHERE r.book_id = $1
ORDER BY r.product_code, r.from_months

-- insert_holiday --
-- Its announcement is dated by the guard.
INSERT INTO products.holiday (book_id, on_date, name_th, name_en, announced_on)
SELECT h.book_id, $2, $3, $4, h.business_date FROM ledger.book_head AS h WHERE h.book_id = $1

-- holidays --
-- Those announced by the date $2.
SELECT h.on_date
FROM products.holiday AS h
WHERE h.book_id = $1 AND h.announced_on <= $2

-- holidays_between --
SELECT h.on_date, h.name_th, h.name_en, h.announced_on
FROM products.holiday AS h
WHERE h.book_id = $1 AND h.on_date BETWEEN $2 AND $3
ORDER BY h.on_date
LIMIT $4::integer

-- insert_tax_rate --
INSERT INTO products.tax_rate (
    book_id, holder, family, from_date, rate_e8, form, made_by, approved_by
) VALUES ($1, $2, $3, $4, $5, $6, $7, $8)

-- tax_rates --
SELECT t.holder, t.family, t.from_date, t.rate_e8, t.form, t.made_by, t.approved_by
FROM products.tax_rate AS t
WHERE t.book_id = $1
ORDER BY t.holder, t.family, t.from_date
