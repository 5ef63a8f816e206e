-- The frame of the night: which dates, which chunks, what is done.

-- chunk_lock --
-- Two-key advisory locks are a space of their own: 1313 a chunk's, 1314 a night's, then the book.
SELECT pg_advisory_xact_lock(1313, $1::integer)

-- begin_night --
SELECT pg_try_advisory_lock(1314, $1::integer)

-- end_night --
SELECT pg_advisory_unlock(1314, $1::integer)

-- contract_chunks --
-- Bounds of chunks of $3 contracts in key order, product by product. The set of contracts of a
-- date that was cut off is frozen: every run makes the same list. Ends are open by ids that no
-- contract has: with NULL the planner would lose the index.
SELECT k.product_code, k.first, k.stop, k.contracts
FROM (
    SELECT
        b.product_code, b.starts,
        CASE
            WHEN b.place = 1 THEN '00000000-0000-0000-0000-000000000000' ELSE b.contract_id
        END AS first,
        CASE
            WHEN lead(b.starts) OVER following THEN lead(b.contract_id) OVER following
            ELSE 'ffffffff-ffff-ffff-ffff-ffffffffffff'
        END AS stop,
        coalesce(
            lead(b.place) OVER following - b.place + (NOT lead(b.starts) OVER following)::integer, 1
        )::integer AS contracts
    FROM (
        -- The first contract of each chunk, and the last of all: counting them would keep a million.
        SELECT
            c.product_code, c.contract_id, row_number() OVER one_product AS place,
            (row_number() OVER one_product - 1) % $3::bigint = 0 AS starts,
            lead(FALSE, 1, TRUE) OVER one_product AS ends
        FROM products.contract AS c
        WHERE c.book_id = $1 AND c.interest_from <= $2 AND (c.closed_on IS NULL OR c.closed_on > $2)
            AND (c.matured_on IS NULL OR c.matured_on > $2)
        WINDOW one_product AS (PARTITION BY c.product_code ORDER BY c.contract_id)
    ) AS b
    WHERE b.starts OR b.ends
    WINDOW following AS (PARTITION BY b.product_code ORDER BY b.place)
) AS k
WHERE k.starts
ORDER BY k.product_code, k.first

-- chunk --
SELECT n.contracts, n.amount_satang, n.refused, n.product_code, n.first_contract, n.stop_contract
FROM products.night_chunk AS n
WHERE n.book_id = $1 AND n.business_date = $2 AND n.step = $3 AND n.chunk = $4

-- chunks_of_day --
SELECT
    n.step, n.chunk, n.contracts, n.amount_satang, n.refused, n.product_code, n.first_contract,
    n.stop_contract
FROM products.night_chunk AS n
WHERE n.book_id = $1 AND n.business_date = $2
ORDER BY n.step, n.chunk

-- contract_numbers --
SELECT c.contract_id, c.contract_no
FROM products.contract AS c
WHERE c.book_id = $1 AND c.contract_id = ANY($2::uuid [])

-- record_chunk --
-- A second run of a chunk (its refusals tried again) replaces the row's sums.
INSERT INTO products.night_chunk (
    book_id, business_date, step, chunk, contracts, amount_satang, refused, product_code,
    first_contract, stop_contract
) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)
ON CONFLICT (book_id, business_date, step, chunk) DO UPDATE
SET contracts = excluded.contracts, amount_satang = excluded.amount_satang,
    refused = excluded.refused, finished_at = clock_timestamp()

-- days_to_run --
-- Dates that are not proven, oldest first.
SELECT d.business_date, d.state
FROM ledger.day AS d
WHERE d.book_id = $1 AND d.state <> 3
ORDER BY d.business_date

-- day --
SELECT d.state, d.cut_seq, d.proven_seq
FROM ledger.day AS d
WHERE d.book_id = $1 AND d.business_date = $2

-- earlier_unproven --
SELECT min(d.business_date)
FROM ledger.day AS d
WHERE d.book_id = $1 AND d.business_date < $2 AND d.state <> 3

-- head_date --
SELECT h.business_date FROM ledger.book_head AS h WHERE h.book_id = $1
