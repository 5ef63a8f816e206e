-- Finding journals: the follower's search rows, the tail that it has not reached, what is shown.

-- index --
INSERT INTO ledger.found_transfer (
    book_id, recorded_seq, line, debit_account, credit_account, amount_satang, kind, business_date,
    value_date, reference, actor, journal_id
)
SELECT t.book_id, t.recorded_seq, t.line, t.debit_account, t.credit_account, t.amount_satang, t.kind,
    t.business_date, t.value_date, t.reference, t.actor, t.journal_id
FROM ledger.transfer AS t
WHERE t.book_id = $1 AND t.recorded_seq > $2 AND t.recorded_seq <= $3
ORDER BY t.recorded_seq, t.line
ON CONFLICT DO NOTHING

-- tail --
-- Journals of the record itself numbered from $2 up to, not including, $3, at most $4, newest first.
SELECT DISTINCT f.recorded_seq, f.journal_id FROM ledger.transfer AS f
WHERE f.book_id = $1 AND f.recorded_seq >= $2 AND f.recorded_seq < $3 AND {matches}
ORDER BY f.recorded_seq DESC LIMIT $4

-- count_probe --
-- How many rows a condition has in run $2, counted to {cap}.
(SELECT count(*) FROM (
    SELECT FROM ledger.found_transfer AS f
    WHERE f.book_id = $1 AND f.run = $2::int AND {probe} LIMIT {cap}
) AS x)

-- sweep --
-- Of each run from $2 down to $3 where the leading condition has rows: how many (to a cap for each
-- of its probes), and what among them is everything that is asked. Numbers below $4, up to $5.
SELECT r.run, x.examined, coalesce(x.found, '{{}}') AS found
FROM generate_series($2::int, $3::int, -1) AS r (run)
CROSS JOIN LATERAL (
    SELECT count(*) AS examined,
        array_agg(DISTINCT f.recorded_seq ORDER BY f.recorded_seq DESC)
        FILTER (WHERE f.recorded_seq < $4 AND f.recorded_seq <= $5 AND {matches}) AS found
    FROM ({probes}) AS f
) AS x
WHERE x.examined > 0
ORDER BY r.run DESC

-- sweep_probe --
(SELECT * FROM ledger.found_transfer AS f
    WHERE f.book_id = $1 AND f.run = r.run AND {probe} LIMIT {cap})

-- piece --
-- What is asked among the numbers from $3 up to $4 of run $2, at most $5, newest first. The fence
-- keeps the planner from reading more than these numbers by another index.
SELECT DISTINCT f.recorded_seq FROM (
    SELECT * FROM ledger.found_transfer AS p
    WHERE p.book_id = $1 AND p.run = $2::int AND p.recorded_seq >= $3 AND p.recorded_seq <= $4
    ORDER BY p.recorded_seq DESC, p.line DESC OFFSET 0
) AS f
WHERE {matches}
ORDER BY f.recorded_seq DESC LIMIT $5

-- reached --
-- How far the search rows go, and what is recorded.
SELECT coalesce(c.cursor_seq, 0) AS indexed_to, h.recorded_seq AS head_seq
FROM ledger.book_head AS h
LEFT JOIN ledger.consumer AS c ON c.book_id = h.book_id AND c.name = 'find'
WHERE h.book_id = $1

-- kind --
SELECT k.kind FROM ledger.journal_kind AS k WHERE k.code = $1

-- accounts_of_party --
SELECT a.account_id FROM ledger.account AS a WHERE a.book_id = $1 AND a.party_id = $2

-- ids_of --
-- The journals with the numbers $2, from their search rows.
SELECT f.journal_id FROM unnest($2::bigint []) AS n (recorded_seq)
INNER JOIN ledger.found_transfer AS f
    ON f.book_id = $1 AND f.run = (n.recorded_seq / 262144)::int
    AND f.recorded_seq = n.recorded_seq AND f.line = 0

-- journals --
-- What is shown of the journals $2: the first $3 transfers of each, and how many it has.
SELECT t.recorded_seq, k.code AS kind, t.journal_id, t.business_date, t.value_date, t.actor,
    t.reference, t.narrative, t.reverses, t.hold_id, d.code AS debit, c.code AS credit,
    t.amount_satang, (
        SELECT e.line + 1 FROM ledger.transfer AS e
        WHERE e.book_id = t.book_id AND e.journal_id = t.journal_id
        ORDER BY e.line DESC LIMIT 1
    ) AS transfer_count
FROM ledger.transfer AS t
INNER JOIN ledger.journal_kind AS k ON k.kind = t.kind
INNER JOIN ledger.account AS d ON d.book_id = t.book_id AND d.account_id = t.debit_account
INNER JOIN ledger.account AS c ON c.book_id = t.book_id AND c.account_id = t.credit_account
WHERE t.book_id = $1 AND t.journal_id = ANY($2::uuid []) AND t.line < $3
ORDER BY t.recorded_seq DESC, t.line
