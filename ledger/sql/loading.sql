-- lock_run --
-- One loader a run: held by its session until it ends, however it ends.
SELECT pg_try_advisory_lock(hashtextextended('ledger.posting_run/' || $1::int || '/' || $2::uuid, 0));

-- unlock_run --
-- Let go of a run.
SELECT pg_advisory_unlock(hashtextextended('ledger.posting_run/' || $1::int || '/' || $2::uuid, 0));

-- begin_run --
-- Enter a run; nothing when it is known.
INSERT INTO ledger.posting_run (book_id, run_id, name, actor, options, result)
VALUES ($1, $2, $3, $4, $5, $6)
ON CONFLICT DO NOTHING;

-- read_run --
-- How far a run has come.
SELECT name, actor, options, result, state, bytes_done, result_bytes, lines_done,
    posted, replayed, refused, malformed, begun_at, moved_at
FROM ledger.posting_run
WHERE book_id = $1 AND run_id = $2;

-- move_run --
-- Move a run on from where this loader knows it to be; nothing when it stands elsewhere.
UPDATE ledger.posting_run AS r
SET bytes_done = $4, result_bytes = $5, lines_done = $6, posted = $7, replayed = $8, refused = $9,
    malformed = $10, state = $11, result = $12, moved_at = clock_timestamp()
WHERE r.book_id = $1 AND r.run_id = $2 AND r.lines_done = $3 AND r.state = 1
RETURNING r.lines_done;

-- account_numbers --
-- Every account of a book by its code.
SELECT a.code, a.account_id FROM ledger.account AS a WHERE a.book_id = $1;

-- numbers_of_codes --
-- Some accounts of a book by their codes.
SELECT a.code, a.account_id FROM ledger.account AS a
WHERE a.book_id = $1 AND a.code = ANY ($2::text []);
