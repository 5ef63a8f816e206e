-- Manual journals: proposals that wait for a second person.

-- insert --
INSERT INTO ledger.manual_journal (book_id, journal_id, body, made_by, made_at, reason)
VALUES ($1, $2, $3, $4, $5, $6)

-- decide --
-- Posted or rejected, by the version that was read.
UPDATE ledger.manual_journal
SET state = $4, version = version + 1, decided_by = $5, decided_at = $6,
    reason = CASE WHEN $7::text = '' THEN reason ELSE $7 END
WHERE book_id = $1 AND journal_id = $2 AND version = $3

-- lock --
SELECT m.journal_id AS id, m.version
FROM ledger.manual_journal AS m
WHERE m.book_id = $1 AND m.journal_id = ANY($2::uuid [])
ORDER BY m.journal_id FOR NO KEY UPDATE SKIP LOCKED

-- get --
SELECT m.journal_id, m.version, m.state, m.body, m.made_by, m.made_at, m.decided_by, m.decided_at,
    m.reason
FROM ledger.manual_journal AS m
WHERE m.book_id = $1 AND m.journal_id = $2

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
