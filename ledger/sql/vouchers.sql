-- Voucher numbers follow from the batches; $1 is the book throughout.

-- vouchers_of --
-- Of the journals numbered $2. Lines of one journal share their number: line 0 stands for it.
SELECT w.recorded_seq, b.fiscal_year::int AS fiscal_year, (
    SELECT b.first_voucher + count(*) FROM ledger.transfer AS t
    WHERE t.book_id = $1 AND t.line = 0
        AND t.recorded_seq >= b.first_seq AND t.recorded_seq < w.recorded_seq
) AS voucher_no
FROM (SELECT DISTINCT s.seq AS recorded_seq FROM unnest($2::bigint []) AS s (seq)) AS w
INNER JOIN LATERAL (
    SELECT o.fiscal_year, o.first_voucher, o.first_seq FROM ledger.batch AS o
    WHERE o.book_id = $1 AND o.last_seq >= w.recorded_seq
    ORDER BY o.last_seq, o.batch_no LIMIT 1
) AS b ON TRUE
WHERE EXISTS (
    SELECT FROM ledger.transfer AS j
    WHERE j.book_id = $1 AND j.recorded_seq = w.recorded_seq AND j.line = 0
)

-- seq_of_voucher --
-- The journal with voucher $3 of fiscal year $2: the batch that took it, then its k-th journal.
WITH taken AS (
    SELECT b.first_seq, b.last_seq, $3 - b.first_voucher AS k, b.journal_count
    FROM ledger.batch AS b
    WHERE b.book_id = $1 AND b.fiscal_year = $2 AND b.first_voucher <= $3
    ORDER BY b.first_voucher DESC, b.batch_no DESC LIMIT 1
)
SELECT t.recorded_seq
FROM taken
INNER JOIN ledger.transfer AS t
    ON t.book_id = $1 AND t.recorded_seq BETWEEN taken.first_seq AND taken.last_seq AND t.line = 0
WHERE taken.k < taken.journal_count
ORDER BY t.recorded_seq
OFFSET (SELECT taken.k FROM taken) LIMIT 1

-- journal_of_seq --
SELECT t.journal_id FROM ledger.transfer AS t
WHERE t.book_id = $1 AND t.recorded_seq = $2 AND t.line = 0
