-- Loan requests: what a decision is made on, and the rows to write if it is accepted.

-- requests --
-- Requests by id.
SELECT
    r.request_id, r.request_year, r.request_no, r.party_id, r.loan_kind, r.purpose, r.amount_satang,
    r.term_months, r.repayment, r.rate_mode, r.state, r.version, r.round, r.made_by, r.drafted_on,
    r.drafted_seq, r.changed_on, r.changed_seq, r.analysed_by, r.recommended_satang,
    r.authority_id, r.approved_satang, r.approved_term_months, r.sign_by, r.signed_on,
    r.contract_reference
FROM products.loan_request AS r
WHERE r.book_id = $1 AND r.request_id = ANY($2::uuid [])

-- page --
-- A page in the order of drafting.
SELECT
    r.request_id, r.request_year, r.request_no, r.party_id, r.loan_kind, r.purpose, r.amount_satang,
    r.term_months, r.repayment, r.rate_mode, r.state, r.version, r.round, r.made_by, r.drafted_on,
    r.drafted_seq, r.changed_on, r.changed_seq, r.analysed_by, r.recommended_satang,
    r.authority_id, r.approved_satang, r.approved_term_months, r.sign_by, r.signed_on,
    r.contract_reference
FROM products.loan_request AS r
WHERE r.book_id = $1 AND r.drafted_seq > $2 /* filters */
ORDER BY r.drafted_seq LIMIT $3

-- steps --
SELECT
    s.step_no, s.verb, s.from_state, s.to_state, s.business_date, s.recorded_seq, s.person,
    s.remark
FROM products.loan_request_step AS s
WHERE s.book_id = $1 AND s.request_id = $2
ORDER BY s.step_no

-- history --
-- The same, with the instant of the batch and what the note says.
SELECT
    s.step_no, s.verb, s.from_state, s.to_state, s.business_date, s.recorded_seq, s.person,
    s.remark, b.recorded_at, e.body
FROM products.loan_request_step AS s
INNER JOIN ledger.event AS e ON e.book_id = s.book_id AND e.recorded_seq = s.recorded_seq
CROSS JOIN LATERAL (
    SELECT t.recorded_at FROM ledger.batch AS t
    WHERE t.book_id = s.book_id AND t.last_seq >= s.recorded_seq
    ORDER BY t.last_seq, t.batch_no LIMIT 1
) AS b
WHERE s.book_id = $1 AND s.request_id = $2
ORDER BY s.step_no

-- documents --
SELECT
    d.document_no, d.document_kind, d.file_name, d.sha256, d.received_by, d.received_on,
    d.recorded_seq
FROM products.loan_request_document AS d
WHERE d.book_id = $1 AND d.request_id = $2
ORDER BY d.document_no

-- votes --
-- Of every round, in the order in which they were cast.
SELECT
    d.round, d.approver, d.level, d.vote, d.reason, d.minutes_reference, d.granted_satang,
    d.granted_term_months, d.conditions, d.decided_on, d.recorded_seq
FROM products.loan_decision AS d
WHERE d.book_id = $1 AND d.request_id = $2
ORDER BY d.recorded_seq

-- conditions --
SELECT c.condition_no, c.wording, c.met_on, c.met_by, c.met_seq
FROM products.loan_condition AS c
WHERE c.book_id = $1 AND c.request_id = $2
ORDER BY c.condition_no

-- borrower --
SELECT b.borrower_id, b.version
FROM products.loan_borrower AS b
WHERE b.book_id = $1 AND b.party_id = $2

-- year --
SELECT y.year_id, y.last_no
FROM products.loan_request_year AS y
WHERE y.book_id = $1 AND y.year_id = $2

-- party --
-- A member that has not left.
SELECT TRUE AS found FROM ledger.party AS p
WHERE p.book_id = $1 AND p.party_id = $2 AND (p.left_on IS NULL OR p.left_on > $3)

-- loan_accounts --
-- What each account of a member in the GL groups of loans owes: 0 when it is overpaid.
SELECT a.account_id, b.changed_seq, greatest(b.debits - b.credits, 0) AS owed_satang
FROM ledger.account AS a
INNER JOIN ledger.balance AS b ON b.book_id = a.book_id AND b.account_id = a.account_id
WHERE a.book_id = $1 AND a.party_id = $2 AND left(a.gl_code, 2) = ANY($3::text [])
ORDER BY a.account_id

-- committed --
-- What is approved for a member and may still be disbursed, request $3 left out: signed, or to be
-- signed on $4 at the earliest.
SELECT coalesce(sum(r.approved_satang), 0)::bigint AS committed_satang
FROM products.loan_request AS r
WHERE r.book_id = $1 AND r.party_id = $2 AND r.request_id <> $3
    AND (r.state IN (7, 8) OR (r.state = 6 AND r.sign_by >= $4))

-- lock_requests --
SELECT r.request_id, r.version
FROM products.loan_request AS r
WHERE r.book_id = $1 AND r.request_id = ANY($2::uuid [])
ORDER BY r.request_id FOR NO KEY UPDATE SKIP LOCKED

-- lock_borrowers --
SELECT b.borrower_id, b.version
FROM products.loan_borrower AS b
WHERE b.book_id = $1 AND b.borrower_id = ANY($2::uuid [])
ORDER BY b.borrower_id FOR NO KEY UPDATE SKIP LOCKED

-- lock_years --
SELECT y.year_id, y.last_no
FROM products.loan_request_year AS y
WHERE y.book_id = $1 AND y.year_id = ANY($2::uuid [])
ORDER BY y.year_id FOR NO KEY UPDATE SKIP LOCKED

-- insert_borrower --
INSERT INTO products.loan_borrower (book_id, borrower_id, party_id) VALUES ($1, $2, $3)
ON CONFLICT DO NOTHING

-- touch_borrower --
UPDATE products.loan_borrower SET version = version + 1 WHERE book_id = $1 AND borrower_id = $2

-- begin_year --
INSERT INTO products.loan_request_year (book_id, year_id, request_year, last_no)
VALUES ($1, $2, $3, 1)

-- next_no --
UPDATE products.loan_request_year SET last_no = last_no + 1
WHERE book_id = $1 AND year_id = $2 AND last_no = $3

-- insert_request --
INSERT INTO products.loan_request (
    book_id, request_id, request_year, request_no, party_id, loan_kind, purpose, amount_satang,
    term_months, repayment, rate_mode, state, version, round, made_by, drafted_on, drafted_seq,
    changed_on, changed_seq
) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, 1, 1, 0, $12, $13, $14, $13, $14)

-- change_request --
-- A request as its next step leaves it; the version that was decided on is $3.
UPDATE products.loan_request
SET version = $3 + 1, loan_kind = $4, purpose = $5, amount_satang = $6, term_months = $7,
    repayment = $8, rate_mode = $9, state = $10, round = $11, made_by = $12, analysed_by = $13,
    recommended_satang = $14, authority_id = $15, approved_satang = $16,
    approved_term_months = $17, sign_by = $18, signed_on = $19, contract_reference = $20,
    changed_on = $21, changed_seq = $22
WHERE book_id = $1 AND request_id = $2 AND version = $3

-- insert_step --
INSERT INTO products.loan_request_step (
    book_id, request_id, step_no, verb, from_state, to_state, business_date, recorded_seq, person,
    remark
) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)

-- insert_document --
INSERT INTO products.loan_request_document (
    book_id, request_id, document_no, document_kind, file_name, sha256, received_by, received_on,
    recorded_seq
) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)

-- insert_vote --
INSERT INTO products.loan_decision (
    book_id, request_id, round, approver, level, vote, reason, minutes_reference, granted_satang,
    granted_term_months, conditions, decided_on, recorded_seq
) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)

-- insert_condition --
INSERT INTO products.loan_condition (book_id, request_id, condition_no, wording)
VALUES ($1, $2, $3, $4)

-- meet_condition --
UPDATE products.loan_condition SET met_on = $4, met_by = $5, met_seq = $6
WHERE book_id = $1 AND request_id = $2 AND condition_no = $3

-- fiscal_start --
SELECT b.fiscal_year_start_month FROM ledger.book AS b WHERE b.book_id = $1
