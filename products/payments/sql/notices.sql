-- Notices of member co-ops: what a decision is made on, and the rows to write if it is accepted.

-- bank_codes --
SELECT a.bank_code FROM products.bank_account AS a WHERE a.book_id = $1

-- notices --
-- Notices by id, with their contract's number, owner and account.
SELECT n.notice_id, n.kind, n.status, n.version, n.contract_id, c.contract_no, c.party_id,
    c.account_id, n.bank_code, n.amount_satang, n.value_date, n.reference, n.made_by,
    n.received_by, n.approved_by, n.received_on, n.received_seq, n.changed_seq, n.posted_journal
FROM products.notice AS n
INNER JOIN products.contract AS c ON c.book_id = n.book_id AND c.contract_id = n.contract_id
WHERE n.book_id = $1 AND n.notice_id = ANY($2::uuid [])

-- holds --
-- Of these ids, those under which money is or was held, for a notice or not.
SELECT h.hold_id FROM ledger.hold AS h
WHERE h.book_id = $1 AND h.hold_id = ANY($2::uuid [])

-- page --
-- A page in the order of arrival.
SELECT n.notice_id, n.kind, n.status, n.version, n.contract_id, c.contract_no, c.party_id,
    c.account_id, n.bank_code, n.amount_satang, n.value_date, n.reference, n.made_by,
    n.received_by, n.approved_by, n.received_on, n.received_seq, n.changed_seq, n.posted_journal
FROM products.notice AS n
INNER JOIN products.contract AS c ON c.book_id = n.book_id AND c.contract_id = n.contract_id
WHERE n.book_id = $1 AND n.received_seq > $2 /* filters */
ORDER BY n.received_seq LIMIT $3

-- lock_notices --
SELECT n.notice_id, n.version
FROM products.notice AS n
WHERE n.book_id = $1 AND n.notice_id = ANY($2::uuid [])
ORDER BY n.notice_id FOR NO KEY UPDATE SKIP LOCKED

-- insert_notice --
-- $12 is the number of the unit's first event; the business date is the batch's own.
INSERT INTO products.notice (
    book_id, notice_id, kind, status, contract_id, bank_code, amount_satang, value_date, reference,
    made_by, received_by, received_on, received_seq, changed_seq
)
SELECT $1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, h.business_date, $12, $12
FROM ledger.book_head AS h WHERE h.book_id = $1

-- change_notice --
-- A change of state; what is NULL stays as it is.
UPDATE products.notice
SET status = $4, version = version + 1, changed_seq = $5,
    approved_by = coalesce($6, approved_by), posted_journal = coalesce($7, posted_journal)
WHERE book_id = $1 AND notice_id = $2 AND version = $3

-- history --
-- Every numbered change of a notice, with the instant of its batch.
SELECT e.recorded_seq, e.kind, k.code, k.name_th, k.name_en, e.business_date, e.actor, e.reason,
    e.body, b.recorded_at
FROM ledger.event AS e
INNER JOIN ledger.event_kind AS k ON k.kind = e.kind
CROSS JOIN LATERAL (
    SELECT t.recorded_at FROM ledger.batch AS t
    WHERE t.book_id = e.book_id AND t.last_seq >= e.recorded_seq
    ORDER BY t.last_seq, t.batch_no LIMIT 1
) AS b
WHERE e.book_id = $1 AND e.subject = $2
ORDER BY e.recorded_seq
