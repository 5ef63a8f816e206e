-- Seals and proofs. Everything here reads rows up to a number that is proven, which never change;
-- nothing takes the head.

-- key_in_force --
SELECT k.key_id FROM ledger.seal_key AS k WHERE k.retired_at IS NULL

-- key_known --
SELECT EXISTS (SELECT FROM ledger.seal_key AS k WHERE k.key_id = $1)

-- register_key --
INSERT INTO ledger.seal_key (key_id, public_key) VALUES ($1, $2) ON CONFLICT DO NOTHING

-- retire_keys --
UPDATE ledger.seal_key AS k SET retired_at = clock_timestamp() WHERE k.retired_at IS NULL

-- keys --
SELECT k.key_id, k.public_key, k.valid_from, k.retired_at
FROM ledger.seal_key AS k ORDER BY k.valid_from, k.key_id

-- days_to_seal --
-- Proven days after the last sealed one, in order, each with the batch that ends with its number.
SELECT k.code AS book_code, d.business_date, d.proven_seq, b.batch_no, b.last_seq, b.digest
FROM ledger.day AS d
INNER JOIN ledger.book AS k ON k.book_id = d.book_id
CROSS JOIN LATERAL (
    SELECT b.batch_no, b.last_seq, b.digest FROM ledger.batch AS b
    WHERE b.book_id = d.book_id AND b.last_seq >= d.proven_seq
    -- Batches of refusals alone that follow end with the same number.
    ORDER BY b.last_seq, b.batch_no LIMIT 1
) AS b
WHERE d.book_id = $1 AND d.state = 3 AND d.business_date > coalesce((
    SELECT max(s.business_date) FROM ledger.seal AS s WHERE s.book_id = $1
), '-infinity')
ORDER BY d.business_date

-- journals --
-- Transfers numbered after $2 up to $3, at most $4 rows.
SELECT t.recorded_seq, t.journal_id, t.kind, t.may_exceed_limit, t.business_date, t.value_date,
    t.actor, t.reference, t.narrative, t.hold_id, t.reverses, t.forced, t.adjusts,
    t.debit_account, t.credit_account, t.amount_satang
FROM ledger.transfer AS t
WHERE t.book_id = $1 AND t.recorded_seq > $2 AND t.recorded_seq <= $3
ORDER BY t.recorded_seq, t.line
LIMIT $4

-- journal_rows --
-- The same transfers as COPY gives them, fields in the order of docs/digest.md; before them, how many
-- bytes the row has for its texts and for what it refers to. Dates are days since 1970-01-01.
SELECT octet_length(t.actor) + octet_length(t.reference) + octet_length(t.narrative)
    + 16 * num_nonnulls(t.hold_id, t.reverses, t.adjusts) AS beyond,
    t.recorded_seq, t.journal_id, t.kind, t.may_exceed_limit,
    t.business_date - DATE '1970-01-01' AS business_day,
    t.value_date - DATE '1970-01-01' AS value_day,
    t.forced, t.hold_id, t.reverses, t.adjusts, t.actor, t.reference, t.narrative,
    t.debit_account, t.credit_account, t.amount_satang
FROM ledger.transfer AS t
WHERE t.book_id = $1 AND t.recorded_seq > $2 AND t.recorded_seq <= $3
ORDER BY t.recorded_seq, t.line
LIMIT $4

-- batch_versions --
-- Batches that hold numbers after $2 up to $3.
SELECT b.last_seq, b.digest_version
FROM ledger.batch AS b
WHERE b.book_id = $1 AND b.last_seq > $2 AND b.first_seq <= $3 AND b.last_seq >= b.first_seq
    -- One batch reaches beyond $3 at most.
    AND b.last_seq <= coalesce((
        SELECT min(n.last_seq) FROM ledger.batch AS n WHERE n.book_id = $1 AND n.last_seq >= $3
    ), $3)
ORDER BY b.last_seq

-- gl_codes --
SELECT a.account_id, a.gl_code FROM ledger.account AS a WHERE a.book_id = $1

-- earlier_movements --
-- Turnover by GL code of business dates after $2 up to $3 in batches up to $4.
SELECT a.gl_code, sum(m.debits)::numeric(30, 0) AS debits, sum(m.credits)::numeric(30, 0) AS credits
FROM ledger.movement AS m
INNER JOIN ledger.account AS a ON a.book_id = m.book_id AND a.account_id = m.account_id
WHERE m.book_id = $1 AND m.business_date > $2 AND m.business_date <= $3 AND m.batch_no <= $4
GROUP BY a.gl_code

-- summarize --
-- Outside any transaction, before a day's numbers are read.
SELECT ledger.summarize_numbers()

-- last_seal --
SELECT s.seal_no FROM ledger.seal AS s WHERE s.book_id = $1 ORDER BY s.seal_no DESC LIMIT 1

-- seals --
-- Seals numbered after $2 up to $3, at most $4.
SELECT s.*, k.code AS book_code
FROM ledger.seal AS s INNER JOIN ledger.book AS k ON k.book_id = s.book_id
WHERE s.book_id = $1 AND s.seal_no > $2 AND s.seal_no <= $3
ORDER BY s.seal_no
LIMIT $4

-- keep_seal --
INSERT INTO ledger.seal (
    book_id, seal_no, version, business_date, first_seq, last_seq, journal_count, transfer_count,
    amount_sum, merkle_root, trial_balance, debits, credits, batch_no, batch_digest, previous,
    hash, signature, key_id
)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19)

-- keep_nodes --
INSERT INTO ledger.seal_node (book_id, seal_no, piece, first_seq, leaves, node)
SELECT $1, $2, n.piece, n.first_seq, n.leaves, n.node
FROM unnest($3::integer [], $4::bigint [], $5::integer [], $6::bytea [])
AS n (piece, first_seq, leaves, node)

-- journal_numbers --
-- Numbers of journals by id.
SELECT DISTINCT t.journal_id, t.recorded_seq
FROM ledger.transfer AS t WHERE t.book_id = $1 AND t.journal_id = ANY($2::uuid [])

-- seals_of --
-- The seal over each of these numbers; a number that is not sealed yet has no row.
SELECT q.recorded_seq, s.seal_no, s.first_seq, s.last_seq
FROM unnest($2::bigint []) AS q (recorded_seq)
CROSS JOIN LATERAL (
    SELECT s.seal_no, s.first_seq, s.last_seq FROM ledger.seal AS s
    WHERE s.book_id = $1 AND s.last_seq >= q.recorded_seq ORDER BY s.last_seq LIMIT 1
) AS s

-- nodes --
SELECT n.piece, n.first_seq, n.leaves, n.node
FROM ledger.seal_node AS n WHERE n.book_id = $1 AND n.seal_no = $2 ORDER BY n.piece

-- sealed_until --
SELECT s.last_seq, s.batch_no FROM ledger.seal AS s
WHERE s.book_id = $1 ORDER BY s.seal_no DESC LIMIT 1

-- last_sealed_date --
-- The last business date that is whole under a seal.
SELECT max(s.business_date) FROM ledger.seal AS s WHERE s.book_id = $1

-- statement_opening --
-- Balance of account $2 before business date $3, in batches up to $4.
SELECT coalesce(sum(m.credits - m.debits), 0)::bigint AS balance
FROM ledger.movement AS m
WHERE m.book_id = $1 AND m.account_id = $2 AND m.business_date < $3 AND m.batch_no <= $4

-- statement_journals --
-- Numbers of the journals that moved account $2 on business dates $3 to $4 in batches up to $5.
-- Movements name them when they are few; otherwise the batch's own range is looked through.
SELECT t.recorded_seq
FROM ledger.movement AS m
CROSS JOIN LATERAL unnest(m.journals) AS j (journal_id)
INNER JOIN ledger.transfer AS t
    ON t.book_id = m.book_id AND t.journal_id = j.journal_id AND t.line = 0
WHERE m.book_id = $1 AND m.account_id = $2 AND m.business_date BETWEEN $3 AND $4
    AND m.batch_no <= $5
UNION
SELECT t.recorded_seq
FROM ledger.movement AS m
INNER JOIN ledger.batch AS b ON b.book_id = m.book_id AND b.batch_no = m.batch_no
INNER JOIN ledger.transfer AS t
    ON t.book_id = m.book_id AND t.recorded_seq BETWEEN b.first_seq AND b.last_seq
WHERE m.book_id = $1 AND m.account_id = $2 AND m.business_date BETWEEN $3 AND $4
    AND m.batch_no <= $5 AND m.journals IS NULL AND (t.debit_account = $2 OR t.credit_account = $2)
ORDER BY recorded_seq
