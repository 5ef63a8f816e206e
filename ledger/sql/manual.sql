-- Manual journals: proposals that wait for a second person.

-- insert --
INSERT INTO ledger.manual_journal (book_id, journal_id, body, made_by, made_at, reason)
VALUES ($1, $2, $3, $4, $5, $6)

-- decide --
-- Posted or rejected, by the version that was read; for all units of a batch at once.
UPDATE ledger.manual_journal AS m
SET state = t.state, version = m.version + 1, decided_by = t.decided_by, decided_at = t.decided_at,
    reason = CASE WHEN t.reason = '' THEN m.reason ELSE t.reason END
FROM unnest(
    $2::text::uuid [], $3::text::int [], $4::text::smallint [], $5::text [],
    $6::text::timestamptz [], $7::text []
) AS t (journal_id, version, state, decided_by, decided_at, reason)
-- The keys are named beside being joined: rows are found by them whatever the server has counted.
WHERE m.book_id = $1 AND m.journal_id = ANY((SELECT $2::text::uuid [])::uuid [])
    AND m.journal_id = t.journal_id AND m.version = t.version

-- lock --
SELECT m.journal_id AS id, m.version
FROM ledger.manual_journal AS m
WHERE m.book_id = $1 AND m.journal_id = ANY($2::uuid [])
ORDER BY m.journal_id FOR NO KEY UPDATE SKIP LOCKED

-- get --
SELECT m.journal_id, m.version, m.state, m.body, m.made_by, m.made_at, m.decided_by, m.decided_at,
    m.reason
FROM ledger.manual_journal AS m
WHERE m.book_id = $1 AND m.journal_id = ANY($2::uuid [])

-- page --
-- In the order in which they were made; $2 and $3 = where the last page ended, $4 NULL = any state.
SELECT m.journal_id, m.version, m.state, m.body, m.made_by, m.made_at, m.decided_by, m.decided_at,
    m.reason
FROM ledger.manual_journal AS m
WHERE m.book_id = $1 AND (m.made_at, m.journal_id) > ($2, $3)
    AND ($4::smallint IS NULL OR m.state = $4)
ORDER BY m.made_at, m.journal_id LIMIT $5

-- account_codes --
SELECT a.account_id, a.code FROM ledger.account AS a
WHERE a.book_id = $1 AND a.account_id = ANY($2::int [])
