-- Bank accounts, statements, their lines, and what joins lines to notices.

-- add_bank_account --
INSERT INTO products.bank_account (
    book_id, bank_code, bank_no, account_no, name_th, name_en, account_id, opening_sequence_no,
    opening_balance_satang
) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)

-- set_payment_accounts --
INSERT INTO products.payment_accounts (
    book_id, suspense_receipts, suspense_payments, outgoing_clearing, bank_fees
) VALUES ($1, $2, $3, $4, $5)

-- bank_accounts --
SELECT bank_code, bank_no, account_no, name_th, name_en, account_id, opening_sequence_no,
    opening_balance_satang AS opening_satang
FROM products.bank_account WHERE book_id = $1 ORDER BY bank_code

-- payment_accounts --
SELECT suspense_receipts, suspense_payments, outgoing_clearing, bank_fees
FROM products.payment_accounts WHERE book_id = $1

-- controlled_accounts --
SELECT b.account_id FROM products.bank_account AS b WHERE b.book_id = $1
UNION
SELECT k.account_id
FROM products.payment_accounts AS a
CROSS JOIN LATERAL (
    VALUES (a.suspense_receipts), (a.suspense_payments), (a.outgoing_clearing)
) AS k (account_id)
WHERE a.book_id = $1

-- intake --
SELECT finished_at, result FROM products.file_intake WHERE book_id = $1 AND sha256 = $2

-- begin_intake --
-- A file that came to the wrong door before begins anew at this one.
INSERT INTO products.file_intake (book_id, sha256, kind, name, bytes, received_by, received_at)
VALUES ($1, $2, $3, $4, $5, $6, $7)
ON CONFLICT (book_id, sha256) DO UPDATE
SET kind = excluded.kind, name = excluded.name, received_by = excluded.received_by,
    received_at = excluded.received_at, finished_at = NULL, result = DEFAULT
WHERE file_intake.kind <> excluded.kind

-- finish_intake --
UPDATE products.file_intake SET finished_at = $3, result = $4
WHERE book_id = $1 AND sha256 = $2

-- last_statement --
-- The newest statement of a bank account; none before the first.
SELECT sequence_no, closing_satang, booking_to FROM products.bank_statement
WHERE book_id = $1 AND bank_code = $2 ORDER BY sequence_no DESC LIMIT 1

-- statement_of --
SELECT statement_id, content_sha256, loaded_seq FROM products.bank_statement
WHERE book_id = $1 AND bank_code = $2 AND sequence_no = $3

-- known_references --
-- Lines of earlier statements that carry one of these bank references.
SELECT l.bank_reference, s.sequence_no
FROM products.bank_line AS l
INNER JOIN products.bank_statement AS s
    ON s.book_id = l.book_id AND s.statement_id = l.statement_id
WHERE l.book_id = $1 AND l.bank_code = $2 AND l.bank_reference = ANY($3::text [])
ORDER BY s.sequence_no, l.line_no

-- insert_statement --
-- A statement and all its lines in one statement: never the one without the other.
WITH head AS (
    INSERT INTO products.bank_statement (
        book_id, statement_id, bank_code, sequence_no, bank_reference, booking_from, booking_to,
        opening_satang, closing_satang, line_count, loaded_on, loaded_seq, content_sha256,
        file_sha256
    )
    SELECT $1, $2, $3, $4, $5, $6, $7, $8, $9, cardinality($13::uuid []), h.business_date, $10,
        $11, $12
    FROM ledger.book_head AS h WHERE h.book_id = $1
)
INSERT INTO products.bank_line (
    book_id, line_id, statement_id, bank_code, line_no, bank_reference, amount_satang, is_credit,
    booking_date, value_date, kind, is_reversal, reference, remittance, counterparty,
    original_reference, status
)
SELECT $1, t.line_id, $2, $3, t.line_no, t.bank_reference, t.amount_satang, t.is_credit,
    t.booking_date, t.value_date, t.kind, t.is_reversal, t.reference, t.remittance,
    t.counterparty, t.original_reference, 1
FROM unnest(
    $13::uuid [], $14::int [], $15::text [], $16::bigint [], $17::boolean [], $18::date [],
    $19::date [], $20::smallint [], $21::boolean [], $22::text [], $23::text [], $24::text [],
    $25::text []
) AS t (
    line_id, line_no, bank_reference, amount_satang, is_credit, booking_date, value_date, kind,
    is_reversal, reference, remittance, counterparty, original_reference
)

-- open_lines --
-- Lines not yet posted and lines in suspense, in the order of the statements; $2 NULL = all banks.
SELECT l.line_id, l.statement_id, l.bank_code, l.line_no, l.bank_reference, l.amount_satang,
    l.is_credit, l.booking_date, l.value_date, l.kind, l.is_reversal, l.reference, l.remittance,
    l.counterparty, l.original_reference, l.status, l.version, l.posted_on, l.posted_journal
FROM products.bank_line AS l
INNER JOIN products.bank_statement AS s
    ON s.book_id = l.book_id AND s.statement_id = l.statement_id
WHERE l.book_id = $1 AND l.status IN (1, 2) AND ($2::text IS NULL OR l.bank_code = $2)
ORDER BY l.bank_code, s.sequence_no, l.line_no

-- lines --
SELECT l.line_id, l.statement_id, l.bank_code, l.line_no, l.bank_reference, l.amount_satang,
    l.is_credit, l.booking_date, l.value_date, l.kind, l.is_reversal, l.reference, l.remittance,
    l.counterparty, l.original_reference, l.status, l.version, l.posted_on, l.posted_journal
FROM products.bank_line AS l
WHERE l.book_id = $1 AND l.line_id = ANY($2::uuid [])

-- lock_lines --
SELECT l.line_id, l.version
FROM products.bank_line AS l
WHERE l.book_id = $1 AND l.line_id = ANY($2::uuid [])
ORDER BY l.line_id FOR NO KEY UPDATE SKIP LOCKED

-- candidates --
-- Notices that a line might be about: open ones of the same bank and amount, and whatever carries
-- one of the references; besides, what the bank has done with a withdrawal so far.
WITH found AS (
    SELECT n.notice_id FROM products.notice AS n
    INNER JOIN (
        SELECT DISTINCT t.bank_code, t.amount_satang
        FROM unnest($2::text [], $3::bigint []) AS t (bank_code, amount_satang)
    ) AS w ON w.bank_code = n.bank_code AND w.amount_satang = n.amount_satang
    WHERE n.book_id = $1 AND n.status IN (1, 13)
    UNION
    SELECT n.notice_id FROM products.notice AS n
    WHERE n.book_id = $1 AND n.reference = ANY($4::text [])
        AND (n.status IN (1, 13) OR (n.status IN (3, 22) AND n.kind = 2))
    UNION
    SELECT t.notice_id FROM unnest($5::uuid []) AS t (notice_id)
)
SELECT f.notice_id,
    EXISTS (
        SELECT FROM products.bank_match AS m
        WHERE m.book_id = $1 AND m.notice_id = f.notice_id AND m.purpose = 1
            AND m.undone_seq IS NULL
    ) AS settled,
    EXISTS (
        SELECT FROM products.bank_match AS m
        WHERE m.book_id = $1 AND m.notice_id = f.notice_id AND m.purpose = 2
            AND m.undone_seq IS NULL
    ) AS returned
FROM found AS f

-- standing --
-- The head's dates and the accounts on which payments wait, with each bank's: a row a bank, or one.
-- In each the codes of the remembered refusals of our own events $2, in the order of being given.
SELECT h.business_date, h.value_date_floor, a.suspense_receipts, a.suspense_payments,
    a.outgoing_clearing, a.bank_fees, b.bank_code, b.bank_no, b.account_no, b.name_th, b.name_en,
    b.account_id, b.opening_sequence_no, b.opening_balance_satang AS opening_satang,
    ARRAY(
        SELECT r.event_id FROM ledger.refusal AS r
        WHERE r.book_id = $1 AND r.event_id = ANY((SELECT $2::text::uuid [])::uuid []) AND r.sticky
        ORDER BY r.batch_no, r.position
    ) AS refused_events,
    ARRAY(
        SELECT r.code FROM ledger.refusal AS r
        WHERE r.book_id = $1 AND r.event_id = ANY((SELECT $2::text::uuid [])::uuid []) AND r.sticky
        ORDER BY r.batch_no, r.position
    ) AS refused_codes
FROM ledger.book_head AS h
INNER JOIN products.payment_accounts AS a ON a.book_id = h.book_id
LEFT JOIN products.bank_account AS b ON b.book_id = h.book_id
WHERE h.book_id = $1 ORDER BY b.bank_code

-- named --
-- Lines $2 and notices $3, a row a pair of which either may be missing: the columns of `lines`, then
-- those of `notices`, last of withdrawals also what the bank has done so far.
SELECT l.line_id, l.statement_id, l.bank_code, l.line_no, l.bank_reference, l.amount_satang,
    l.is_credit, l.booking_date, l.value_date, l.kind, l.is_reversal, l.reference, l.remittance,
    l.counterparty, l.original_reference, l.status, l.version, l.posted_on, l.posted_journal,
    n.notice_id, n.kind, n.status, n.version, n.contract_id, c.contract_no, c.party_id,
    c.account_id, n.bank_code, n.amount_satang, n.value_date, n.reference, n.made_by,
    n.received_by, n.approved_by, n.received_on, n.received_seq, n.changed_seq, n.posted_journal,
    m.purposes
FROM unnest($2::text::uuid [], $3::text::uuid []) AS w (line_id, notice_id)
LEFT JOIN products.bank_line AS l ON l.book_id = $1 AND l.line_id = w.line_id
LEFT JOIN products.notice AS n ON n.book_id = $1 AND n.notice_id = w.notice_id
LEFT JOIN products.contract AS c ON c.book_id = $1 AND c.contract_id = n.contract_id
LEFT JOIN LATERAL (
    SELECT array_agg(m.purpose) AS purposes FROM products.bank_match AS m
    WHERE n.kind = 2 AND m.book_id = $1 AND m.notice_id = n.notice_id AND m.undone_seq IS NULL
) AS m ON TRUE

-- undone_pairs --
SELECT m.line_id, m.notice_id FROM products.bank_match AS m
WHERE m.book_id = $1 AND m.line_id = ANY($2::uuid []) AND m.undone_seq IS NOT NULL

-- refused_events --
-- Remembered refusals of our own events, in the order in which they were given.
SELECT r.event_id, r.code FROM ledger.refusal AS r
WHERE r.book_id = $1 AND r.event_id = ANY($2::uuid []) AND r.sticky
ORDER BY r.batch_no, r.position

-- post_line --
-- The line's bank side is posted: into suspense or to bank fees.
UPDATE products.bank_line AS l
SET status = $4, version = l.version + 1, posted_journal = $5,
    posted_on = coalesce(l.posted_on, h.business_date)
FROM ledger.book_head AS h
WHERE h.book_id = $1 AND l.book_id = $1 AND l.line_id = $2 AND l.version = $3

-- match_lines --
-- Lines are explained by notices, a row a pair: one call for all units of a batch.
SELECT products.match_lines(
    $1, $2::text::uuid [], $3::text::int [], $4::text::smallint [], $5::text::uuid [],
    $6::text::uuid [], $7::text::int [], $8::text::smallint [], $9::text::uuid [],
    $10::text::uuid [], $11::text::bigint [], $12::text::smallint [], $13::text::smallint [],
    $14::text [], $15::text::bigint []
)

-- matches_of --
-- The live matches of a line.
SELECT m.match_id, m.notice_id, m.amount_satang, m.purpose, m.journal_id
FROM products.bank_match AS m
WHERE m.book_id = $1 AND m.line_id = $2 AND m.undone_seq IS NULL
ORDER BY m.match_id

-- settled_before --
-- Of these withdrawals, those that a live match of the bank's debit names.
SELECT DISTINCT m.notice_id FROM products.bank_match AS m
WHERE m.book_id = $1 AND m.notice_id = ANY($2::uuid []) AND m.purpose = 1
    AND m.undone_seq IS NULL

-- journal_transfers --
SELECT t.debit_account, t.credit_account, t.amount_satang, t.value_date
FROM ledger.transfer AS t
WHERE t.book_id = $1 AND t.journal_id = $2 ORDER BY t.line

-- unmatch_line --
-- The line goes back to suspense, its notices to where they came from, the matches stay as history.
WITH line AS (
    UPDATE products.bank_line AS l
    SET status = 2, version = l.version + 1, posted_journal = $4
    WHERE l.book_id = $1 AND l.line_id = $2 AND l.version = $3
), changed AS (
    UPDATE products.notice AS n
    SET status = t.status, version = n.version + 1, changed_seq = $5,
        posted_journal = CASE WHEN n.kind = 1 THEN NULL ELSE n.posted_journal END
    FROM unnest($6::uuid [], $7::int [], $8::smallint []) AS t (notice_id, version, status)
    WHERE n.book_id = $1 AND n.notice_id = t.notice_id AND n.version = t.version
)
UPDATE products.bank_match AS m SET undone_by = $9, undone_seq = $5
WHERE m.book_id = $1 AND m.line_id = $2 AND m.undone_seq IS NULL

-- hold_head --
-- A batch spends proposals under the head; who renews them waits for it there, not row by row.
SELECT h.recorded_seq FROM ledger.book_head AS h WHERE h.book_id = $1 FOR UPDATE

-- clear_proposals --
DELETE FROM products.match_proposal AS p
WHERE p.book_id = $1 AND p.line_id = ANY($2::uuid [])

-- write_proposals --
INSERT INTO products.match_proposal (book_id, line_id, notice_id, reason, made_seq)
SELECT $1, t.line_id, t.notice_id, t.reason, h.recorded_seq
FROM unnest($2::uuid [], $3::uuid [], $4::text []) AS t (line_id, notice_id, reason)
INNER JOIN products.bank_line AS l
    ON l.book_id = $1 AND l.line_id = t.line_id AND l.status = 2
CROSS JOIN ledger.book_head AS h
WHERE h.book_id = $1
ON CONFLICT (book_id, line_id, notice_id) DO UPDATE
SET reason = excluded.reason, made_seq = excluded.made_seq

-- proposals --
-- What a person is asked, the oldest line first.
SELECT p.line_id, p.notice_id, p.reason, l.bank_code, l.bank_reference, l.value_date,
    l.amount_satang AS line_satang, n.amount_satang AS notice_satang, n.reference,
    l.reference AS line_reference, c.contract_no
FROM products.match_proposal AS p
INNER JOIN products.bank_line AS l ON l.book_id = p.book_id AND l.line_id = p.line_id
INNER JOIN products.notice AS n ON n.book_id = p.book_id AND n.notice_id = p.notice_id
INNER JOIN products.contract AS c ON c.book_id = n.book_id AND c.contract_id = n.contract_id
WHERE p.book_id = $1 AND l.status = 2 AND ($2::uuid IS NULL OR p.line_id = $2)
ORDER BY l.value_date, p.line_id, p.notice_id

-- suspended_lines --
-- Lines waiting in suspense, the oldest first. A line that was taken apart waits since then: not
-- the day that the bank's account was moved for it counts, but its last note 122 (line_suspended).
SELECT l.line_id, l.bank_code, l.bank_reference, l.is_credit, l.amount_satang, l.value_date,
    e.since AS posted_on, l.reference, l.counterparty
FROM products.bank_line AS l
CROSS JOIN LATERAL (
    SELECT coalesce(max(n.business_date), l.posted_on) AS since
    FROM ledger.event AS n
    WHERE n.book_id = l.book_id AND n.subject = l.line_id AND n.kind = 122
) AS e
WHERE l.book_id = $1 AND l.status = 2
ORDER BY e.since, l.bank_code, l.bank_reference

-- statements_until --
SELECT s.bank_code, s.sequence_no, s.booking_from, s.booking_to, s.opening_satang,
    s.closing_satang, s.line_count
FROM products.bank_statement AS s
WHERE s.book_id = $1 AND s.booking_to <= $2
ORDER BY s.bank_code, s.sequence_no

-- book_balances --
-- What the book says each bank account held at the end of a business date (debits - credits).
SELECT a.bank_code, coalesce(m.debits_after - m.credits_after, 0) AS balance_satang
FROM products.bank_account AS a
LEFT JOIN LATERAL (
    SELECT t.debits_after, t.credits_after FROM ledger.movement AS t
    WHERE t.book_id = a.book_id AND t.account_id = a.account_id AND t.business_date <= $2
    ORDER BY t.business_date DESC, t.batch_no DESC LIMIT 1
) AS m ON TRUE
WHERE a.book_id = $1

-- waiting --
-- The accounts on which payments wait, at the end of a business date: what lines and notices say
-- should stand there (credits - debits) and what does. A withdrawal that was paid waits in clearing
-- until the bank's debit is joined to it, whether or not its money came back meanwhile.
WITH accounts AS (
    SELECT k.account_id, k.name
    FROM products.payment_accounts AS a
    CROSS JOIN LATERAL (
        VALUES (a.suspense_receipts, 'suspense receipts'),
        (a.suspense_payments, 'suspense payments'), (a.outgoing_clearing, 'outgoing clearing')
    ) AS k (account_id, name)
    WHERE a.book_id = $1
), joined AS (
    SELECT m.line_id, m.purpose, m.amount_satang, l.is_credit
    FROM products.bank_match AS m
    INNER JOIN products.bank_line AS l ON l.book_id = m.book_id AND l.line_id = m.line_id
    CROSS JOIN LATERAL (
        SELECT b.business_date FROM ledger.batch AS b
        WHERE b.book_id = m.book_id AND b.last_seq >= m.made_seq
        ORDER BY b.last_seq, b.batch_no LIMIT 1
    ) AS made
    LEFT JOIN LATERAL (
        SELECT b.business_date FROM ledger.batch AS b
        WHERE b.book_id = m.book_id AND b.last_seq >= m.undone_seq
        ORDER BY b.last_seq, b.batch_no LIMIT 1
    ) AS undone ON TRUE
    WHERE m.book_id = $1 AND made.business_date <= $2
        AND (undone.business_date IS NULL OR undone.business_date > $2)
), parts AS (
    SELECT CASE WHEN l.is_credit THEN a.suspense_receipts ELSE a.suspense_payments END AS account_id,
        CASE WHEN l.is_credit THEN l.amount_satang ELSE -l.amount_satang END AS satang
    FROM products.bank_line AS l
    INNER JOIN products.payment_accounts AS a ON a.book_id = l.book_id
    WHERE l.book_id = $1 AND l.posted_on <= $2 AND l.status <> 4
    UNION ALL
    SELECT CASE WHEN j.is_credit THEN a.suspense_receipts ELSE a.suspense_payments END,
        CASE WHEN j.is_credit THEN -j.amount_satang ELSE j.amount_satang END
    FROM joined AS j
    INNER JOIN products.payment_accounts AS a ON a.book_id = $1
    UNION ALL
    SELECT a.outgoing_clearing, -j.amount_satang
    FROM joined AS j
    INNER JOIN products.payment_accounts AS a ON a.book_id = $1
    WHERE j.purpose = 1 AND NOT j.is_credit
    UNION ALL
    SELECT a.outgoing_clearing, n.amount_satang
    FROM products.notice AS n
    INNER JOIN products.payment_accounts AS a ON a.book_id = n.book_id
    INNER JOIN ledger.transfer AS t
        ON t.book_id = n.book_id AND t.journal_id = n.posted_journal AND t.line = 0
    WHERE n.book_id = $1 AND n.kind = 2 AND t.business_date <= $2
)
SELECT k.names, coalesce(p.satang, 0)::bigint AS explained, coalesce(b.satang, 0) AS ledger
FROM (
    SELECT c.account_id, string_agg(c.name, ' and ' ORDER BY c.name) AS names
    FROM accounts AS c GROUP BY c.account_id
) AS k
LEFT JOIN LATERAL (
    SELECT sum(q.satang) AS satang FROM parts AS q WHERE q.account_id = k.account_id
) AS p ON TRUE
LEFT JOIN LATERAL (
    SELECT m.credits_after - m.debits_after AS satang FROM ledger.movement AS m
    WHERE m.book_id = $1 AND m.account_id = k.account_id AND m.business_date <= $2
    ORDER BY m.business_date DESC, m.batch_no DESC LIMIT 1
) AS b ON TRUE
ORDER BY k.names

-- timing_items --
-- Lines that statement and book count on different days: in the statements up to the date and
-- posted after it, or the other way round.
SELECT l.line_id, l.bank_code, l.bank_reference, l.is_credit, l.amount_satang, l.booking_date,
    l.value_date, l.posted_on, s.sequence_no, s.booking_to <= $2 AS in_statement
FROM products.bank_line AS l
INNER JOIN products.bank_statement AS s
    ON s.book_id = l.book_id AND s.statement_id = l.statement_id
WHERE l.book_id = $1
    AND (
        (s.booking_to <= $2 AND (l.posted_on IS NULL OR l.posted_on > $2))
        OR (s.booking_to > $2 AND l.posted_on <= $2)
    )
ORDER BY l.bank_code, s.sequence_no, l.line_no
