-- Limits of an account: what was planned, and which were in force on a date. $1 book, $2 account.

-- plan --
INSERT INTO ledger.limit_plan (
    book_id, account_id, planned_seq, effective_on, balance_min, balance_max
) VALUES ($1, $2, $3, $4, $5, $6)

-- cancel --
-- Unconditional: the guard of the table refuses a plan that was applied or cancelled meanwhile.
UPDATE ledger.limit_plan SET cancelled_seq = $4
WHERE book_id = $1 AND account_id = $2 AND planned_seq = $3

-- standing --
SELECT b.state, h.business_date
FROM ledger.balance AS b
INNER JOIN ledger.book_head AS h ON h.book_id = b.book_id
WHERE b.book_id = $1 AND b.account_id = $2

-- plans --
SELECT p.planned_seq, p.effective_on, p.balance_min, p.balance_max, p.applied_seq, p.cancelled_seq,
    e.actor AS planned_by, e.reason
FROM ledger.limit_plan AS p
INNER JOIN ledger.event AS e ON e.book_id = p.book_id AND e.recorded_seq = p.planned_seq
WHERE p.book_id = $1 AND p.account_id = $2
ORDER BY p.planned_seq

-- in_force --
-- $3 the date, $4 known at. The newest limits numbered before the date was cut off (11 opened,
-- 13 set); what the cut-off itself sets is numbered after it and belongs to the next date.
SELECT e.recorded_seq, e.body
FROM ledger.event AS e
WHERE e.book_id = $1 AND e.account_id = $2 AND e.kind IN (11, 13) AND e.recorded_seq <= $4
    AND e.recorded_seq <= coalesce(
        (SELECT d.cut_seq FROM ledger.day AS d WHERE d.book_id = $1 AND d.business_date = $3),
        $4
    )
ORDER BY e.recorded_seq DESC
LIMIT 1

-- date_at --
-- The business date that the book stood on after number $2.
SELECT coalesce(
    (
        SELECT max(d.business_date) + 1 FROM ledger.day AS d
        WHERE d.book_id = $1 AND d.cut_seq <= $2
    ),
    (SELECT k.opened_on FROM ledger.book AS k WHERE k.book_id = $1)
) AS business_date

-- planned --
-- The plan that decides on date $3 as known at $4, among those of dates after $5.
SELECT e.recorded_seq, e.body
FROM ledger.event AS e
WHERE e.book_id = $1 AND e.account_id = $2 AND e.kind = 15 AND e.recorded_seq <= $4
    AND (e.body::jsonb ->> 'effective_on')::date > $5
    AND (e.body::jsonb ->> 'effective_on')::date <= $3
    AND NOT EXISTS (
        SELECT FROM ledger.event AS c
        WHERE c.book_id = e.book_id AND c.account_id = e.account_id AND c.kind = 15
            AND c.recorded_seq <= $4 AND (c.body::jsonb ->> 'cancels')::bigint = e.recorded_seq
    )
ORDER BY (e.body::jsonb ->> 'effective_on')::date DESC, e.recorded_seq DESC
LIMIT 1
