-- Reads on the three dates. No statement here locks anything.

-- statement_lines --
-- Lines of account $2 after the cursor ($3 axis date, $4 seq, $5 line) up to axis date $6, at most
-- $7, by value date when $8, known at $9: batches up to $10, transfers of the cut batch from $11.
-- Movements name the journals when they are few; otherwise the batch's own range is looked through.
WITH here AS (
    SELECT b.batch_no, b.business_date FROM ledger.batch AS b
    WHERE b.book_id = $1 AND b.last_seq >= $4 AND $4 > 0
    ORDER BY b.last_seq, b.batch_no LIMIT 1
), moved AS (
    -- Whole batches each time: value dates of one batch do not follow its numbers.
    (
        SELECT m.batch_no, m.seqs FROM ledger.movement AS m
        WHERE NOT $8 AND m.book_id = $1 AND m.account_id = $2 AND m.business_date <= $6
            AND m.batch_no <= $10
            AND (m.business_date, m.batch_no) > ($3, coalesce((SELECT batch_no FROM here), 0))
        ORDER BY m.business_date, m.batch_no
        FETCH FIRST ($7 + 1) ROWS WITH TIES
    )
    UNION ALL
    (
        SELECT m.batch_no, m.seqs FROM ledger.movement AS m
        WHERE $8 AND m.book_id = $1 AND m.account_id = $2 AND m.business_date <= $6
            AND m.batch_no <= $10 AND m.value_date = m.business_date
            AND (m.business_date, m.batch_no) > ($3, coalesce((SELECT batch_no FROM here), 0))
        ORDER BY m.business_date, m.batch_no
        FETCH FIRST ($7 + 1) ROWS WITH TIES
    )
    UNION ALL
    (
        SELECT m.batch_no, m.seqs FROM ledger.movement AS m
        WHERE $8 AND m.book_id = $1 AND m.account_id = $2 AND m.value_date <= $6
            AND m.batch_no <= $10 AND m.value_date < m.business_date AND m.value_date >= $3
            AND (m.value_date, m.batch_no) > ($3, coalesce((SELECT batch_no FROM here), 0))
        ORDER BY m.value_date, m.batch_no
        FETCH FIRST ($7 + 1) ROWS WITH TIES
    )
    UNION ALL
    SELECT m.batch_no, m.seqs FROM here
    INNER JOIN ledger.movement AS m
        ON m.book_id = $1 AND m.account_id = $2 AND m.business_date = here.business_date
        AND m.batch_no = here.batch_no
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
    UNION
    SELECT t.* FROM ledger.transfer AS t
    WHERE t.book_id = $1 AND t.recorded_seq BETWEEN $11 AND $9
), dated AS (
    SELECT found.*, CASE WHEN $8 THEN found.value_date ELSE found.business_date END AS axis_date
    FROM found
    WHERE (found.debit_account = $2 OR found.credit_account = $2) AND found.recorded_seq <= $9
)
SELECT f.recorded_seq, f.line, f.journal_id, k.code AS kind, f.business_date, f.value_date,
    CASE WHEN f.credit_account = $2 THEN f.amount_satang ELSE -f.amount_satang END AS amount_satang,
    c.code AS counter_account, f.reference, f.narrative, f.reverses, f.adjusts, f.forced, f.actor
FROM dated AS f
INNER JOIN ledger.journal_kind AS k ON k.kind = f.kind
INNER JOIN ledger.account AS c
    ON c.book_id = $1
    AND c.account_id = CASE WHEN f.credit_account = $2 THEN f.debit_account ELSE f.credit_account END
WHERE f.axis_date <= $6 AND (f.axis_date, f.recorded_seq, f.line) > ($3, $4, $5)
ORDER BY f.axis_date, f.recorded_seq, f.line
LIMIT $7 + 1

-- sum_before_cursor --
-- What moved on the cursor's own axis date $3 up to and with the cursor's line ($4 seq, $5 line), by
-- value date when $6: batches before the cursor's by their movements, its own by its transfers.
WITH here AS (
    SELECT b.batch_no, b.first_seq FROM ledger.batch AS b
    WHERE b.book_id = $1 AND b.last_seq >= $4 ORDER BY b.last_seq, b.batch_no LIMIT 1
)
SELECT (
    coalesce((
        SELECT sum(m.credits - m.debits) FROM ledger.movement AS m
        WHERE m.book_id = $1 AND m.account_id = $2 AND m.business_date = $3
            AND (NOT $6 OR m.value_date = $3)
            AND (m.batch_no < (SELECT here.batch_no FROM here) OR NOT EXISTS (SELECT FROM here))
    ), 0) + coalesce((
        SELECT sum(m.credits - m.debits) FROM ledger.movement AS m
        WHERE $6 AND m.book_id = $1 AND m.account_id = $2 AND m.value_date = $3
            AND m.value_date < m.business_date
            AND (m.batch_no < (SELECT here.batch_no FROM here) OR NOT EXISTS (SELECT FROM here))
    ), 0) + coalesce((
        SELECT sum(
            CASE WHEN t.credit_account = $2 THEN t.amount_satang ELSE -t.amount_satang END
        )
        FROM here
        INNER JOIN ledger.transfer AS t
            ON t.book_id = $1 AND t.recorded_seq BETWEEN here.first_seq AND $4
        WHERE (t.recorded_seq, t.line) <= ($4, $5)
            AND CASE WHEN $6 THEN t.value_date ELSE t.business_date END = $3
            AND (t.debit_account = $2 OR t.credit_account = $2)
    ), 0)
)::bigint AS amount

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
