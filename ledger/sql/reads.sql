-- Reads on the three dates. No statement here locks anything.

-- shares_by_business_date --
-- Movements of account $2 after the cursor ($3 date, $4 number; 0 = before every number of the date)
-- up to business date $5, in order: whole batches up to $6, as many as bring $8 transfers and about
-- $10 at most, and those of which only a part is on the page: the cursor's batch, and batch $7, which is cut. Each
-- names as many journals as the page may need; there is a mark every $9 numbers, and in the cursor's
-- batch it is the mark before the cursor from which on they are named.
WITH here AS (
    SELECT coalesce((
        SELECT b.batch_no FROM ledger.batch AS b
        WHERE b.book_id = $1 AND b.last_seq >= $4 AND $4 > 0
        ORDER BY b.last_seq, b.batch_no LIMIT 1
    ), 0) AS batch_no
), following AS (
    SELECT m.business_date, m.batch_no, m.value_date, m.transfers, m.credits - m.debits AS amount,
        m.journals
    FROM ledger.movement AS m
    WHERE m.book_id = $1 AND m.account_id = $2 AND m.business_date <= $5 AND m.batch_no <= $6
        AND (m.business_date, m.batch_no) > ($3, (SELECT here.batch_no FROM here))
    ORDER BY m.business_date, m.batch_no
    FETCH FIRST $10 ROWS WITH TIES
), counted AS (
    SELECT f.*, sum(f.transfers) OVER (
            ORDER BY f.business_date, f.batch_no GROUPS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING
        ) AS before
    FROM following AS f
), taken AS (
    SELECT c.business_date, c.batch_no, c.value_date, c.transfers, c.amount, c.journals,
        FALSE AS begun
    FROM counted AS c WHERE coalesce(c.before, 0) < $8
    UNION ALL
    SELECT m.business_date, m.batch_no, m.value_date, m.transfers, m.credits - m.debits, m.journals,
        (m.business_date, m.batch_no) = ($3, here.batch_no)
    FROM ledger.batch AS b
    INNER JOIN ledger.movement AS m
        ON m.book_id = $1 AND m.account_id = $2 AND m.business_date = b.business_date
        AND m.batch_no = b.batch_no
    CROSS JOIN here
    WHERE b.book_id = $1 AND b.batch_no IN (here.batch_no, $7) AND m.business_date <= $5
        AND (
            (m.business_date, m.batch_no) = ($3, here.batch_no)
            OR (m.batch_no = $7 AND (m.business_date, m.batch_no) > ($3, here.batch_no))
        )
)
SELECT t.business_date AS axis_date, t.batch_no, t.transfers, t.amount, b.first_seq, b.last_seq,
    b.fiscal_year, b.first_voucher, b.event_count, k.transfers AS mark_transfers,
    k.debits AS mark_debits, k.credits AS mark_credits, t.begun,
    CASE WHEN t.journals IS NULL OR t.begun THEN b.marks END AS marks,
    CASE
        WHEN NOT t.begun THEN t.journals[:$8::integer]
        WHEN k.transfers IS NULL THEN t.journals
        ELSE t.journals[
            coalesce(k.transfers[($4 - b.first_seq) / $9], 0) + 1
            :coalesce(k.transfers[($4 - b.first_seq) / $9 + 1], t.transfers) + $8::integer
        ]
    END AS journals
FROM taken AS t
CROSS JOIN LATERAL (
    SELECT f.* FROM ledger.batch AS f WHERE f.book_id = $1 AND f.batch_no = t.batch_no LIMIT 1
) AS b
LEFT JOIN LATERAL (
    SELECT f.transfers, f.debits, f.credits FROM ledger.movement_mark AS f
    WHERE f.book_id = $1 AND f.account_id = $2 AND f.batch_no = t.batch_no
        AND f.value_date = t.value_date
    LIMIT 1
) AS k ON TRUE
ORDER BY t.business_date, t.batch_no

-- shares_by_value_date --
-- The same by value date: what was posted on the date itself, and what was back-dated to it.
WITH here AS (
    SELECT coalesce((
        SELECT b.batch_no FROM ledger.batch AS b
        WHERE b.book_id = $1 AND b.last_seq >= $4 AND $4 > 0
        ORDER BY b.last_seq, b.batch_no LIMIT 1
    ), 0) AS batch_no
), following AS (
    (
        SELECT m.batch_no, m.value_date, m.transfers, m.credits - m.debits AS amount, m.journals
        FROM ledger.movement AS m
        WHERE m.book_id = $1 AND m.account_id = $2 AND m.business_date <= $5 AND m.batch_no <= $6
            AND m.value_date = m.business_date
            AND (m.business_date, m.batch_no) > ($3, (SELECT here.batch_no FROM here))
        ORDER BY m.business_date, m.batch_no
        LIMIT $10
    )
    UNION ALL
    (
        SELECT m.batch_no, m.value_date, m.transfers, m.credits - m.debits AS amount, m.journals
        FROM ledger.movement AS m
        WHERE m.book_id = $1 AND m.account_id = $2 AND m.value_date BETWEEN $3 AND $5
            AND m.value_date < m.business_date AND m.batch_no <= $6
            AND (m.value_date, m.batch_no) > ($3, (SELECT here.batch_no FROM here))
        ORDER BY m.value_date, m.batch_no
        LIMIT $10
    )
    ORDER BY value_date, batch_no LIMIT $10
), counted AS (
    SELECT f.*, sum(f.transfers) OVER (
            ORDER BY f.value_date, f.batch_no ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING
        ) AS before
    FROM following AS f
), taken AS (
    SELECT c.batch_no, c.value_date, c.transfers, c.amount, c.journals, FALSE AS begun
    FROM counted AS c WHERE coalesce(c.before, 0) < $8
    UNION ALL
    SELECT m.batch_no, m.value_date, m.transfers, m.credits - m.debits, m.journals,
        (m.value_date, m.batch_no) = ($3, here.batch_no)
    FROM ledger.batch AS b
    INNER JOIN ledger.movement AS m
        ON m.book_id = $1 AND m.account_id = $2 AND m.business_date = b.business_date
        AND m.batch_no = b.batch_no
    CROSS JOIN here
    WHERE b.book_id = $1 AND b.batch_no IN (here.batch_no, $7) AND m.value_date <= $5
        AND (
            (m.value_date, m.batch_no) = ($3, here.batch_no)
            OR (m.batch_no = $7 AND (m.value_date, m.batch_no) > ($3, here.batch_no))
        )
)
SELECT t.value_date AS axis_date, t.batch_no, t.transfers, t.amount, b.first_seq, b.last_seq,
    b.fiscal_year, b.first_voucher, b.event_count, k.transfers AS mark_transfers,
    k.debits AS mark_debits, k.credits AS mark_credits, t.begun,
    CASE WHEN t.journals IS NULL OR t.begun THEN b.marks END AS marks,
    CASE
        WHEN NOT t.begun THEN t.journals[:$8::integer]
        WHEN k.transfers IS NULL THEN t.journals
        ELSE t.journals[
            coalesce(k.transfers[($4 - b.first_seq) / $9], 0) + 1
            :coalesce(k.transfers[($4 - b.first_seq) / $9 + 1], t.transfers) + $8::integer
        ]
    END AS journals
FROM taken AS t
CROSS JOIN LATERAL (
    SELECT f.* FROM ledger.batch AS f WHERE f.book_id = $1 AND f.batch_no = t.batch_no LIMIT 1
) AS b
LEFT JOIN LATERAL (
    SELECT f.transfers, f.debits, f.credits FROM ledger.movement_mark AS f
    WHERE f.book_id = $1 AND f.account_id = $2 AND f.batch_no = t.batch_no
        AND f.value_date = t.value_date
    LIMIT 1
) AS k ON TRUE
ORDER BY t.value_date, t.batch_no

-- later_changes --
-- What batches above $3 did to account $2 with an axis date up to $4, by value date when $5: how many
-- lines in batches that are not known at all ($6 is the one that is known in part), the first and
-- the last of them, and the movements of these and of the other one, if it is among them. $7: known
-- at. Where there are marks, only the first journal and the last are named.
WITH proven AS (
    SELECT coalesce(max(d.business_date), '-infinity'::date) AS business_date
    FROM ledger.day AS d WHERE d.book_id = $1 AND d.proven_seq <= $7
), moved AS (
    SELECT m.batch_no, m.transfers FROM ledger.movement AS m
    WHERE m.book_id = $1 AND m.account_id = $2 AND m.batch_no > $3
        AND m.business_date > (SELECT proven.business_date FROM proven)
        AND (m.business_date <= $4 OR ($5 AND m.value_date <= $4))
    UNION ALL
    SELECT m.batch_no, m.transfers FROM ledger.batch AS b
    INNER JOIN ledger.movement AS m
        ON m.book_id = $1 AND m.account_id = $2 AND m.business_date = b.business_date
        AND m.batch_no = b.batch_no
    WHERE b.book_id = $1 AND (b.origin = 4 OR b.period > 0) AND b.batch_no > $3
        AND b.business_date <= (SELECT proven.business_date FROM proven)
        AND (b.business_date <= $4 OR ($5 AND m.value_date <= $4))
), told AS (
    SELECT coalesce(sum(n.transfers) FILTER (WHERE n.batch_no <> $6), 0)::bigint AS lines,
        min(n.batch_no) FILTER (WHERE n.batch_no <> $6) AS first_batch,
        max(n.batch_no) FILTER (WHERE n.batch_no <> $6) AS last_batch,
        coalesce(bool_or(n.batch_no = $6), FALSE) AS cut_one
    FROM moved AS n
)
SELECT s.*, n.lines, n.first_batch, n.last_batch
FROM told AS n
CROSS JOIN LATERAL (
    SELECT CASE WHEN $5 THEN m.value_date ELSE m.business_date END AS axis_date, m.batch_no,
        m.transfers, m.credits - m.debits AS amount, b.first_seq, b.last_seq, b.fiscal_year,
        b.first_voucher, b.event_count, k.transfers AS mark_transfers, k.debits AS mark_debits,
        k.credits AS mark_credits, b.marks,
        CASE
            WHEN k.transfers IS NULL THEN m.journals
            WHEN m.journals IS NOT NULL
                THEN m.journals[:1] || m.journals[cardinality(m.journals):]
        END AS journals
    FROM ledger.batch AS b
    INNER JOIN ledger.movement AS m
        ON m.book_id = $1 AND m.account_id = $2 AND m.business_date = b.business_date
        AND m.batch_no = b.batch_no
    LEFT JOIN LATERAL (
        SELECT f.transfers, f.debits, f.credits FROM ledger.movement_mark AS f
        WHERE f.book_id = $1 AND f.account_id = $2 AND f.batch_no = m.batch_no
            AND f.value_date = m.value_date
        LIMIT 1
    ) AS k ON TRUE
    WHERE b.book_id = $1 AND b.batch_no IN (
            n.first_batch, n.last_batch, CASE WHEN n.cut_one THEN $6::bigint END
        )
        AND CASE WHEN $5 THEN m.value_date ELSE m.business_date END <= $4
) AS s
ORDER BY s.batch_no, s.axis_date

-- lines_by_id --
-- Lines of account $2 in the journals $3, each with the share $4 that names it; numbers up to $5.
SELECT n.share, t.recorded_seq, t.line, t.journal_id, k.code AS kind, t.business_date, t.value_date,
    CASE WHEN t.credit_account = $2 THEN t.amount_satang ELSE -t.amount_satang END AS amount_satang,
    c.code AS counter_account, t.reference, t.narrative, t.reverses, t.adjusts, t.forced, t.actor
FROM unnest($3::uuid [], $4::int []) AS n (journal_id, share)
INNER JOIN ledger.transfer AS t ON t.book_id = $1 AND t.journal_id = n.journal_id
INNER JOIN ledger.journal_kind AS k ON k.kind = t.kind
INNER JOIN ledger.account AS c
    ON c.book_id = $1
    AND c.account_id = CASE WHEN t.credit_account = $2 THEN t.debit_account ELSE t.credit_account END
WHERE (t.debit_account = $2 OR t.credit_account = $2) AND t.recorded_seq <= $5

-- lines_between --
-- Lines of account $2 after ($3 number, $4 line) up to number $5, of value date $6 (NULL = of any),
-- at most $7. Bounded on both sides: the index by number answers ranges, in no order.
SELECT t.recorded_seq, t.line, t.journal_id, k.code AS kind, t.business_date, t.value_date,
    CASE WHEN t.credit_account = $2 THEN t.amount_satang ELSE -t.amount_satang END AS amount_satang,
    c.code AS counter_account, t.reference, t.narrative, t.reverses, t.adjusts, t.forced, t.actor
FROM (
    SELECT * FROM ledger.transfer AS f
    WHERE f.book_id = $1 AND f.recorded_seq BETWEEN $3 AND $5
        AND (f.recorded_seq, f.line) > ($3, $4)
        AND (f.debit_account = $2 OR f.credit_account = $2)
        AND ($6::date IS NULL OR f.value_date = $6)
    ORDER BY f.recorded_seq, f.line
    LIMIT $7
) AS t
INNER JOIN ledger.journal_kind AS k ON k.kind = t.kind
INNER JOIN ledger.account AS c
    ON c.book_id = $1
    AND c.account_id = CASE WHEN t.credit_account = $2 THEN t.debit_account ELSE t.credit_account END
ORDER BY t.recorded_seq, t.line

-- lines_near --
-- The same, looked for between the rows of journals $8 and $9, where numbers of a large batch lie. `seen`:
-- how many rows of these numbers are there; if one is missing, they do not lie there.
WITH ends AS MATERIALIZED (
    SELECT min(e.ctid) AS first, max(e.ctid) AS last FROM ledger.transfer AS e
    WHERE e.book_id = $1 AND e.journal_id IN ($8, $9)
), near AS MATERIALIZED (
    SELECT count(*) AS seen, array_agg(f.ctid ORDER BY f.recorded_seq, f.line) FILTER (
            WHERE (f.debit_account = $2 OR f.credit_account = $2)
                AND ($6::date IS NULL OR f.value_date = $6)
        ) AS places
    FROM ledger.transfer AS f
    WHERE f.ctid >= (SELECT ends.first FROM ends) AND f.ctid <= (SELECT ends.last FROM ends)
        -- Not by the index by number, which is looked through whole.
        AND f.book_id = $1 AND f.recorded_seq + 0 <= $5 AND (f.recorded_seq + 0, f.line) > ($3, $4)
)
SELECT t.recorded_seq, t.line, t.journal_id, k.code AS kind, t.business_date, t.value_date,
    CASE WHEN t.credit_account = $2 THEN t.amount_satang ELSE -t.amount_satang END AS amount_satang,
    c.code AS counter_account, t.reference, t.narrative, t.reverses, t.adjusts, t.forced, t.actor,
    near.seen
FROM near
CROSS JOIN LATERAL unnest(near.places[:$7::integer]) AS w (place)
INNER JOIN ledger.transfer AS t ON t.ctid = w.place
INNER JOIN ledger.journal_kind AS k ON k.kind = t.kind
INNER JOIN ledger.account AS c
    ON c.book_id = $1
    AND c.account_id = CASE WHEN t.credit_account = $2 THEN t.debit_account ELSE t.credit_account END
ORDER BY t.recorded_seq, t.line

-- sum_between --
-- The same lines, up to ($5 number, $7 line), added up.
SELECT count(*) AS lines, min(t.recorded_seq) AS first_seq, max(t.recorded_seq) AS last_seq,
    coalesce(sum(
        CASE WHEN t.credit_account = $2 THEN t.amount_satang ELSE -t.amount_satang END
    ), 0)::bigint AS amount
FROM ledger.transfer AS t
WHERE t.book_id = $1 AND t.recorded_seq BETWEEN $3 AND $5
    AND (t.recorded_seq, t.line) > ($3, $4) AND (t.recorded_seq, t.line) <= ($5, $7)
    AND (t.debit_account = $2 OR t.credit_account = $2)
    AND ($6::date IS NULL OR t.value_date = $6)

-- sum_near --
-- The same between the rows of journals $8 and $9, with `seen`, as in lines_near.
WITH ends AS MATERIALIZED (
    SELECT min(e.ctid) AS first, max(e.ctid) AS last FROM ledger.transfer AS e
    WHERE e.book_id = $1 AND e.journal_id IN ($8, $9)
)
SELECT count(*) AS seen, count(*) FILTER (WHERE m.mine) AS lines,
    min(t.recorded_seq) FILTER (WHERE m.mine) AS first_seq,
    max(t.recorded_seq) FILTER (WHERE m.mine) AS last_seq,
    coalesce(sum(
        CASE WHEN t.credit_account = $2 THEN t.amount_satang ELSE -t.amount_satang END
    ) FILTER (WHERE m.mine), 0)::bigint AS amount
FROM ledger.transfer AS t
CROSS JOIN LATERAL (
    SELECT (t.debit_account = $2 OR t.credit_account = $2)
        AND ($6::date IS NULL OR t.value_date = $6) AS mine
) AS m
WHERE t.ctid >= (SELECT ends.first FROM ends) AND t.ctid <= (SELECT ends.last FROM ends)
    AND t.book_id = $1 AND (t.recorded_seq + 0, t.line) > ($3, $4)
    AND (t.recorded_seq + 0, t.line) <= ($5, $7)

-- sum_by_id --
-- Lines of account $2 in the journals $3 after ($4 number, $5 line), added up.
SELECT count(*) AS lines, min(t.recorded_seq) AS first_seq, max(t.recorded_seq) AS last_seq,
    coalesce(sum(
        CASE WHEN t.credit_account = $2 THEN t.amount_satang ELSE -t.amount_satang END
    ), 0)::bigint AS amount
FROM unnest($3::uuid []) AS n (journal_id)
INNER JOIN ledger.transfer AS t ON t.book_id = $1 AND t.journal_id = n.journal_id
-- By id alone: the index by number would bring half a batch.
WHERE (t.recorded_seq + 0, t.line) > ($4, $5) AND (t.debit_account = $2 OR t.credit_account = $2)

-- numbers_of --
SELECT t.recorded_seq FROM unnest($2::uuid []) AS n (journal_id)
INNER JOIN ledger.transfer AS t ON t.book_id = $1 AND t.journal_id = n.journal_id AND t.line = 0

-- sum_before_batch --
-- What moved on axis date $3 in the batches before the one that has number $4, by value date when $5.
WITH here AS (
    SELECT b.batch_no FROM ledger.batch AS b
    WHERE b.book_id = $1 AND b.last_seq >= $4 ORDER BY b.last_seq, b.batch_no LIMIT 1
)
SELECT (
    coalesce((
        SELECT sum(m.credits - m.debits) FROM ledger.movement AS m
        WHERE m.book_id = $1 AND m.account_id = $2 AND m.business_date = $3
            AND (NOT $5 OR m.value_date = $3) AND m.batch_no < (SELECT here.batch_no FROM here)
    ), 0) + coalesce((
        SELECT sum(m.credits - m.debits) FROM ledger.movement AS m
        WHERE $5 AND m.book_id = $1 AND m.account_id = $2 AND m.value_date = $3
            AND m.value_date < m.business_date AND m.batch_no < (SELECT here.batch_no FROM here)
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
