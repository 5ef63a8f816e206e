-- Voucher numbers follow from the batches and their events; $1 is the book throughout. Numbers of a
-- batch that are no event's are journals', so no transfer has to be read.

-- vouchers_of --
-- Of the journals among the numbers $2.
SELECT w.recorded_seq, b.fiscal_year::int AS fiscal_year, b.first_voucher + w.recorded_seq
    - b.first_seq - (
        SELECT count(*) FROM ledger.event AS e
        WHERE b.event_count > 0 AND e.book_id = $1
            AND e.recorded_seq >= b.first_seq AND e.recorded_seq < w.recorded_seq
    ) AS voucher_no
FROM (SELECT DISTINCT s.seq AS recorded_seq FROM unnest($2::bigint []) AS s (seq)) AS w
CROSS JOIN LATERAL (
    SELECT o.fiscal_year, o.first_voucher, o.first_seq, o.event_count FROM ledger.batch AS o
    WHERE o.book_id = $1 AND o.last_seq >= w.recorded_seq
    ORDER BY o.last_seq, o.batch_no LIMIT 1
) AS b
WHERE w.recorded_seq >= b.first_seq AND NOT EXISTS (
    SELECT FROM ledger.event AS e
    WHERE b.event_count > 0 AND e.book_id = $1 AND e.recorded_seq = w.recorded_seq
)

-- seq_of_voucher --
-- The journal with voucher $3 of fiscal year $2: the batch that took it, then its k-th number that
-- is no event's. The events before it: the i-th of the batch (from 0) stands before the k-th journal
-- if what is before it besides events is k journals at most.
WITH taken AS (
    SELECT b.first_seq, b.last_seq, $3 - b.first_voucher AS k, b.event_count
    FROM ledger.batch AS b
    WHERE b.book_id = $1 AND b.fiscal_year = $2 AND b.first_voucher <= $3 AND b.journal_count > 0
    ORDER BY b.first_voucher DESC, b.batch_no DESC LIMIT 1
)
SELECT taken.first_seq + taken.k + (
    SELECT count(*) FROM (
        SELECT e.recorded_seq, row_number() OVER (ORDER BY e.recorded_seq) - 1 AS place
        FROM ledger.event AS e
        WHERE taken.event_count > 0 AND e.book_id = $1
            AND e.recorded_seq BETWEEN taken.first_seq AND taken.last_seq
    ) AS n
    WHERE n.recorded_seq - taken.first_seq - n.place <= taken.k
) AS recorded_seq
FROM taken
WHERE taken.k < taken.last_seq - taken.first_seq + 1 - taken.event_count

-- journal_of_seq --
-- No ORDER, no LIMIT: a range of one number, which its index answers.
SELECT t.journal_id FROM ledger.transfer AS t
WHERE t.book_id = $1 AND t.recorded_seq = $2 AND t.line = 0
