-- Import of a history: where it stands, and the closing of its days. $1 is the book.

-- only_import --
-- Two-key advisory locks are a space of their own: 1320 an import's, then the book's code.
SELECT pg_try_advisory_lock(1320, hashtext($1))

-- end_import --
SELECT pg_advisory_unlock(1320, hashtext($1))

-- next_book --
SELECT coalesce(max(b.book_id), 0) + 1 AS book_id FROM ledger.book AS b

-- marks --
-- The notes that begin and end an import; they have one subject of their own.
SELECT e.kind, e.body FROM ledger.event AS e
WHERE e.book_id = $1 AND e.subject = $2 AND e.kind IN (41, 42)
ORDER BY e.recorded_seq

-- origins --
-- Who has posted in the book: origin 5 is an import.
SELECT
    EXISTS (SELECT FROM ledger.batch AS b WHERE b.book_id = $1) AS any_batch,
    EXISTS (SELECT FROM ledger.batch AS b WHERE b.book_id = $1 AND b.origin <> 5) AS others

-- account_numbers --
SELECT a.code, a.account_id FROM ledger.account AS a WHERE a.book_id = $1

-- party_numbers --
SELECT p.party_id FROM ledger.party AS p WHERE p.book_id = $1

-- totals --
-- The trial balance as it stands. An import has one date at a time: what stands is its close.
SELECT a.gl_code, sum(b.debits)::numeric(30, 0) AS debits, sum(b.credits)::numeric(30, 0) AS credits
FROM ledger.balance AS b
INNER JOIN ledger.account AS a ON a.book_id = b.book_id AND a.account_id = b.account_id
WHERE b.book_id = $1 AND b.debits + b.credits > 0
GROUP BY a.gl_code
ORDER BY a.gl_code

-- keep_snapshots --
-- Closing counters of the accounts that moved on $2: nothing but journals changes a counter in an
-- import, and a day's numbers begin after the cut of the day before.
INSERT INTO ledger.snapshot (book_id, account_id, business_date, debits, credits, batch_no)
SELECT b.book_id, b.account_id, $2, b.debits, b.credits, h.batch_no
FROM ledger.balance AS b
INNER JOIN ledger.book_head AS h ON h.book_id = b.book_id
WHERE b.book_id = $1 AND b.debits + b.credits > 0 AND b.changed_seq > coalesce((
    SELECT d.cut_seq FROM ledger.day AS d
    WHERE d.book_id = $1 AND d.business_date = $2::date - 1
), 0)

-- close_day --
UPDATE ledger.day AS d
SET state = 3, proven_seq = $3, proven_at = clock_timestamp()
WHERE d.book_id = $1 AND d.business_date = $2 AND d.state = 2
RETURNING d.proven_seq

-- keep_totals --
INSERT INTO ledger.day_total (book_id, business_date, gl_code, debits, credits)
SELECT $1, $2, t.gl_code, t.debits, t.credits
FROM unnest($3::text [], $4::numeric [], $5::numeric []) AS t (gl_code, debits, credits)

-- kept_balances --
-- What the control totals of a date say, credits less debits.
SELECT t.gl_code, (t.credits - t.debits)::numeric(30, 0) AS net
FROM ledger.day_total AS t
WHERE t.book_id = $1 AND t.business_date = $2 AND t.credits <> t.debits

-- count_again --
-- For the planner, which otherwise would take growing tables for the empty ones they were.
SELECT ledger.count_again()

-- counts --
SELECT coalesce(sum(b.journal_count), 0)::bigint AS journals,
    coalesce(sum(b.transfer_count), 0)::bigint AS transfers
FROM ledger.batch AS b WHERE b.book_id = $1 AND b.origin = 5
