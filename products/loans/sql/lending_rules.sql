-- The data that loan requests are judged by: of each rule what is in force on a day.

-- kind --
SELECT k.loan_kind, k.name_th, k.name_en, k.amount_max_satang, k.term_months_max
FROM products.loan_kind AS k
WHERE k.book_id = $1 AND k.loan_kind = $2 AND k.effective_from <= $3
ORDER BY k.effective_from DESC LIMIT 1

-- kinds --
-- The names of all that are in force.
SELECT DISTINCT k.loan_kind FROM products.loan_kind AS k
WHERE k.book_id = $1 AND k.effective_from <= $2 ORDER BY k.loan_kind

-- papers --
-- The papers that a kind of loan needs.
SELECT n.document_kind, n.name_th, n.name_en
FROM (
    SELECT DISTINCT ON (d.document_kind) d.document_kind, d.name_th, d.name_en, d.required
    FROM products.loan_document_rule AS d
    WHERE d.book_id = $1 AND d.loan_kind = $2 AND d.effective_from <= $3
    ORDER BY d.document_kind, d.effective_from DESC
) AS n
WHERE n.required ORDER BY n.document_kind

-- authorities --
-- Every row of the newest date.
SELECT
    a.authority_id, a.amount_up_to_satang, a.way, a.levels, a.approvals, a.quorum, a.seats,
    a.valid_days
FROM products.approval_authority AS a
WHERE a.book_id = $1 AND a.effective_from = (
    SELECT max(n.effective_from) FROM products.approval_authority AS n
    WHERE n.book_id = $1 AND n.effective_from <= $2
)
ORDER BY a.amount_up_to_satang

-- authority --
SELECT
    a.authority_id, a.amount_up_to_satang, a.way, a.levels, a.approvals, a.quorum, a.seats,
    a.valid_days
FROM products.approval_authority AS a
WHERE a.book_id = $1 AND a.authority_id = $2

-- levels --
-- Of every approver the level on a day.
SELECT n.actor, n.level
FROM (
    SELECT DISTINCT ON (lower(a.actor)) lower(a.actor) AS actor, a.level
    FROM products.loan_approver AS a
    WHERE a.book_id = $1 AND a.effective_from <= $2
    ORDER BY lower(a.actor), a.effective_from DESC
) AS n
WHERE n.level > 0

-- ceiling --
-- The newest document that speaks of the day.
SELECT c.document_no, c.document_date, c.valid_from, c.valid_to, c.amount_satang
FROM products.borrowing_ceiling AS c
WHERE c.book_id = $1 AND c.party_id = $2 AND $3 BETWEEN c.valid_from AND c.valid_to
ORDER BY c.document_date DESC, c.document_no DESC LIMIT 1

-- single --
SELECT s.effective_from, s.share_e8, s.own_capital_satang, s.document
FROM products.single_borrower_limit AS s
WHERE s.book_id = $1 AND s.effective_from <= $2
ORDER BY s.effective_from DESC LIMIT 1

-- add_kind --
INSERT INTO products.loan_kind (
    book_id, loan_kind, effective_from, name_th, name_en, amount_max_satang, term_months_max,
    entered_by, approved_by
) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)

-- add_paper --
INSERT INTO products.loan_document_rule (
    book_id, loan_kind, document_kind, effective_from, required, name_th, name_en, entered_by,
    approved_by
) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)

-- add_authority --
INSERT INTO products.approval_authority (
    book_id, authority_id, effective_from, amount_up_to_satang, way, levels, approvals, quorum,
    seats, valid_days, entered_by, approved_by
) VALUES ($1, gen_random_uuid(), $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)

-- add_approver --
INSERT INTO products.loan_approver (
    book_id, actor, effective_from, level, entered_by, approved_by
) VALUES ($1, $2, $3, $4, $5, $6)

-- add_ceiling --
INSERT INTO products.borrowing_ceiling (
    book_id, party_id, document_no, document_date, valid_from, valid_to, amount_satang, entered_by,
    approved_by
) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)

-- add_single --
INSERT INTO products.single_borrower_limit (
    book_id, effective_from, share_e8, own_capital_satang, document, entered_by, approved_by
) VALUES ($1, $2, $3, $4, $5, $6, $7)
