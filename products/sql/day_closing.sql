-- The last steps of a night. $1 book, $2 the night's business date, D. Everything here reads
-- business dates up to D only: doors are posting on later ones. Adjustments of D or of days before
-- it may come at any moment, so whatever is kept says, or implies, which batches it includes.

-- account_chunks --
-- Bounds of chunks of $3 accounts, of those that moved on D; those that adjustments alone moved
-- have no snapshot of D, for they may come after any look.
SELECT min(k.account_id) AS first, max(k.account_id) AS last, count(*)::integer AS accounts
FROM (
    SELECT d.account_id, (row_number() OVER (ORDER BY d.account_id) - 1) / $3::bigint AS part
    FROM (
        SELECT DISTINCT m.account_id
        FROM ledger.movement AS m
        WHERE m.book_id = $1 AND m.business_date = $2 AND NOT EXISTS (
            SELECT FROM ledger.batch AS b
            WHERE b.book_id = $1 AND b.business_date = $2 AND (b.origin = 4 OR b.period > 0)
                AND b.batch_no = m.batch_no
        )
    ) AS d
) AS k
GROUP BY k.part
ORDER BY k.part

-- snapshot_chunk --
-- Closing counters = the latest earlier snapshot, the late batches that it lacks, and what moved
-- since, up to D. The counters kept with movements will not do: batches of later dates stand
-- between those of D. batch_no: the newest batch that this very statement sees.
WITH late AS MATERIALIZED (
    SELECT b.business_date, b.batch_no FROM ledger.batch AS b
    WHERE b.book_id = $1 AND b.business_date < $2 AND (b.origin = 4 OR b.period > 0)
), written AS (
    INSERT INTO ledger.snapshot (book_id, account_id, business_date, debits, credits, batch_no)
    SELECT
        $1, d.account_id, $2,
        coalesce(s.debits, 0) + coalesce(missed.debits, 0) + moved.debits,
        coalesce(s.credits, 0) + coalesce(missed.credits, 0) + moved.credits,
        (SELECT h.batch_no FROM ledger.book_head AS h WHERE h.book_id = $1)
    FROM (
        SELECT DISTINCT m.account_id
        FROM ledger.movement AS m
        WHERE m.book_id = $1 AND m.business_date = $2 AND m.account_id BETWEEN $3 AND $4
            AND NOT EXISTS (
                SELECT FROM ledger.batch AS b
                WHERE b.book_id = $1 AND b.business_date = $2 AND (b.origin = 4 OR b.period > 0)
                    AND b.batch_no = m.batch_no
            )
    ) AS d
    LEFT JOIN LATERAL (
        SELECT h.business_date, h.debits, h.credits, h.batch_no
        FROM ledger.snapshot AS h
        WHERE h.book_id = $1 AND h.account_id = d.account_id AND h.business_date < $2
        ORDER BY h.business_date DESC
        LIMIT 1
    ) AS s ON TRUE
    LEFT JOIN LATERAL (
        SELECT sum(v.debits)::bigint AS debits, sum(v.credits)::bigint AS credits
        FROM late
        CROSS JOIN LATERAL (
            SELECT sum(m.debits) AS debits, sum(m.credits) AS credits
            FROM ledger.movement AS m
            WHERE m.book_id = $1 AND m.account_id = d.account_id
                AND m.business_date = late.business_date AND m.batch_no = late.batch_no
        ) AS v
        WHERE late.batch_no > s.batch_no AND late.business_date <= s.business_date
    ) AS missed ON TRUE
    CROSS JOIN LATERAL (
        SELECT sum(m.debits)::bigint AS debits, sum(m.credits)::bigint AS credits
        FROM ledger.movement AS m
        WHERE m.book_id = $1 AND m.account_id = d.account_id AND m.business_date <= $2
            AND m.business_date > coalesce(s.business_date, '-infinity'::date)
    ) AS moved
    RETURNING account_id
)
SELECT count(*) FROM written

-- newest_batch --
SELECT h.batch_no FROM ledger.book_head AS h WHERE h.book_id = $1

-- came_since --
-- True if a batch above $3 carries a business date up to D: totals added up before it lack it.
SELECT EXISTS (
    SELECT FROM ledger.batch AS b
    WHERE b.book_id = $1 AND b.batch_no > $3 AND b.business_date <= $2 AND b.transfer_count > 0
)

-- trial_balance --
-- Counters by GL code at the close of D: the last proven day's totals, the late batches of days
-- up to it that came after it was proven, and what moved since.
WITH last AS (
    SELECT d.business_date, d.proven_seq FROM ledger.day AS d
    WHERE d.book_id = $1 AND d.business_date < $2 AND d.state = 3
    ORDER BY d.business_date DESC LIMIT 1
),
late AS (
    SELECT x.account_id, x.debits, x.credits
    FROM last
    INNER JOIN ledger.batch AS b
        ON b.book_id = $1 AND b.business_date <= last.business_date
        AND b.first_seq > last.proven_seq AND (b.origin = 4 OR b.period > 0)
    CROSS JOIN LATERAL (
        SELECT t.debit_account, t.credit_account, sum(t.amount_satang) AS amount
        FROM ledger.transfer AS t
        WHERE t.book_id = $1 AND t.recorded_seq BETWEEN b.first_seq AND b.last_seq
        GROUP BY t.debit_account, t.credit_account
    ) AS t
    CROSS JOIN LATERAL (
        VALUES (t.debit_account, t.amount, 0), (t.credit_account, 0, t.amount)
    ) AS x (account_id, debits, credits)
),
parts AS (
    SELECT t.gl_code, t.debits, t.credits
    FROM ledger.day_total AS t
    INNER JOIN last ON t.business_date = last.business_date
    WHERE t.book_id = $1
    UNION ALL
    SELECT a.gl_code, l.debits, l.credits
    FROM late AS l
    INNER JOIN ledger.account AS a ON a.book_id = $1 AND a.account_id = l.account_id
    UNION ALL
    SELECT a.gl_code, sum(m.debits) AS debits, sum(m.credits) AS credits
    FROM ledger.movement AS m
    INNER JOIN ledger.account AS a ON a.book_id = m.book_id AND a.account_id = m.account_id
    WHERE m.book_id = $1 AND m.business_date <= $2
        AND m.business_date > coalesce((SELECT last.business_date FROM last), '-infinity'::date)
    GROUP BY a.gl_code
)
SELECT p.gl_code, sum(p.debits)::numeric(30, 0) AS debits, sum(p.credits)::numeric(30, 0) AS credits
FROM parts AS p
GROUP BY p.gl_code
ORDER BY p.gl_code

-- due_holds --
SELECT count(*)
FROM ledger.hold AS h
WHERE h.book_id = $1 AND h.expires_on <= $2 AND h.state = 1

-- control_accounts --
-- GL codes of products whose contracts do not add up to everything else posted there, at D.
-- Contracts by today's counters less later movements; the GL side by movements alone.
WITH contracts AS (
    SELECT p.gl_deposits AS gl_code, sum(k.net) AS net
    FROM (
        SELECT c.product_code, sum(b.credits - b.debits) AS net
        FROM products.contract AS c
        INNER JOIN ledger.balance AS b ON b.book_id = c.book_id AND b.account_id = c.account_id
        WHERE c.book_id = $1
        GROUP BY c.product_code
        UNION ALL
        SELECT c.product_code, sum(m.debits - m.credits) AS net
        FROM ledger.movement AS m
        INNER JOIN products.contract AS c
            ON c.book_id = m.book_id AND c.account_id = m.account_id
        WHERE m.book_id = $1 AND m.business_date > $2
        GROUP BY c.product_code
    ) AS k
    INNER JOIN products.product AS p ON p.book_id = $1 AND p.product_code = k.product_code
    GROUP BY p.gl_deposits
),
last AS (
    SELECT d.business_date, d.proven_seq FROM ledger.day AS d
    WHERE d.book_id = $1 AND d.business_date < $2 AND d.state = 3
    ORDER BY d.business_date DESC LIMIT 1
),
late AS (
    SELECT x.account_id, x.debits, x.credits
    FROM last
    INNER JOIN ledger.batch AS b
        ON b.book_id = $1 AND b.business_date <= last.business_date
        AND b.first_seq > last.proven_seq AND (b.origin = 4 OR b.period > 0)
    CROSS JOIN LATERAL (
        SELECT t.debit_account, t.credit_account, sum(t.amount_satang) AS amount
        FROM ledger.transfer AS t
        WHERE t.book_id = $1 AND t.recorded_seq BETWEEN b.first_seq AND b.last_seq
        GROUP BY t.debit_account, t.credit_account
    ) AS t
    CROSS JOIN LATERAL (
        VALUES (t.debit_account, t.amount, 0), (t.credit_account, 0, t.amount)
    ) AS x (account_id, debits, credits)
),
general AS (
    SELECT g.gl_code, sum(g.net) AS net
    FROM (
        SELECT t.gl_code, t.credits - t.debits AS net
        FROM ledger.day_total AS t
        INNER JOIN last ON t.business_date = last.business_date
        WHERE t.book_id = $1
        UNION ALL
        SELECT a.gl_code, l.credits - l.debits AS net
        FROM late AS l
        INNER JOIN ledger.account AS a ON a.book_id = $1 AND a.account_id = l.account_id
        UNION ALL
        SELECT a.gl_code, m.credits - m.debits AS net
        FROM ledger.movement AS m
        INNER JOIN ledger.account AS a ON a.book_id = m.book_id AND a.account_id = m.account_id
        WHERE m.book_id = $1 AND m.business_date <= $2
            AND m.business_date > coalesce((SELECT last.business_date FROM last), '-infinity'::date)
    ) AS g
    GROUP BY g.gl_code
)
SELECT
    p.gl_deposits AS name, coalesce(c.net, 0)::bigint AS ours, coalesce(g.net, 0)::bigint AS ledger
FROM (SELECT DISTINCT q.gl_deposits FROM products.product AS q WHERE q.book_id = $1) AS p
LEFT JOIN contracts AS c ON c.gl_code = p.gl_deposits
LEFT JOIN general AS g ON g.gl_code = p.gl_deposits
WHERE coalesce(c.net, 0) <> coalesce(g.net, 0)
ORDER BY p.gl_deposits

-- accrued_payable --
-- Accrued payable accounts whose balance at D is not what contracts accrued and were not credited.
WITH owed AS (
    SELECT
        p.payable_account AS account_id,
        sum(products.leg_accrued(l, $2::date, p.rounding) - l.credited_satang) AS net
    FROM products.interest_leg AS l
    INNER JOIN products.product AS p
        ON p.book_id = l.book_id AND p.product_code = l.product_code
    WHERE l.book_id = $1
    GROUP BY p.payable_account
)
SELECT a.code AS name, coalesce(o.net, 0)::bigint AS ours, k.net AS ledger
FROM (SELECT DISTINCT q.payable_account FROM products.product AS q WHERE q.book_id = $1) AS p
INNER JOIN ledger.account AS a ON a.book_id = $1 AND a.account_id = p.payable_account
LEFT JOIN owed AS o ON o.account_id = p.payable_account
CROSS JOIN LATERAL (
    SELECT (
        b.credits - b.debits - coalesce((
            SELECT sum(m.credits - m.debits)
            FROM ledger.movement AS m
            WHERE m.book_id = $1 AND m.account_id = b.account_id AND m.business_date > $2
        ), 0)
    )::bigint AS net
    FROM ledger.balance AS b
    WHERE b.book_id = $1 AND b.account_id = p.payable_account
) AS k
WHERE coalesce(o.net, 0) <> k.net
ORDER BY a.code

-- snapshots --
-- Snapshots of D that are not today's counters less what is not in them: movements of later dates,
-- and late batches of dates up to D that came after.
SELECT a.code AS name, (s.credits - s.debits) AS ours, (k.credits - k.debits) AS ledger
FROM ledger.snapshot AS s
INNER JOIN ledger.account AS a ON a.book_id = s.book_id AND a.account_id = s.account_id
CROSS JOIN LATERAL (
    SELECT
        b.debits - coalesce(sum(x.debits), 0)::bigint AS debits,
        b.credits - coalesce(sum(x.credits), 0)::bigint AS credits
    FROM ledger.balance AS b
    LEFT JOIN (
        SELECT m.debits, m.credits FROM ledger.movement AS m
        WHERE m.book_id = s.book_id AND m.account_id = s.account_id AND m.business_date > $2
        UNION ALL
        SELECT m.debits, m.credits FROM ledger.batch AS l
        INNER JOIN ledger.movement AS m
            ON m.book_id = s.book_id AND m.account_id = s.account_id
            AND m.business_date = l.business_date AND m.batch_no = l.batch_no
        WHERE l.book_id = s.book_id AND l.business_date <= $2 AND l.batch_no > s.batch_no
            AND (l.origin = 4 OR l.period > 0)
    ) AS x ON TRUE
    WHERE b.book_id = s.book_id AND b.account_id = s.account_id
    GROUP BY b.debits, b.credits
) AS k
WHERE s.book_id = $1 AND s.business_date = $2
    AND (s.debits <> k.debits OR s.credits <> k.credits)
ORDER BY a.code

-- close_day --
UPDATE ledger.day AS d
SET state = 3, proven_seq = $3, proven_at = clock_timestamp()
WHERE d.book_id = $1 AND d.business_date = $2 AND d.state = 2
RETURNING d.proven_seq

-- keep_totals --
INSERT INTO ledger.day_total (book_id, business_date, gl_code, debits, credits)
SELECT $1, $2, t.gl_code, t.debits, t.credits
FROM unnest($3::text [], $4::numeric [], $5::numeric []) AS t (gl_code, debits, credits)
