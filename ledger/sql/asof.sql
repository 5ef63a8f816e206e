-- Any date, on either axis, at any moment of knowledge. No statement here locks anything.
-- Known at a number = the whole batches up to it, and of the batch that it cuts, the journals up
-- to it. After a day is proven only late batches (adjustments, late periods, closings of a
-- year) may still carry its date: a snapshot of it lacks those above its own batch_no.

-- pin --
-- The head, and where number $2 (NULL: the head's own) cuts the batches of book $1; the account of
-- code $3, if there is one.
-- last_day: the business date then; nothing known then has a later one.
SELECT h.recorded_seq AS head_seq, h.business_date, k.known_at, coalesce(w.batch_no, 0) AS batch_no,
    CASE WHEN c.first_seq <= k.known_at THEN c.batch_no ELSE 0 END AS cut_batch_no,
    least(c.first_seq, k.known_at + 1) AS cut_from,
    CASE WHEN c.first_seq <= k.known_at THEN c.last_seq ELSE k.known_at END AS cut_to,
    coalesce((
        SELECT d.business_date + 1 FROM ledger.day AS d
        WHERE d.book_id = h.book_id AND d.cut_seq <= k.known_at
        ORDER BY d.business_date DESC LIMIT 1
    ), o.opened_on) AS last_day,
    (
        SELECT a.account_id FROM ledger.account AS a
        WHERE a.book_id = h.book_id AND a.code = $3::text
    ) AS account_id
FROM ledger.book_head AS h
INNER JOIN ledger.book AS o ON o.book_id = h.book_id
CROSS JOIN LATERAL (SELECT coalesce($2::bigint, h.recorded_seq) AS known_at) AS k
LEFT JOIN LATERAL (
    SELECT b.batch_no FROM ledger.batch AS b
    WHERE b.book_id = h.book_id AND b.last_seq <= k.known_at
    ORDER BY b.last_seq DESC, b.batch_no DESC LIMIT 1
) AS w ON TRUE
LEFT JOIN LATERAL (
    SELECT b.batch_no, b.first_seq, b.last_seq FROM ledger.batch AS b
    WHERE b.book_id = h.book_id AND b.last_seq > k.known_at
    ORDER BY b.last_seq, b.batch_no LIMIT 1
) AS c ON TRUE
WHERE h.book_id = $1

-- balances --
-- Counters of accounts $2 of book $1 at the close of $3, by value date when $4, known at $5:
-- batches up to $6; $7 the business date then. What is known of a cut batch is added by the next ones.
WITH base AS (
    SELECT w.account_id, coalesce(s.debits, 0) AS debits, coalesce(s.credits, 0) AS credits,
        coalesce(s.business_date, '-infinity'::date) AS business_date, s.batch_no
    -- How many ids there are is not told to the planner: one plan a session, whatever is asked.
    FROM (
        SELECT DISTINCT ($2::integer [])[n.place] AS account_id
        FROM generate_subscripts($2::integer [], 1) AS n (place)
    ) AS w
    LEFT JOIN LATERAL (
        SELECT h.debits, h.credits, h.business_date, h.batch_no FROM ledger.snapshot AS h
        WHERE h.book_id = $1 AND h.account_id = w.account_id AND h.business_date <= (
            SELECT d.business_date FROM ledger.day AS d
            WHERE d.book_id = $1 AND d.business_date <= $3 AND d.proven_seq <= $5
            ORDER BY d.business_date DESC LIMIT 1
        )
        ORDER BY h.business_date DESC LIMIT 1
    ) AS s ON TRUE
), late AS MATERIALIZED (
    SELECT b.business_date, b.batch_no FROM ledger.batch AS b
    WHERE b.book_id = $1 AND (b.origin = 4 OR b.period > 0) AND b.batch_no <= $6
        AND b.business_date <= (SELECT max(base.business_date) FROM base)
        AND b.batch_no > (SELECT min(base.batch_no) FROM base)
), parts AS (
    SELECT base.account_id, base.debits, base.credits FROM base
    UNION ALL
    SELECT base.account_id, m.debits, m.credits FROM base
    CROSS JOIN LATERAL (
        SELECT sum(v.debits) AS debits, sum(v.credits) AS credits FROM ledger.movement AS v
        WHERE v.book_id = $1 AND v.account_id = base.account_id AND v.batch_no <= $6
            AND v.business_date > base.business_date AND v.business_date <= least($3, $7::date)
    ) AS m
    UNION ALL
    SELECT base.account_id, m.debits, m.credits FROM base
    INNER JOIN late ON late.batch_no > base.batch_no AND late.business_date <= base.business_date
    CROSS JOIN LATERAL (
        SELECT sum(v.debits) AS debits, sum(v.credits) AS credits FROM ledger.movement AS v
        WHERE v.book_id = $1 AND v.account_id = base.account_id
            AND v.business_date = late.business_date AND v.batch_no = late.batch_no
    ) AS m
    UNION ALL
    -- What has a later business date and an earlier value date.
    SELECT base.account_id, m.debits, m.credits FROM base
    CROSS JOIN LATERAL (
        SELECT sum(v.debits) AS debits, sum(v.credits) AS credits FROM ledger.movement AS v
        WHERE v.book_id = $1 AND v.account_id = base.account_id AND v.batch_no <= $6
            AND v.business_date > $3 AND v.business_date <= $7::date
            AND v.value_date <= $3 AND v.value_date < v.business_date
    ) AS m
    WHERE (SELECT $4::boolean) AND $3 < $7::date
)
SELECT p.account_id, coalesce(sum(p.debits), 0)::bigint AS debits,
    coalesce(sum(p.credits), 0)::bigint AS credits
FROM parts AS p
GROUP BY p.account_id

-- moved_in_cut --
-- What batch $3 did to accounts $2 with a date up to $4, by value date when $5, and up to mark $6;
-- journals are named where there are no marks. near: the journals at places $7 and $8 of the batch's
-- own.
SELECT m.account_id, ARRAY[b.marks[$7], b.marks[$8]] AS near, m.debits, m.credits,
    k.transfers IS NOT NULL AS marked,
    coalesce(k.debits[$6], CASE WHEN $6 > 0 THEN m.debits ELSE 0 END) AS marked_debits,
    coalesce(k.credits[$6], CASE WHEN $6 > 0 THEN m.credits ELSE 0 END) AS marked_credits,
    CASE WHEN k.transfers IS NULL THEN m.journals END AS journals
FROM ledger.batch AS b
INNER JOIN ledger.movement AS m
    ON m.book_id = $1 AND m.account_id = ANY((SELECT $2::integer [])::integer [])
    AND m.business_date = b.business_date AND m.batch_no = b.batch_no
LEFT JOIN ledger.movement_mark AS k
    ON k.book_id = $1 AND k.account_id = m.account_id AND k.batch_no = m.batch_no
    AND k.value_date = m.value_date
WHERE b.book_id = $1 AND b.batch_no = $3
    AND CASE WHEN $5 THEN m.value_date ELSE m.business_date END <= $4

-- sums_by_id --
-- What the journals $3 with numbers up to $4 did to the accounts $2, pair by pair.
SELECT n.account_id,
    sum(CASE WHEN t.debit_account = n.account_id THEN t.amount_satang ELSE 0 END)::bigint AS debits,
    sum(CASE WHEN t.credit_account = n.account_id THEN t.amount_satang ELSE 0 END)::bigint AS credits
FROM unnest($2::integer [], $3::uuid []) AS n (account_id, journal_id)
INNER JOIN ledger.transfer AS t ON t.book_id = $1 AND t.journal_id = n.journal_id
WHERE n.account_id IN (t.debit_account, t.credit_account) AND t.recorded_seq + 0 <= $4
GROUP BY n.account_id

-- sums_between --
-- What journals numbered $3 to $4 with value dates up to $5 (NULL: any) did to the accounts $2.
SELECT x.account_id, sum(x.debits)::bigint AS debits, sum(x.credits)::bigint AS credits
FROM ledger.transfer AS t
CROSS JOIN LATERAL (
    VALUES (t.debit_account, t.amount_satang, 0), (t.credit_account, 0, t.amount_satang)
) AS x (account_id, debits, credits)
WHERE t.book_id = $1 AND t.recorded_seq BETWEEN $3 AND $4
    AND ($5::date IS NULL OR t.value_date <= $5)
    AND (t.debit_account = ANY($2::integer []) OR t.credit_account = ANY($2::integer []))
    AND x.account_id = ANY($2::integer [])
GROUP BY x.account_id

-- sums_near --
-- The same, looked for between the rows of journals $6 and $7, where numbers of a large batch lie; a row
-- an account. `seen`: how many rows of these numbers are there; if one is missing, they do not.
WITH ends AS MATERIALIZED (
    SELECT min(e.ctid) AS first, max(e.ctid) AS last FROM ledger.transfer AS e
    WHERE e.book_id = $1 AND e.journal_id IN ($6, $7)
), near AS MATERIALIZED (
    SELECT f.debit_account, f.credit_account, f.amount_satang, f.value_date
    FROM ledger.transfer AS f
    WHERE f.ctid >= (SELECT ends.first FROM ends) AND f.ctid <= (SELECT ends.last FROM ends)
        AND f.book_id = $1 AND f.recorded_seq + 0 BETWEEN $3 AND $4
), sums AS (
    SELECT x.account_id, sum(x.debits) AS debits, sum(x.credits) AS credits
    FROM near AS t
    CROSS JOIN LATERAL (
        VALUES (t.debit_account, t.amount_satang, 0), (t.credit_account, 0, t.amount_satang)
    ) AS x (account_id, debits, credits)
    WHERE ($5::date IS NULL OR t.value_date <= $5) AND x.account_id = ANY($2::integer [])
    GROUP BY x.account_id
)
SELECT w.account_id, coalesce(s.debits, 0)::bigint AS debits,
    coalesce(s.credits, 0)::bigint AS credits, (SELECT count(*) FROM near) AS seen
FROM unnest($2::integer []) AS w (account_id)
LEFT JOIN sums AS s ON s.account_id = w.account_id

-- trial_balance_back --
-- The same from today's counters: less what came since in batches above $4 or has a later date, less
-- periods of the date itself beyond $7, and what is known of the cut batch. Cheaper where less came
-- since than after the last proven day.
WITH unknown AS MATERIALIZED (
    SELECT b.first_seq, b.last_seq, -1 AS sign FROM ledger.batch AS b
    WHERE b.book_id = $1 AND (b.origin = 4 OR b.period > 0) AND b.business_date = $2
        AND b.batch_no <= $4 AND b.period > $7
    UNION ALL
    SELECT $6::bigint, $3::bigint, 1 FROM ledger.batch AS b
    WHERE b.book_id = $1 AND b.batch_no = $5 AND b.business_date <= $2
        AND (b.business_date < $2 OR b.period <= $7)
), moved AS (
    SELECT b.account_id, b.debits, b.credits FROM ledger.balance AS b WHERE b.book_id = $1
    UNION ALL
    SELECT m.account_id, -m.debits, -m.credits FROM ledger.movement AS m
    WHERE m.book_id = $1 AND m.batch_no > $4
        AND (SELECT h.batch_no FROM ledger.book_head AS h WHERE h.book_id = $1) > $4
    UNION ALL
    SELECT m.account_id, -m.debits, -m.credits FROM ledger.movement AS m
    WHERE m.book_id = $1 AND m.business_date > $2 AND m.batch_no + 0 <= $4
        AND (SELECT h.business_date FROM ledger.book_head AS h WHERE h.book_id = $1) > $2
    UNION ALL
    SELECT x.account_id, x.debits, x.credits FROM unknown
    CROSS JOIN LATERAL (
        SELECT t.debit_account, t.credit_account, unknown.sign * sum(t.amount_satang) AS amount
        FROM ledger.transfer AS t
        WHERE t.book_id = $1 AND t.recorded_seq BETWEEN unknown.first_seq AND unknown.last_seq
        GROUP BY t.debit_account, t.credit_account
    ) AS t
    CROSS JOIN LATERAL (
        VALUES (t.debit_account, t.amount, 0), (t.credit_account, 0, t.amount)
    ) AS x (account_id, debits, credits)
), by_account AS (
    SELECT m.account_id, sum(m.debits) AS debits, sum(m.credits) AS credits
    FROM moved AS m GROUP BY m.account_id
)
SELECT g.gl_code, g.cad_code, g.name_th, g.name_en, sum(y.debits) AS debits,
    sum(y.credits) AS credits
FROM by_account AS y
INNER JOIN ledger.account AS a ON a.book_id = $1 AND a.account_id = y.account_id
INNER JOIN ledger.gl_account AS g ON g.book_id = $1 AND g.gl_code = a.gl_code
WHERE y.debits <> 0 OR y.credits <> 0
GROUP BY g.gl_code, g.cad_code, g.name_th, g.name_en
ORDER BY g.gl_code

-- numbers_each_way --
-- About how many numbers stand between the last day proven by $3 and the close of $2 as known at $3,
-- and how many came after the close of $2 or after $3, up to number $4.
SELECT
    $3::bigint - coalesce((
        SELECT max(d.proven_seq) FROM ledger.day AS d
        WHERE d.book_id = $1 AND d.business_date <= $2 AND d.proven_seq <= $3
    ), 0) AS forward,
    $4::bigint - least($3, coalesce((
        SELECT d.cut_seq FROM ledger.day AS d WHERE d.book_id = $1 AND d.business_date = $2
    ), $3)) AS back

-- trial_balance --
-- Book $1 by business date $2 known at $3: batches up to $4, transfers of the cut batch $5 from
-- $6. Control totals of the last day proven then, what moved after it, and late batches since (and
-- the cut one, whichever it is). Of the date itself only periods up to $7.
WITH proven AS (
    SELECT d.business_date, d.proven_seq FROM ledger.day AS d
    WHERE d.book_id = $1 AND d.business_date <= $2 AND d.proven_seq <= $3
    ORDER BY d.business_date DESC LIMIT 1
), late AS MATERIALIZED (
    SELECT b.first_seq, b.last_seq FROM ledger.batch AS b
    WHERE b.book_id = $1 AND (b.origin = 4 OR b.period > 0) AND b.batch_no <= $4
        AND b.business_date <= (SELECT proven.business_date FROM proven)
        AND b.first_seq > (SELECT proven.proven_seq FROM proven)
        AND (b.business_date < $2 OR b.period <= $7)
    UNION ALL
    SELECT $6::bigint, $3::bigint FROM ledger.batch AS b
    WHERE b.book_id = $1 AND b.batch_no = $5 AND b.business_date <= $2
        AND (b.business_date < $2 OR b.period <= $7)
), moved AS (
    SELECT m.account_id, m.debits, m.credits FROM ledger.movement AS m
    -- The days say which pages; nearly every batch is below $4, so its index would say nothing.
    WHERE m.book_id = $1 AND m.batch_no + 0 <= $4 AND m.business_date <= $2
        AND m.business_date > coalesce(
            (SELECT proven.business_date FROM proven), '-infinity'::date
        )
    UNION ALL
    -- Few, so by their transfers: movements have no index by batch that is as sharp.
    SELECT x.account_id, x.debits, x.credits FROM late
    CROSS JOIN LATERAL (
        SELECT t.debit_account, t.credit_account, sum(t.amount_satang) AS amount
        FROM ledger.transfer AS t
        WHERE t.book_id = $1 AND t.recorded_seq BETWEEN late.first_seq AND late.last_seq
        GROUP BY t.debit_account, t.credit_account
    ) AS t
    CROSS JOIN LATERAL (
        VALUES (t.debit_account, t.amount, 0), (t.credit_account, 0, t.amount)
    ) AS x (account_id, debits, credits)
), by_account AS (
    SELECT m.account_id, sum(m.debits) AS debits, sum(m.credits) AS credits
    FROM moved AS m GROUP BY m.account_id
), parts AS (
    SELECT a.gl_code, y.debits, y.credits FROM by_account AS y
    INNER JOIN ledger.account AS a ON a.book_id = $1 AND a.account_id = y.account_id
    UNION ALL
    SELECT t.gl_code, t.debits, t.credits FROM ledger.day_total AS t
    INNER JOIN proven ON proven.business_date = t.business_date
    WHERE t.book_id = $1
)
SELECT g.gl_code, g.cad_code, g.name_th, g.name_en, sum(p.debits) AS debits,
    sum(p.credits) AS credits
FROM parts AS p
INNER JOIN ledger.gl_account AS g ON g.book_id = $1 AND g.gl_code = p.gl_code
GROUP BY g.gl_code, g.cad_code, g.name_th, g.name_en
ORDER BY g.gl_code
