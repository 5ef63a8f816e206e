-- The feed and its followers. Nothing here locks but a consumer's own row.

-- batches --
-- The batches that gave out the numbers after $2 up to $3. One of refusals alone gave out none.
SELECT b.batch_no, b.business_date, b.first_seq, b.last_seq, b.recorded_at
FROM ledger.batch AS b
WHERE b.book_id = $1 AND b.last_seq > $2 AND b.last_seq >= b.first_seq
    AND b.last_seq <= (
        SELECT e.last_seq FROM ledger.batch AS e
        WHERE e.book_id = $1 AND e.last_seq >= $3
        ORDER BY e.last_seq LIMIT 1
    )
ORDER BY b.first_seq

-- transfers --
-- Of journals after $2 up to $3, in order; at most $4 of them, NULL = all.
SELECT t.recorded_seq, k.code AS kind, t.journal_id, t.business_date, t.value_date, t.actor,
    t.reference, t.narrative, t.reverses, t.hold_id, t.debit_account, t.credit_account,
    t.amount_satang
FROM ledger.transfer AS t
INNER JOIN ledger.journal_kind AS k ON k.kind = t.kind
WHERE t.book_id = $1 AND t.recorded_seq > $2 AND t.recorded_seq <= $3
ORDER BY t.recorded_seq, t.line
LIMIT $4

-- events --
SELECT e.recorded_seq, k.code AS kind, e.business_date, e.actor, e.reason, e.hold_id, e.subject,
    e.amount_satang, e.body, a.code AS account
FROM ledger.event AS e
INNER JOIN ledger.event_kind AS k ON k.kind = e.kind
LEFT JOIN ledger.account AS a ON a.book_id = e.book_id AND a.account_id = e.account_id
WHERE e.book_id = $1 AND e.recorded_seq > $2 AND e.recorded_seq <= $3
ORDER BY e.recorded_seq

-- account_codes --
SELECT a.account_id, a.code FROM ledger.account AS a
WHERE a.book_id = $1 AND a.account_id = ANY($2::int [])

-- moved --
-- What batches did to accounts, and their counters afterwards; a row a value date.
SELECT m.account_id, m.batch_no, m.debits, m.credits, m.debits_after, m.credits_after, m.journals
FROM unnest($2::int [], $3::bigint [], $4::date []) AS p (account_id, batch_no, business_date)
INNER JOIN ledger.movement AS m
    ON m.book_id = $1 AND m.account_id = p.account_id
    AND m.business_date = p.business_date AND m.batch_no = p.batch_no

-- moved_between --
-- What journals numbered after $5 up to $6 did to accounts: those named one by one ($2 account,
-- $3 journal), and for the accounts $4 all of them.
SELECT x.account_id, sum(x.debits)::bigint AS debits, sum(x.credits)::bigint AS credits
FROM (
    SELECT n.account_id,
        CASE WHEN t.debit_account = n.account_id THEN t.amount_satang ELSE 0 END AS debits,
        CASE WHEN t.credit_account = n.account_id THEN t.amount_satang ELSE 0 END AS credits
    FROM unnest($2::int [], $3::uuid []) AS n (account_id, journal_id)
    INNER JOIN ledger.transfer AS t ON t.book_id = $1 AND t.journal_id = n.journal_id
    WHERE n.account_id IN (t.debit_account, t.credit_account)
        AND t.recorded_seq > $5 AND t.recorded_seq <= $6
    UNION ALL
    SELECT w.account_id, s.debits, s.credits
    FROM ledger.transfer AS t
    CROSS JOIN LATERAL (
        VALUES (t.debit_account, t.amount_satang, 0), (t.credit_account, 0, t.amount_satang)
    ) AS s (account_id, debits, credits)
    INNER JOIN unnest($4::int []) AS w (account_id) ON w.account_id = s.account_id
    WHERE cardinality($4::int []) > 0
        AND t.book_id = $1 AND t.recorded_seq > $5 AND t.recorded_seq <= $6
) AS x
GROUP BY x.account_id

-- summarize --
-- Outside any transaction; what is added to the record is found without it too, only slower.
SELECT ledger.summarize_numbers()

-- look_at_consumer --
SELECT c.cursor_seq, h.recorded_seq AS head_seq
FROM ledger.consumer AS c
INNER JOIN ledger.book_head AS h ON h.book_id = c.book_id
WHERE c.book_id = $1 AND c.name = $2

-- take_consumer --
-- Locked until the end of the transaction; no row when another has it.
SELECT c.cursor_seq, h.recorded_seq AS head_seq
FROM ledger.consumer AS c
INNER JOIN ledger.book_head AS h ON h.book_id = c.book_id
WHERE c.book_id = $1 AND c.name = $2
FOR UPDATE OF c SKIP LOCKED

-- add_consumer --
INSERT INTO ledger.consumer (book_id, name) VALUES ($1, $2) ON CONFLICT DO NOTHING

-- move_consumer --
UPDATE ledger.consumer SET cursor_seq = $3, moved_at = clock_timestamp()
WHERE book_id = $1 AND name = $2

-- lock_consumer --
SELECT c.cursor_seq FROM ledger.consumer AS c WHERE c.book_id = $1 AND c.name = $2 FOR UPDATE

-- trace_rewind --
INSERT INTO ledger.consumer_rewind (book_id, name, from_seq, to_seq, actor, reason)
VALUES ($1, $2, $3, $4, $5, $6)

-- consumers --
SELECT c.name, c.cursor_seq, h.recorded_seq AS head_seq, c.moved_at
FROM ledger.consumer AS c
INNER JOIN ledger.book_head AS h ON h.book_id = c.book_id
WHERE c.book_id = $1
ORDER BY c.name
