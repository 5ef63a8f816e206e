-- Periods: how they stand, what they add up to, what closing and opening again writes. The acts hold
-- the head; what is added up beforehand counts only if came_since says so.

-- periods --
SELECT p.kind, p.starts_on, p.state, p.closings, p.closed_seq
FROM ledger.period AS p WHERE p.book_id = $1 ORDER BY p.starts_on, p.kind

-- first_unproven --
SELECT min(d.business_date) FROM ledger.day AS d
WHERE d.book_id = $1 AND d.business_date BETWEEN $2 AND $3 AND d.state <> 3

-- came_since --
-- Whether a journal dated up to $3 was recorded after batch $2.
SELECT EXISTS (
    SELECT FROM ledger.batch AS b
    WHERE b.book_id = $1 AND b.batch_no > $2 AND b.business_date <= $3 AND b.journal_count > 0
)

-- late_postings --
-- The first date after the last proven one that has postings with value dates up to $2: the night of
-- that date may still have something to correct by these value dates.
SELECT min(m.business_date)
FROM ledger.movement AS m
WHERE m.book_id = $1 AND m.value_date <= $2 AND m.business_date > coalesce(
    (
        SELECT max(d.business_date) FROM ledger.day AS d
        WHERE d.book_id = $1 AND d.state = 3
    ),
    '-infinity'::date
)

-- totals --
-- Counters by GL code at the close of business date $2: today's counters less what moved later,
-- which needs no snapshot to be right, and costs what moved since the period's end.
WITH parts AS (
    SELECT b.account_id, b.debits, b.credits FROM ledger.balance AS b WHERE b.book_id = $1
    UNION ALL
    SELECT m.account_id, -m.debits AS debits, -m.credits AS credits
    FROM ledger.movement AS m
    WHERE m.book_id = $1 AND m.business_date > $2
)
SELECT a.gl_code, sum(p.debits)::numeric(30, 0) AS debits,
    sum(p.credits)::numeric(30, 0) AS credits
FROM parts AS p
INNER JOIN ledger.account AS a ON a.book_id = $1 AND a.account_id = p.account_id
GROUP BY a.gl_code
HAVING sum(p.debits) <> 0 OR sum(p.credits) <> 0
ORDER BY a.gl_code

-- results --
-- Income and expense accounts with a balance at the close of business date $2.
WITH parts AS (
    SELECT b.account_id, b.credits - b.debits AS balance
    FROM ledger.balance AS b WHERE b.book_id = $1
    UNION ALL
    SELECT m.account_id, m.debits - m.credits AS balance
    FROM ledger.movement AS m
    WHERE m.book_id = $1 AND m.business_date > $2
)
SELECT a.account_id, a.code, a.gl_code, sum(p.balance)::bigint AS balance_satang
FROM parts AS p
INNER JOIN ledger.account AS a ON a.book_id = $1 AND a.account_id = p.account_id
WHERE left(a.gl_code, 1) IN ('4', '5')
GROUP BY a.account_id, a.code, a.gl_code
HAVING sum(p.balance) <> 0
ORDER BY a.gl_code, a.code

-- vouchers --
-- The vouchers dated from $3 to $4 of fiscal year $2.
SELECT coalesce(sum(b.journal_count), 0)::bigint AS number, min(b.first_voucher) AS first,
    max(b.first_voucher + b.journal_count - 1) AS last
FROM ledger.batch AS b
WHERE b.book_id = $1 AND b.fiscal_year = $2 AND b.business_date BETWEEN $3 AND $4
    AND b.journal_count > 0

-- close_period --
INSERT INTO ledger.period (book_id, kind, starts_on, ends_on, state, closings, closed_seq)
VALUES ($1, $2, $3, $4, 2, $5, $6)
ON CONFLICT (book_id, kind, starts_on)
DO UPDATE SET state = 2, closings = excluded.closings, closed_seq = excluded.closed_seq

-- open_period --
UPDATE ledger.period SET state = 1
WHERE book_id = $1 AND kind = $2 AND starts_on = $3 AND state = 2

-- keep_totals --
INSERT INTO ledger.period_total (book_id, kind, starts_on, closing, gl_code, debits, credits)
SELECT $1, $2, $3, $4, t.gl_code, t.debits, t.credits
FROM unnest($5::text [], $6::numeric [], $7::numeric []) AS t (gl_code, debits, credits)

-- move_floor --
UPDATE ledger.book_head SET value_date_floor = $2 WHERE book_id = $1

-- kept_totals --
SELECT t.closing, t.gl_code, t.debits, t.credits
FROM ledger.period_total AS t
WHERE t.book_id = $1 AND t.kind = $2 AND t.starts_on = $3
ORDER BY t.closing, t.gl_code

-- acts --
-- Closings and re-openings of a period, in order.
SELECT e.recorded_seq, e.kind, e.business_date, e.actor, e.reason, e.body, b.recorded_at
FROM ledger.event AS e
INNER JOIN LATERAL (
    SELECT b.recorded_at FROM ledger.batch AS b
    WHERE b.book_id = e.book_id AND b.last_seq >= e.recorded_seq
    ORDER BY b.last_seq, b.batch_no LIMIT 1
) AS b ON TRUE
WHERE e.book_id = $1 AND e.subject = $2
ORDER BY e.recorded_seq

-- closing_journals --
-- Ids of the journals that closed a year: those of the batch in which event $2 stands.
SELECT t.journal_id
FROM ledger.transfer AS t
INNER JOIN (
    SELECT b.first_seq, b.last_seq FROM ledger.batch AS b
    WHERE b.book_id = $1 AND b.last_seq >= $2
    ORDER BY b.last_seq, b.batch_no LIMIT 1
) AS here ON t.recorded_seq BETWEEN here.first_seq AND here.last_seq
WHERE t.book_id = $1 AND t.line = 0
ORDER BY t.recorded_seq

-- account --
SELECT a.account_id, a.code, a.gl_code FROM ledger.account AS a
WHERE a.book_id = $1 AND a.code = $2

-- result_accounts --
-- Accounts of the chart's code for the result of the year, $2.
SELECT a.account_id, a.code, a.gl_code FROM ledger.account AS a
WHERE a.book_id = $1 AND a.gl_code = $2 ORDER BY a.code LIMIT 2
