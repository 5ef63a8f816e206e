-- What takes effect with a new business date. $1 book, $2 the date that begins.

-- take_head_date --
SELECT h.business_date FROM ledger.book_head AS h WHERE h.book_id = $1 FOR UPDATE

-- due_thaws --
-- Accounts whose freeze had its last day. A closed one waits until it is opened again.
SELECT b.account_id
FROM ledger.balance AS b
WHERE b.book_id = $1 AND b.frozen_until < $2 AND b.state = 1
ORDER BY b.account_id

-- due_limits --
-- Plans in the order in which they take effect: of one date the one planned later wins.
SELECT p.account_id, p.planned_seq, p.balance_min, p.balance_max
FROM ledger.limit_plan AS p
INNER JOIN ledger.balance AS b ON b.book_id = p.book_id AND b.account_id = p.account_id
WHERE p.book_id = $1 AND p.effective_on <= $2 AND p.applied_seq IS NULL
    AND p.cancelled_seq IS NULL AND b.state = 1
ORDER BY p.effective_on, p.planned_seq

-- apply_plans --
-- Plan $3 of account $2, pair by pair.
UPDATE ledger.limit_plan AS p SET applied_seq = $4
FROM unnest($2::integer [], $3::bigint []) AS w (account_id, planned_seq)
WHERE p.book_id = $1 AND p.account_id = w.account_id AND p.planned_seq = w.planned_seq
