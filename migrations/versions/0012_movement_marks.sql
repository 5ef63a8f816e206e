-- Marks inside large batches: a statement that begins or is cut in one adds up a few rows only.
SET LOCAL lock_timeout = '5s';
SET LOCAL statement_timeout = '0';

-- What a movement came to after every 2,048 numbers of its batch: element i is of the numbers from
-- first_seq to first_seq + 2048 * i - 1; the whole batch is the movement itself. Of accounts with at
-- least one in 1,024 of the transfers, in batches of more than 2,048 journals of one transfer each.
CREATE TABLE ledger.movement_mark (
    book_id integer NOT NULL,
    account_id integer NOT NULL,
    batch_no bigint NOT NULL,
    value_date date NOT NULL,
    transfers integer [] NOT NULL,
    debits bigint [] NOT NULL,
    credits bigint [] NOT NULL,
    PRIMARY KEY (book_id, account_id, batch_no, value_date),
    CHECK (cardinality(transfers) >= 1 AND cardinality(debits) = cardinality(transfers)
        AND cardinality(credits) = cardinality(transfers)),
    CHECK (array_lower(transfers, 1) = 1 AND array_lower(debits, 1) = 1
        AND array_lower(credits, 1) = 1)
);
COMMENT ON TABLE ledger.movement_mark IS
'Running sums of a movement after every 2,048 numbers of its batch; for reading, nothing is judged by it.';

-- Batches that are recorded already: as the bulk path would have written them.
INSERT INTO ledger.movement_mark (
    book_id, account_id, batch_no, value_date, transfers, debits, credits
)
WITH large AS MATERIALIZED (
    SELECT b.book_id, b.batch_no, b.first_seq, b.last_seq, b.transfer_count
    FROM ledger.batch AS b
    WHERE b.transfer_count > 2048 AND b.journal_count = b.transfer_count AND b.event_count = 0
), dense AS MATERIALIZED (
    SELECT m.book_id, m.batch_no, m.account_id
    FROM large AS g
    INNER JOIN ledger.movement AS m ON m.book_id = g.book_id AND m.batch_no = g.batch_no
    GROUP BY m.book_id, m.batch_no, m.account_id
    HAVING sum(m.transfers) * 1024 >= min(g.transfer_count)
), parts AS MATERIALIZED (
    SELECT g.book_id, g.batch_no, x.account_id, t.value_date,
        (t.recorded_seq - g.first_seq) / 2048 AS part, count(*) AS transfers,
        sum(x.debits) AS debits, sum(x.credits) AS credits
    FROM large AS g
    INNER JOIN ledger.transfer AS t
        ON t.book_id = g.book_id AND t.recorded_seq BETWEEN g.first_seq AND g.last_seq
    CROSS JOIN LATERAL (
        VALUES (t.debit_account, t.amount_satang, 0), (t.credit_account, 0, t.amount_satang)
    ) AS x (account_id, debits, credits)
    INNER JOIN dense AS d
        ON d.book_id = g.book_id AND d.batch_no = g.batch_no AND d.account_id = x.account_id
    GROUP BY g.book_id, g.batch_no, x.account_id, t.value_date, part
), every_mark AS (
    SELECT r.book_id, r.batch_no, r.account_id, r.value_date, n.mark,
        sum(coalesce(p.transfers, 0)) OVER running AS transfers,
        sum(coalesce(p.debits, 0)) OVER running AS debits,
        sum(coalesce(p.credits, 0)) OVER running AS credits
    FROM (SELECT DISTINCT f.book_id, f.batch_no, f.account_id, f.value_date FROM parts AS f) AS r
    INNER JOIN large AS g ON g.book_id = r.book_id AND g.batch_no = r.batch_no
    CROSS JOIN LATERAL generate_series(1, (g.last_seq - g.first_seq) / 2048) AS n (mark)
    LEFT JOIN parts AS p
        ON p.book_id = r.book_id AND p.batch_no = r.batch_no AND p.account_id = r.account_id
        AND p.value_date = r.value_date AND p.part = n.mark - 1
    WINDOW running AS (
        PARTITION BY r.book_id, r.batch_no, r.account_id, r.value_date ORDER BY n.mark
    )
)
SELECT e.book_id, e.account_id, e.batch_no, e.value_date,
    array_agg(e.transfers::integer ORDER BY e.mark),
    array_agg(e.debits::bigint ORDER BY e.mark),
    array_agg(e.credits::bigint ORDER BY e.mark)
FROM every_mark AS e
GROUP BY e.book_id, e.account_id, e.batch_no, e.value_date;

-- The journals at every 2,048th number of such a batch, from its first, and the last: between the
-- rows of two of them lie the rows of the numbers between, unless somebody moved them; who reads so
-- counts what he finds. NULL = none kept.
ALTER TABLE ledger.batch ADD COLUMN marks uuid [];
COMMENT ON COLUMN ledger.batch.marks IS
'Journals at every 2,048th number from first_seq on, and the one at last_seq; NULL = not kept.';
ALTER TABLE ledger.batch DISABLE TRIGGER append_only;
UPDATE ledger.batch AS b
SET marks = (
    SELECT array_agg(t.journal_id ORDER BY t.recorded_seq)
        FILTER (WHERE (t.recorded_seq - b.first_seq) % 2048 = 0)
        || (array_agg(t.journal_id) FILTER (WHERE t.recorded_seq = b.last_seq))
    FROM ledger.transfer AS t
    WHERE t.book_id = b.book_id AND t.recorded_seq BETWEEN b.first_seq AND b.last_seq
)
WHERE b.transfer_count > 2048 AND b.journal_count = b.transfer_count AND b.event_count = 0;
ALTER TABLE ledger.batch ENABLE TRIGGER append_only;

SELECT ledger.make_append_only('ledger.movement_mark');

-- Marks are written with their batch, never later.
CREATE FUNCTION ledger.marks_match_batch() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    wrong record;
BEGIN
    SELECT n.book_id, n.batch_no INTO wrong
    FROM (SELECT DISTINCT m.book_id, m.batch_no FROM new_rows AS m) AS n
    LEFT JOIN LATERAL (
        SELECT b.batch_no, b.xact
        FROM ledger.batch AS b WHERE b.book_id = n.book_id ORDER BY b.batch_no DESC LIMIT 1
    ) AS newest ON TRUE
    WHERE newest.batch_no IS DISTINCT FROM n.batch_no OR newest.xact <> pg_current_xact_id()
    LIMIT 1;
    IF FOUND THEN
        RAISE EXCEPTION 'marks of book % batch % are not written with the batch',
            wrong.book_id, wrong.batch_no
            USING ERRCODE = 'LG003', HINT = 'Money moves only through the posting path.';
    END IF;
    RETURN NULL;
END
$$;
CREATE TRIGGER match_batch AFTER INSERT ON ledger.movement_mark
REFERENCING NEW TABLE AS new_rows
FOR EACH STATEMENT EXECUTE FUNCTION ledger.marks_match_batch();

GRANT SELECT ON ledger.movement_mark TO cff_reader, cff_auditor, cff_application, cff_poster;
GRANT INSERT ON ledger.movement_mark TO cff_poster;

-- An early form of 0011 had these tables vacuumed as soon as rows came: each page that is marked after a
-- checkpoint is logged whole once more, so rarely, whatever form a book was migrated by.
ALTER TABLE ledger.transfer RESET (
    autovacuum_vacuum_insert_threshold, autovacuum_vacuum_cost_delay
);
ALTER TABLE ledger.transfer SET (
    autovacuum_vacuum_insert_scale_factor = 0.5, autovacuum_analyze_scale_factor = 0.5
);
ALTER TABLE ledger.movement RESET (
    autovacuum_vacuum_insert_threshold, autovacuum_vacuum_cost_delay
);
ALTER TABLE ledger.movement SET (
    autovacuum_vacuum_insert_scale_factor = 0.5, autovacuum_analyze_scale_factor = 0.5
);
