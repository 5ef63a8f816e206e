-- Products: written once, read by every night.

-- create_product --
INSERT INTO products.product (
    book_id, product_code, family, name_th, name_en, day_count, rounding, capitalisation_days,
    gl_deposits, expense_account, payable_account, slab_rule, minimum_satang
) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)

-- products_of_book --
SELECT
    p.book_id, p.product_code, p.family, p.name_th, p.name_en, p.day_count, p.rounding,
    p.capitalisation_days, p.gl_deposits, p.expense_account, p.payable_account,
    p.slab_rule, p.minimum_satang
FROM products.product AS p
WHERE p.book_id = $1
ORDER BY p.product_code

-- contract_accounts --
-- Those of the accounts $2 that a contract stands on, open or closed.
SELECT DISTINCT c.account_id FROM products.contract AS c
WHERE c.book_id = $1 AND c.account_id = ANY($2::int [])

-- placement_accounts --
-- Accounts of placements, open or closed; $2 = only among these, NULL = all.
SELECT c.account_id
FROM products.contract AS c
INNER JOIN products.product AS p ON p.book_id = c.book_id AND p.product_code = c.product_code
WHERE c.book_id = $1 AND p.family = 'fixed' AND ($2::int [] IS NULL OR c.account_id = ANY($2))
