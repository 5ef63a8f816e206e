-- Cut-over: the few rows that only it writes, and what it proves before it commits. $1 is the book.

-- only_cut_over --
-- Held to the end of the transaction; 1321, then the book's code.
SELECT pg_try_advisory_xact_lock(1321, hashtext($1))

-- count_again --
-- The planner has counted empty tables: left alone, it would read them whole, batch after batch.
SELECT ledger.count_again()

-- loaded --
-- The note that a book's cut-over left, if it has been loaded.
SELECT e.body FROM ledger.event AS e
WHERE e.book_id = $1 AND e.subject = $2 AND e.kind = 132

-- standing --
-- Every account of an imported book, with its balance.
SELECT a.code, a.account_id, a.gl_code, a.party_id, (b.credits - b.debits) AS balance
FROM ledger.account AS a
INNER JOIN ledger.balance AS b ON b.book_id = a.book_id AND b.account_id = a.account_id
WHERE a.book_id = $1

-- members --
SELECT p.party_id FROM ledger.party AS p WHERE p.book_id = $1

-- draft_sheet --
INSERT INTO pricing.rate_sheet (
    book_id, sheet_id, product_code, effective_from, annual_rate_e8, state, made_by, made_at
) VALUES ($1, $2, $3, $4, $5, 1, $6, clock_timestamp())

-- draft_lines --
-- The lines of sheet $2: bounds $3 and rates $4, in order.
INSERT INTO pricing.rate_line (book_id, sheet_id, slab_from_satang, annual_rate_e8)
SELECT $1, $2, t.slab_from_satang, t.annual_rate_e8
FROM unnest($3::bigint [], $4::bigint []) AS t (slab_from_satang, annual_rate_e8)

-- approve_sheet --
UPDATE pricing.rate_sheet AS r
SET state = 2, approved_by = $3, approved_on = $4, approved_at = clock_timestamp()
WHERE r.book_id = $1 AND r.sheet_id = $2

-- take_contract --
-- $7 is the first date that bears interest here. A contract is as old in this book as its account.
INSERT INTO products.contract (
    book_id, contract_id, contract_no, product_code, party_id, account_id, opened_on, interest_from
)
SELECT $1, $2, $3, $4, $5, a.account_id, a.opened_on, $7
FROM ledger.account AS a
WHERE a.book_id = $1 AND a.account_id = $6

-- bring_interest --
-- $3 accrued to, $4 exact: what the old system has accrued and not credited begins the period.
INSERT INTO products.interest_leg (
    book_id, product_code, contract_id, leg, bears_from, period_start, since, balance_satang,
    annual_rate_e8, year_days, slope_exact, base_exact, settled_satang, credited_satang
)
SELECT
    c.book_id, c.product_code, c.contract_id, 1, $3::date + 1, $3::date + 1, $3::date + 1,
    0, 0, 365, 0, $4, 0, 0
FROM products.contract AS c
WHERE c.book_id = $1 AND c.contract_id = $2

-- balances_by_code --
-- What the ledger says by GL code, credits less debits.
SELECT a.gl_code, sum(b.credits - b.debits)::numeric(30, 0) AS net
FROM ledger.balance AS b
INNER JOIN ledger.account AS a ON a.book_id = b.book_id AND a.account_id = b.account_id
WHERE b.book_id = $1
GROUP BY a.gl_code
HAVING sum(b.credits - b.debits) <> 0

-- interest_by_account --
-- Accrued payable accounts that are not the sum of what their contracts brought along.
SELECT a.code, coalesce(sum(k.owed), 0)::bigint AS owed, (b.credits - b.debits) AS ledger
FROM products.product AS p
INNER JOIN ledger.account AS a ON a.book_id = p.book_id AND a.account_id = p.payable_account
INNER JOIN ledger.balance AS b ON b.book_id = a.book_id AND b.account_id = a.account_id
LEFT JOIN LATERAL (
    SELECT sum(
        products.leg_accrued(l, l.since - 1, p.rounding) - l.credited_satang
    ) AS owed
    FROM products.interest_leg AS l
    WHERE l.book_id = p.book_id AND l.product_code = p.product_code
) AS k ON TRUE
WHERE p.book_id = $1
GROUP BY a.code, b.credits, b.debits
HAVING coalesce(sum(k.owed), 0) <> b.credits - b.debits

-- held_otherwise --
-- Accounts whose held amount is not that of their open holds.
SELECT count(*) FROM ledger.balance AS b
LEFT JOIN (
    SELECT h.account_id, sum(h.amount_satang) AS open
    FROM ledger.hold AS h
    WHERE h.book_id = $1 AND h.state = 1
    GROUP BY h.account_id
) AS k ON k.account_id = b.account_id
WHERE b.book_id = $1 AND b.held <> coalesce(k.open, 0)
