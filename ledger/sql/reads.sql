-- Reads on the three dates. No statement here locks anything.

-- opening_balance --
-- Closing balance by business date of the day before $3: the last snapshot before it and what
-- moved since.
WITH last AS (
    SELECT s.business_date, s.credits - s.debits AS balance
    FROM ledger.snapshot AS s
    WHERE s.book_id = $1 AND s.account_id = $2 AND s.business_date < $3
    ORDER BY s.business_date DESC
    LIMIT 1
)
SELECT (
    coalesce((SELECT balance FROM last), 0) + coalesce((
        SELECT sum(m.credits - m.debits)
        FROM ledger.movement AS m
        WHERE m.book_id = $1 AND m.account_id = $2 AND m.business_date < $3
            AND m.business_date > coalesce((SELECT business_date FROM last), '-infinity')
    ), 0)
)::bigint AS balance

-- statement_lines --
-- Lines of account $2 after the cursor ($3 date, $4 seq, $5 line) up to date $6, at most $7.
-- Movements name the journals when they are few; otherwise the batch's own range is looked through.
WITH here AS (
    SELECT b.batch_no FROM ledger.batch AS b
    WHERE b.book_id = $1 AND b.last_seq >= $4 AND $4 > 0
    ORDER BY b.last_seq, b.batch_no LIMIT 1
), moved AS (
    (
        SELECT m.business_date, m.batch_no, m.seqs
        FROM ledger.movement AS m
        WHERE m.book_id = $1 AND m.account_id = $2 AND m.business_date <= $6
            AND (m.business_date, m.batch_no) > ($3, coalesce((SELECT batch_no FROM here), 0))
        -- Whole batches: value dates of one batch do not follow its numbers.
        ORDER BY m.business_date, m.batch_no
        FETCH FIRST ($7 + 1) ROWS WITH TIES
    )
    UNION ALL
    SELECT m.business_date, m.batch_no, m.seqs
    FROM ledger.movement AS m INNER JOIN here ON here.batch_no = m.batch_no
    WHERE m.book_id = $1 AND m.account_id = $2 AND m.business_date = $3
), named AS (
    SELECT unnest(moved.seqs) AS recorded_seq FROM moved WHERE moved.seqs IS NOT NULL
), found AS (
    SELECT t.* FROM named
    INNER JOIN ledger.transfer AS t ON t.book_id = $1 AND t.recorded_seq = named.recorded_seq
    UNION
    SELECT t.* FROM moved
    INNER JOIN ledger.batch AS b ON b.book_id = $1 AND b.batch_no = moved.batch_no
    INNER JOIN ledger.transfer AS t
        ON t.book_id = $1 AND t.recorded_seq BETWEEN b.first_seq AND b.last_seq
    WHERE moved.seqs IS NULL
)
SELECT f.recorded_seq, f.line, f.journal_id, k.code AS kind, f.business_date, f.value_date,
    CASE WHEN f.credit_account = $2 THEN f.amount_satang ELSE -f.amount_satang END AS amount_satang,
    c.code AS counter_account, f.reference, f.narrative, f.reverses, f.actor
FROM found AS f
INNER JOIN ledger.journal_kind AS k ON k.kind = f.kind
INNER JOIN ledger.account AS c
    ON c.book_id = $1
    AND c.account_id = CASE WHEN f.credit_account = $2 THEN f.debit_account ELSE f.credit_account END
WHERE (f.debit_account = $2 OR f.credit_account = $2)
    AND (f.business_date, f.recorded_seq, f.line) > ($3, $4, $5)
ORDER BY f.business_date, f.recorded_seq, f.line
LIMIT $7 + 1

-- sum_before_cursor --
-- What moved on the cursor's own business date up to and with the cursor's line: batches before the
-- cursor's by their movements, the cursor's own by its transfers.
WITH here AS (
    SELECT b.batch_no, b.first_seq FROM ledger.batch AS b
    WHERE b.book_id = $1 AND b.last_seq >= $4 ORDER BY b.last_seq, b.batch_no LIMIT 1
)
SELECT (
    coalesce((
        SELECT sum(m.credits - m.debits) FROM ledger.movement AS m
        WHERE m.book_id = $1 AND m.account_id = $2 AND m.business_date = $3
            AND (m.batch_no < (SELECT here.batch_no FROM here) OR NOT EXISTS (SELECT FROM here))
    ), 0) + coalesce((
        SELECT sum(
            CASE WHEN t.credit_account = $2 THEN t.amount_satang ELSE -t.amount_satang END
        )
        FROM here
        INNER JOIN ledger.transfer AS t
            ON t.book_id = $1 AND t.recorded_seq BETWEEN here.first_seq AND $4
        WHERE (t.recorded_seq, t.line) <= ($4, $5) AND t.business_date = $3
            AND (t.debit_account = $2 OR t.credit_account = $2)
    ), 0)
)::bigint AS amount

-- trial_balance --
-- Control totals of the last proven day on or before $2, and what moved after it up to $2.
WITH proven AS (
    SELECT max(d.business_date) AS business_date
    FROM ledger.day AS d WHERE d.book_id = $1 AND d.state = 3 AND d.business_date <= $2
), since AS (
    SELECT a.gl_code, sum(m.debits) AS debits, sum(m.credits) AS credits
    FROM ledger.movement AS m
    INNER JOIN ledger.account AS a ON a.book_id = m.book_id AND a.account_id = m.account_id
    WHERE m.book_id = $1 AND m.business_date <= $2
        AND m.business_date > coalesce((SELECT business_date FROM proven), '-infinity')
    GROUP BY a.gl_code
), closed AS (
    SELECT t.gl_code, t.debits, t.credits
    FROM ledger.day_total AS t
    INNER JOIN proven ON proven.business_date = t.business_date
    WHERE t.book_id = $1
)
SELECT g.gl_code, g.cad_code, g.name_th, g.name_en, sum(x.debits) AS debits,
    sum(x.credits) AS credits
FROM (SELECT * FROM since UNION ALL SELECT * FROM closed) AS x
INNER JOIN ledger.gl_account AS g ON g.book_id = $1 AND g.gl_code = x.gl_code
GROUP BY g.gl_code, g.cad_code, g.name_th, g.name_en
ORDER BY g.gl_code

-- feed_journals --
SELECT t.recorded_seq, k.code AS kind, t.journal_id, t.business_date, t.value_date, t.actor,
    t.reference, t.narrative, t.reverses, t.hold_id, b.batch_no, b.recorded_at,
    array_agg(d.code ORDER BY t.line) AS debit_accounts,
    array_agg(c.code ORDER BY t.line) AS credit_accounts,
    array_agg(t.amount_satang ORDER BY t.line) AS amounts
FROM ledger.transfer AS t
INNER JOIN ledger.journal_kind AS k ON k.kind = t.kind
INNER JOIN ledger.account AS d ON d.book_id = t.book_id AND d.account_id = t.debit_account
INNER JOIN ledger.account AS c ON c.book_id = t.book_id AND c.account_id = t.credit_account
INNER JOIN LATERAL (
    SELECT b.batch_no, b.recorded_at FROM ledger.batch AS b
    WHERE b.book_id = t.book_id AND b.last_seq >= t.recorded_seq
    ORDER BY b.last_seq, b.batch_no LIMIT 1
) AS b ON TRUE
WHERE t.book_id = $1 AND t.recorded_seq > $2 AND t.recorded_seq <= $3
GROUP BY t.recorded_seq, k.code, t.journal_id, t.business_date, t.value_date, t.actor,
    t.reference, t.narrative, t.reverses, t.hold_id, b.batch_no, b.recorded_at

-- feed_events --
SELECT e.recorded_seq, k.code AS kind, e.business_date, e.actor, e.reason, e.hold_id, e.subject,
    e.amount_satang, e.body, a.code AS account, b.batch_no, b.recorded_at
FROM ledger.event AS e
INNER JOIN ledger.event_kind AS k ON k.kind = e.kind
LEFT JOIN ledger.account AS a ON a.book_id = e.book_id AND a.account_id = e.account_id
INNER JOIN LATERAL (
    SELECT b.batch_no, b.recorded_at FROM ledger.batch AS b
    WHERE b.book_id = e.book_id AND b.last_seq >= e.recorded_seq
    -- A batch of refusals alone ends at the number of the batch before it.
    ORDER BY b.last_seq, b.batch_no LIMIT 1
) AS b ON TRUE
WHERE e.book_id = $1 AND e.recorded_seq > $2 AND e.recorded_seq <= $3

-- hold --
SELECT h.hold_id, a.code AS account, h.amount_satang, h.captured_satang, h.state, h.expires_on,
    h.reference, h.placed_seq, h.changed_seq
FROM ledger.hold AS h
INNER JOIN ledger.account AS a ON a.book_id = h.book_id AND a.account_id = h.account_id
WHERE h.book_id = $1 AND h.hold_id = $2

-- open_holds --
SELECT h.hold_id, a.code AS account, h.amount_satang, h.captured_satang, h.state, h.expires_on,
    h.reference, h.placed_seq, h.changed_seq
FROM ledger.hold AS h
INNER JOIN ledger.account AS a ON a.book_id = h.book_id AND a.account_id = h.account_id
WHERE h.book_id = $1 AND h.account_id = $2 AND h.state = 1
ORDER BY h.placed_seq

-- days --
SELECT business_date, state, cut_seq, cut_at, proven_seq, proven_at
FROM ledger.day WHERE book_id = $1 AND business_date BETWEEN $2 AND $3 ORDER BY business_date
