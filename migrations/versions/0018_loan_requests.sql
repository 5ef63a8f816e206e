-- Loan requests: their life from draft to conditions met, and the data that they are judged by.
SET LOCAL lock_timeout = '5s';
SET LOCAL statement_timeout = '60s';

INSERT INTO ledger.event_kind (kind, code, name_th, name_en) VALUES
(140, 'loan_request_drafted', 'ร่างคำขอกู้', 'Loan request drafted or amended'),
(141, 'loan_request_submitted', 'ยื่นคำขอกู้', 'Loan request submitted'),
(142, 'loan_request_documented', 'รับเอกสารคำขอกู้', 'Documents of a loan request'),
(143, 'loan_request_analysed', 'วิเคราะห์สินเชื่อ', 'Loan request analysed'),
(144, 'loan_request_put_to_vote', 'เสนอผู้อนุมัติ', 'Loan request put before its approvers'),
(145, 'loan_request_voted', 'ลงมติคำขอกู้', 'Vote on a loan request'),
(146, 'loan_request_returned', 'ส่งคำขอกู้กลับแก้ไข', 'Loan request returned'),
(147, 'loan_request_ended', 'คำขอกู้สิ้นสุด', 'Loan request withdrawn or expired'),
(148, 'loan_request_signed', 'ลงนามสัญญากู้', 'Loan contract signed'),
(149, 'loan_condition_met', 'ผ่านเงื่อนไขการกู้', 'Condition of a loan met');

-- What people set, each row entered by one person and approved by another.

CREATE TABLE products.loan_kind (
    book_id integer NOT NULL REFERENCES ledger.book,
    loan_kind text NOT NULL CHECK (loan_kind ~ '^[A-Z][A-Z0-9_]{1,31}$'),
    effective_from date NOT NULL,
    name_th text NOT NULL,
    name_en text NOT NULL,
    amount_max_satang bigint CHECK (amount_max_satang BETWEEN 1 AND 999999999999999),
    term_months_max smallint NOT NULL CHECK (term_months_max BETWEEN 1 AND 600),
    entered_by text NOT NULL,
    approved_by text NOT NULL,
    PRIMARY KEY (book_id, loan_kind, effective_from),
    CONSTRAINT set_by_two_people CHECK (lower(entered_by) <> lower(approved_by))
);
COMMENT ON TABLE products.loan_kind IS
'What may be asked for and its bounds; of each kind the row with the newest date is in force.';

CREATE TABLE products.loan_document_rule (
    book_id integer NOT NULL REFERENCES ledger.book,
    loan_kind text NOT NULL,
    document_kind text NOT NULL CHECK (document_kind ~ '^[a-z][a-z0-9_]{1,31}$'),
    effective_from date NOT NULL,
    required boolean NOT NULL,
    name_th text NOT NULL,
    name_en text NOT NULL,
    entered_by text NOT NULL,
    approved_by text NOT NULL,
    PRIMARY KEY (book_id, loan_kind, document_kind, effective_from),
    CONSTRAINT set_by_two_people CHECK (lower(entered_by) <> lower(approved_by))
);
COMMENT ON COLUMN products.loan_document_rule.required IS
'FALSE from a date on: the paper is no longer needed.';

CREATE TABLE products.approval_authority (
    book_id integer NOT NULL REFERENCES ledger.book,
    authority_id uuid NOT NULL,
    effective_from date NOT NULL,
    amount_up_to_satang bigint NOT NULL
        CHECK (amount_up_to_satang BETWEEN 1 AND 999999999999999),
    way smallint NOT NULL CHECK (way IN (1, 2)),
    levels smallint [] NOT NULL CHECK (cardinality(levels) BETWEEN 1 AND 3),
    approvals smallint NOT NULL CHECK (approvals >= 1),
    quorum smallint NOT NULL,
    seats smallint NOT NULL,
    valid_days smallint NOT NULL CHECK (valid_days BETWEEN 1 AND 366),
    entered_by text NOT NULL,
    approved_by text NOT NULL,
    PRIMARY KEY (book_id, authority_id),
    UNIQUE (book_id, effective_from, amount_up_to_satang),
    CONSTRAINT set_by_two_people CHECK (lower(entered_by) <> lower(approved_by)),
    CONSTRAINT votes_can_be_had CHECK (CASE way
        WHEN 1 THEN approvals = cardinality(levels) AND quorum = approvals AND seats = approvals
        ELSE cardinality(levels) = 1 AND approvals <= seats AND quorum BETWEEN approvals AND seats
    END)
);
COMMENT ON TABLE products.approval_authority IS
'Who approves how much; all rows of the newest date are in force, the smallest that suffices decides.';
COMMENT ON COLUMN products.approval_authority.way IS
'1 one approver after another, the n-th of level levels[n] or above; 2 vote of a committee';
COMMENT ON COLUMN products.approval_authority.quorum IS
'So many votes for or against are needed; an abstention is not counted.';
COMMENT ON COLUMN products.approval_authority.valid_days IS
'An approval may be signed for so many days after its date.';

CREATE TABLE products.loan_approver (
    book_id integer NOT NULL REFERENCES ledger.book,
    actor text NOT NULL,
    effective_from date NOT NULL,
    level smallint NOT NULL CHECK (level BETWEEN 0 AND 9),
    entered_by text NOT NULL,
    approved_by text NOT NULL,
    PRIMARY KEY (book_id, actor, effective_from),
    CONSTRAINT set_by_two_people CHECK (lower(entered_by) <> lower(approved_by)),
    CONSTRAINT nobody_makes_himself_an_approver CHECK (
        lower(entered_by) <> lower(actor) AND lower(approved_by) <> lower(actor)
    )
);
COMMENT ON COLUMN products.loan_approver.level IS '0 from a date on: no approver any more.';

CREATE TABLE products.borrowing_ceiling (
    book_id integer NOT NULL,
    party_id integer NOT NULL,
    document_no text NOT NULL,
    document_date date NOT NULL,
    valid_from date NOT NULL,
    valid_to date NOT NULL,
    amount_satang bigint NOT NULL CHECK (amount_satang BETWEEN 0 AND 999999999999999),
    entered_by text NOT NULL,
    approved_by text NOT NULL,
    PRIMARY KEY (book_id, party_id, document_no),
    FOREIGN KEY (book_id, party_id) REFERENCES ledger.party (book_id, party_id),
    CONSTRAINT set_by_two_people CHECK (lower(entered_by) <> lower(approved_by)),
    CONSTRAINT of_one_year CHECK (valid_to BETWEEN valid_from AND valid_from + 366)
);
COMMENT ON TABLE products.borrowing_ceiling IS
'What the Registrar lets a member borrow in a year; where two documents speak of a day, the newer.';

CREATE TABLE products.single_borrower_limit (
    book_id integer NOT NULL REFERENCES ledger.book,
    effective_from date NOT NULL,
    share_e8 bigint NOT NULL CHECK (share_e8 BETWEEN 1 AND 100000000),
    own_capital_satang bigint NOT NULL CHECK (own_capital_satang >= 0),
    document text NOT NULL,
    entered_by text NOT NULL,
    approved_by text NOT NULL,
    PRIMARY KEY (book_id, effective_from),
    CONSTRAINT set_by_two_people CHECK (lower(entered_by) <> lower(approved_by))
);
COMMENT ON COLUMN products.single_borrower_limit.share_e8 IS
'Part of own capital that one member may owe, as a fraction x 10^8: 15% = 15000000.';

-- What the program knows: states, verbs, and every step there is.

CREATE TABLE products.loan_request_state (
    state smallint PRIMARY KEY,
    code text NOT NULL UNIQUE,
    name_th text NOT NULL,
    name_en text NOT NULL
);
INSERT INTO products.loan_request_state (state, code, name_th, name_en) VALUES
(1, 'draft', 'ร่างคำขอ', 'Draft'),
(2, 'submitted', 'ยื่นคำขอแล้ว', 'Submitted'),
(3, 'documents_complete', 'เอกสารครบถ้วน', 'Documents complete'),
(4, 'analysed', 'วิเคราะห์แล้ว', 'Analysed'),
(5, 'committee', 'อยู่ระหว่างพิจารณาอนุมัติ', 'Before its approvers'),
(6, 'approved', 'อนุมัติ รอลงนามสัญญา', 'Approved, contract to be signed'),
(7, 'contract_signed', 'ลงนามสัญญาแล้ว รอผ่านเงื่อนไข', 'Contract signed, conditions open'),
(8, 'conditions_met', 'ผ่านเงื่อนไขครบ รอเบิกเงินกู้', 'Conditions met, to be disbursed'),
(21, 'declined', 'ไม่อนุมัติ', 'Declined'),
(22, 'withdrawn', 'สมาชิกขอยกเลิก', 'Withdrawn by the member'),
(23, 'expired', 'การอนุมัติหมดอายุ', 'Approval expired');

CREATE TABLE products.loan_request_verb (
    verb smallint PRIMARY KEY,
    code text NOT NULL UNIQUE,
    name_th text NOT NULL,
    name_en text NOT NULL,
    event_kind smallint NOT NULL REFERENCES ledger.event_kind
);
INSERT INTO products.loan_request_verb (verb, code, name_th, name_en, event_kind) VALUES
(1, 'draft', 'ร่างคำขอ', 'Draft', 140),
(2, 'amend', 'แก้ไขคำขอ', 'Amend', 140),
(3, 'add_document', 'รับเอกสาร', 'Add a document', 142),
(4, 'submit', 'ยื่นคำขอ', 'Submit', 141),
(5, 'complete_documents', 'ตรวจเอกสารครบ', 'Find the documents complete', 142),
(6, 'analyse', 'วิเคราะห์', 'Analyse', 143),
(7, 'put_to_vote', 'เสนอผู้อนุมัติ', 'Put before the approvers', 144),
(8, 'decide', 'ลงมติ', 'Vote', 145),
(9, 'return', 'ส่งกลับแก้ไข', 'Return to the maker', 146),
(10, 'withdraw', 'ขอยกเลิก', 'Withdraw', 147),
(11, 'sign', 'ลงนามสัญญา', 'Sign the contract', 148),
(12, 'meet_condition', 'ผ่านเงื่อนไข', 'Meet a condition', 149),
(13, 'expire', 'ให้หมดอายุ', 'Let the approval expire', 147);

CREATE TABLE products.loan_request_transition (
    verb smallint NOT NULL REFERENCES products.loan_request_verb,
    from_state smallint NOT NULL,
    to_state smallint NOT NULL REFERENCES products.loan_request_state,
    PRIMARY KEY (verb, from_state, to_state)
);
COMMENT ON COLUMN products.loan_request_transition.from_state IS '0: there was nothing before.';
INSERT INTO products.loan_request_transition (verb, from_state, to_state) VALUES
(1, 0, 1), (2, 1, 1), (3, 1, 1), (3, 2, 2), (4, 1, 2), (5, 2, 3), (6, 3, 4), (7, 4, 5),
(8, 5, 5), (8, 5, 6), (8, 5, 21), (9, 2, 1), (9, 3, 1), (9, 4, 1), (9, 5, 1),
(10, 1, 22), (10, 2, 22), (10, 3, 22), (10, 4, 22), (10, 5, 22), (10, 6, 22), (10, 7, 22),
(11, 6, 7), (11, 6, 8), (12, 7, 7), (12, 7, 8), (13, 6, 23);

-- What follows from the numbered notes of requests.

-- One row a member that ever asked: who approves takes it, so two approvals see each other's amount.
CREATE TABLE products.loan_borrower (
    book_id integer NOT NULL,
    borrower_id uuid NOT NULL,
    party_id integer NOT NULL,
    version integer NOT NULL DEFAULT 1,
    PRIMARY KEY (book_id, borrower_id),
    UNIQUE (book_id, party_id),
    FOREIGN KEY (book_id, party_id) REFERENCES ledger.party (book_id, party_id)
);

CREATE TABLE products.loan_request_year (
    book_id integer NOT NULL REFERENCES ledger.book,
    year_id uuid NOT NULL,
    request_year integer NOT NULL,
    last_no integer NOT NULL CHECK (last_no >= 1),
    PRIMARY KEY (book_id, year_id),
    UNIQUE (book_id, request_year)
);

CREATE TABLE products.loan_request (
    book_id integer NOT NULL REFERENCES ledger.book,
    request_id uuid NOT NULL,
    request_year integer NOT NULL,
    request_no integer NOT NULL,
    party_id integer NOT NULL,
    loan_kind text NOT NULL,
    purpose text NOT NULL,
    amount_satang bigint NOT NULL CHECK (amount_satang BETWEEN 1 AND 999999999999999),
    term_months smallint NOT NULL CHECK (term_months BETWEEN 1 AND 600),
    repayment smallint NOT NULL CHECK (repayment BETWEEN 1 AND 4),
    rate_mode smallint NOT NULL CHECK (rate_mode IN (1, 2)),
    state smallint NOT NULL REFERENCES products.loan_request_state,
    version integer NOT NULL,
    round smallint NOT NULL,
    made_by text NOT NULL,
    drafted_on date NOT NULL,
    drafted_seq bigint NOT NULL,
    changed_on date NOT NULL,
    changed_seq bigint NOT NULL,
    analysed_by text,
    recommended_satang bigint,
    authority_id uuid,
    approved_satang bigint,
    approved_term_months smallint,
    sign_by date,
    signed_on date,
    contract_reference text,
    PRIMARY KEY (book_id, request_id),
    UNIQUE (book_id, request_year, request_no),
    FOREIGN KEY (book_id, party_id) REFERENCES ledger.party (book_id, party_id),
    FOREIGN KEY (book_id, authority_id)
    REFERENCES products.approval_authority (book_id, authority_id),
    CONSTRAINT not_more_than_asked CHECK (
        approved_satang <= amount_satang AND approved_term_months <= term_months
        AND recommended_satang <= amount_satang
    ),
    CONSTRAINT approved_with_its_terms CHECK (
        (approved_satang IS NOT NULL OR state NOT IN (6, 7, 8, 23))
        AND (approved_satang IS NULL OR state IN (6, 7, 8, 22, 23))
        AND (approved_term_months IS NULL) = (approved_satang IS NULL)
        AND (sign_by IS NULL) = (approved_satang IS NULL)
        AND (authority_id IS NOT NULL OR approved_satang IS NULL)
    ),
    CONSTRAINT signed_in_time CHECK (
        (signed_on IS NOT NULL OR state NOT IN (7, 8))
        AND (signed_on IS NULL OR state IN (7, 8, 22)) AND signed_on <= sign_by
        AND (contract_reference IS NULL) = (signed_on IS NULL)
    ),
    CONSTRAINT analyst_is_not_maker CHECK (lower(analysed_by) <> lower(made_by))
);
COMMENT ON COLUMN products.loan_request.repayment IS
'1 equal principal, 2 equal instalment, 3 interest and then the whole, 4 seasonal';
COMMENT ON COLUMN products.loan_request.rate_mode IS '1 fixed, 2 follows the rate sheet of its grade';
COMMENT ON COLUMN products.loan_request.round IS
'How often it was submitted: votes of an earlier round count no more.';
CREATE INDEX loan_request_by_seq ON products.loan_request (book_id, drafted_seq);
CREATE INDEX loan_request_by_state ON products.loan_request (book_id, state, drafted_seq);
CREATE INDEX loan_request_by_party ON products.loan_request (book_id, party_id, drafted_seq);

-- A batch writes the rows of all its units table by table: who names whom is asked at the commit.
CREATE TABLE products.loan_request_step (
    book_id integer NOT NULL,
    request_id uuid NOT NULL,
    step_no integer NOT NULL CHECK (step_no >= 1),
    verb smallint NOT NULL,
    from_state smallint NOT NULL,
    to_state smallint NOT NULL,
    business_date date NOT NULL,
    recorded_seq bigint NOT NULL,
    person text NOT NULL,
    remark text NOT NULL,
    PRIMARY KEY (book_id, request_id, step_no),
    CONSTRAINT step_is_a_transition FOREIGN KEY (verb, from_state, to_state)
    REFERENCES products.loan_request_transition (verb, from_state, to_state),
    FOREIGN KEY (book_id, request_id)
    REFERENCES products.loan_request (book_id, request_id) DEFERRABLE INITIALLY DEFERRED
);

CREATE TABLE products.loan_request_document (
    book_id integer NOT NULL,
    request_id uuid NOT NULL,
    document_no integer NOT NULL CHECK (document_no >= 1),
    document_kind text NOT NULL CHECK (document_kind ~ '^[a-z][a-z0-9_]{1,31}$'),
    file_name text NOT NULL,
    sha256 bytea NOT NULL CHECK (length(sha256) = 32),
    received_by text NOT NULL,
    received_on date NOT NULL,
    recorded_seq bigint NOT NULL,
    PRIMARY KEY (book_id, request_id, document_no),
    FOREIGN KEY (book_id, request_id)
    REFERENCES products.loan_request (book_id, request_id) DEFERRABLE INITIALLY DEFERRED
);

CREATE TABLE products.loan_decision (
    book_id integer NOT NULL,
    request_id uuid NOT NULL,
    round smallint NOT NULL,
    approver text NOT NULL,
    level smallint NOT NULL,
    vote smallint NOT NULL CHECK (vote BETWEEN 1 AND 3),
    reason text NOT NULL,
    minutes_reference text NOT NULL,
    granted_satang bigint,
    granted_term_months smallint,
    conditions text [] NOT NULL,
    decided_on date NOT NULL,
    recorded_seq bigint NOT NULL,
    PRIMARY KEY (book_id, request_id, round, approver),
    FOREIGN KEY (book_id, request_id)
    REFERENCES products.loan_request (book_id, request_id) DEFERRABLE INITIALLY DEFERRED,
    CONSTRAINT granted_by_who_approves CHECK (
        (granted_satang IS NOT NULL) = (vote = 1) AND (granted_term_months IS NOT NULL) = (vote = 1)
        AND (vote = 1 OR cardinality(conditions) = 0)
    ),
    CONSTRAINT other_votes_say_why CHECK (vote = 1 OR reason <> '')
);
COMMENT ON COLUMN products.loan_decision.vote IS
'1 approve, 2 decline, 3 abstain (conflict of interest)';
CREATE UNIQUE INDEX one_vote_a_person
ON products.loan_decision (book_id, request_id, round, lower(approver));

CREATE TABLE products.loan_condition (
    book_id integer NOT NULL,
    request_id uuid NOT NULL,
    condition_no integer NOT NULL CHECK (condition_no >= 1),
    wording text NOT NULL,
    met_on date,
    met_by text,
    met_seq bigint,
    PRIMARY KEY (book_id, request_id, condition_no),
    FOREIGN KEY (book_id, request_id)
    REFERENCES products.loan_request (book_id, request_id) DEFERRABLE INITIALLY DEFERRED,
    CONSTRAINT met_as_a_whole CHECK (
        (met_on IS NULL) = (met_by IS NULL) AND (met_on IS NULL) = (met_seq IS NULL)
    )
);

-- Maker (1, 2, 4), analyst (6) and approvers (8) are different people: the history of the request is
-- asked, so that a hand that only amended counts as well, in whatever round, and in either order.
CREATE FUNCTION products.loan_hands_differ() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    earlier smallint;
BEGIN
    SELECT s.verb INTO earlier FROM products.loan_request_step AS s
    WHERE s.book_id = NEW.book_id AND s.request_id = NEW.request_id
        AND lower(s.person) = lower(NEW.person) AND s.verb IN (1, 2, 4, 6, 8)
        AND CASE WHEN s.verb IN (6, 8) THEN s.verb ELSE 1 END
        <> CASE WHEN NEW.verb IN (6, 8) THEN NEW.verb ELSE 1 END
    LIMIT 1;
    IF FOUND THEN
        RAISE EXCEPTION '% has another part in loan request %', NEW.person, NEW.request_id
            USING ERRCODE = 'check_violation', CONSTRAINT = 'hands_differ',
            HINT = 'Maker, analyst and approvers are different people.';
    END IF;
    RETURN NEW;
END
$$;
CREATE TRIGGER hands_differ BEFORE INSERT ON products.loan_request_step
FOR EACH ROW WHEN (NEW.verb IN (2, 4, 6, 8)) EXECUTE FUNCTION products.loan_hands_differ();

CREATE TRIGGER forward_only BEFORE UPDATE ON products.loan_request FOR EACH ROW WHEN (
    NEW.book_id <> OLD.book_id OR NEW.request_id <> OLD.request_id OR NEW.party_id <> OLD.party_id
    OR NEW.request_year <> OLD.request_year OR NEW.request_no <> OLD.request_no
    OR NEW.drafted_seq <> OLD.drafted_seq OR NEW.version <> OLD.version + 1
    OR NEW.changed_seq <= OLD.changed_seq OR OLD.state IN (21, 22, 23)
    OR (OLD.state <> 1 AND (
        NEW.loan_kind, NEW.purpose, NEW.amount_satang, NEW.term_months, NEW.repayment, NEW.rate_mode
    ) IS DISTINCT FROM (
        OLD.loan_kind, OLD.purpose, OLD.amount_satang, OLD.term_months, OLD.repayment, OLD.rate_mode
    ))
) EXECUTE FUNCTION ledger.refuse_backward();
CREATE TRIGGER forward_only BEFORE UPDATE ON products.loan_condition FOR EACH ROW WHEN (
    NEW.book_id <> OLD.book_id OR NEW.request_id <> OLD.request_id
    OR NEW.condition_no <> OLD.condition_no OR NEW.wording <> OLD.wording
    OR OLD.met_seq IS NOT NULL
) EXECUTE FUNCTION ledger.refuse_backward();
CREATE TRIGGER forward_only BEFORE UPDATE ON products.loan_request_year FOR EACH ROW WHEN (
    NEW.book_id <> OLD.book_id OR NEW.year_id <> OLD.year_id
    OR NEW.request_year <> OLD.request_year OR NEW.last_no <> OLD.last_no + 1
) EXECUTE FUNCTION ledger.refuse_backward();
CREATE TRIGGER forward_only BEFORE UPDATE ON products.loan_borrower FOR EACH ROW WHEN (
    NEW.book_id <> OLD.book_id OR NEW.borrower_id <> OLD.borrower_id
    OR NEW.party_id <> OLD.party_id OR NEW.version <> OLD.version + 1
) EXECUTE FUNCTION ledger.refuse_backward();

SELECT ledger.make_append_only('products.loan_kind');
SELECT ledger.make_append_only('products.loan_document_rule');
SELECT ledger.make_append_only('products.approval_authority');
SELECT ledger.make_append_only('products.loan_approver');
SELECT ledger.make_append_only('products.borrowing_ceiling');
SELECT ledger.make_append_only('products.single_borrower_limit');
SELECT ledger.make_append_only('products.loan_request_state');
SELECT ledger.make_append_only('products.loan_request_verb');
SELECT ledger.make_append_only('products.loan_request_transition');
SELECT ledger.make_append_only('products.loan_borrower', TRUE);
SELECT ledger.make_append_only('products.loan_request_year', TRUE);
SELECT ledger.make_append_only('products.loan_request', TRUE);
SELECT ledger.make_append_only('products.loan_request_step');
SELECT ledger.make_append_only('products.loan_request_document');
SELECT ledger.make_append_only('products.loan_decision');
SELECT ledger.make_append_only('products.loan_condition', TRUE);

GRANT SELECT ON products.loan_kind, products.loan_document_rule, products.approval_authority,
products.loan_approver, products.borrowing_ceiling, products.single_borrower_limit,
products.loan_request_state, products.loan_request_verb, products.loan_request_transition,
products.loan_borrower, products.loan_request_year, products.loan_request,
products.loan_request_step, products.loan_request_document, products.loan_decision,
products.loan_condition
TO cff_reader, cff_auditor, cff_application, cff_poster;
GRANT INSERT ON products.loan_kind, products.loan_document_rule, products.approval_authority,
products.loan_approver, products.borrowing_ceiling, products.single_borrower_limit
TO cff_application;
GRANT INSERT ON products.loan_borrower, products.loan_request_year, products.loan_request,
products.loan_request_step, products.loan_request_document, products.loan_decision,
products.loan_condition
TO cff_poster;
GRANT UPDATE ON products.loan_borrower, products.loan_request_year, products.loan_request,
products.loan_condition
TO cff_poster;
