-- Sums placed for a term (docs/placements.md): fixed deposits, what they earn and how they end.
SET LOCAL lock_timeout = '5s';
SET LOCAL statement_timeout = '60s';

INSERT INTO ledger.journal_kind (kind, code, name_th, name_en) VALUES
(121, 'placement', 'ฝากประจำ', 'Sum placed for a term'),
(122, 'placement_interest', 'จ่ายดอกเบี้ยเงินฝากประจำ', 'Interest of a placement paid'),
(123, 'placement_paid_out', 'จ่ายคืนเงินฝากประจำ', 'Principal of a placement paid out'),
(124, 'placement_repriced', 'ปรับดอกเบี้ยค้างจ่ายเมื่อถอนก่อนกำหนด', 'Accrued interest of a placement ended early'),
(125, 'placement_clawed_back', 'เรียกคืนดอกเบี้ยที่จ่ายเกิน', 'Interest paid too much taken from the principal');

INSERT INTO ledger.event_kind (kind, code, name_th, name_en) VALUES
(150, 'placement_coupon_bare', 'ครบงวดโดยไม่มีดอกเบี้ยจ่าย', 'Coupon of a placement passed without a payment'),
(151, 'placement_opened', 'เปิดเงินฝากประจำ', 'Placement opened'),
(152, 'placement_rolled', 'ฝากต่อ', 'Placement rolled over'),
(153, 'placement_matured', 'ครบกำหนดและจ่ายคืน', 'Placement matured and paid out'),
(154, 'placement_waits', 'ครบกำหนด รอจ่ายคืน', 'Placement matured, waits to be paid out'),
(155, 'placement_instructed', 'เปลี่ยนคำสั่งเมื่อครบกำหนด', 'Instruction at maturity changed'),
(156, 'early_end_proposed', 'ขอถอนก่อนกำหนด', 'Early withdrawal proposed'),
(157, 'early_end_done', 'ถอนก่อนกำหนด', 'Withdrawn early'),
(158, 'early_end_rejected', 'ปฏิเสธการถอนก่อนกำหนด', 'Early withdrawal rejected');

-- Who holds a contract, as the Revenue Code tells holders apart.
CREATE TABLE ledger.party_kind (
    kind smallint PRIMARY KEY,
    code text NOT NULL UNIQUE,
    name_th text NOT NULL,
    name_en text NOT NULL
);
INSERT INTO ledger.party_kind (kind, code, name_th, name_en) VALUES
(1, 'cooperative', 'สหกรณ์', 'Co-operative'),
(2, 'company', 'บริษัทหรือห้างหุ้นส่วนนิติบุคคล', 'Company or juristic partnership'),
(3, 'person', 'บุคคลธรรมดา', 'Natural person');
-- Every party so far is a member co-op.
ALTER TABLE ledger.party ADD COLUMN kind smallint NOT NULL DEFAULT 1
CONSTRAINT known_kind CHECK (kind IN (1, 2, 3));
COMMENT ON COLUMN ledger.party.kind IS 'The holder type that tax goes by: a row of ledger.party_kind.';

-- squawk-ignore ban-drop-constraint
ALTER TABLE products.product DROP CONSTRAINT known_family;
-- squawk-ignore constraint-missing-not-valid
ALTER TABLE products.product ADD CONSTRAINT known_family
CHECK (family IN ('savings', 'special_savings', 'fixed'));
-- squawk-ignore ban-drop-constraint
ALTER TABLE products.product DROP CONSTRAINT product_capitalisation_days_check;
-- squawk-ignore constraint-missing-not-valid
ALTER TABLE products.product ADD CONSTRAINT capitalised_on_days_or_by_coupons
CHECK ((family = 'fixed') = (cardinality(capitalisation_days) = 0));

-- squawk-ignore ban-drop-constraint
ALTER TABLE products.product DROP CONSTRAINT plain_savings_have_no_conditions;
-- squawk-ignore constraint-missing-not-valid
ALTER TABLE products.product ADD CONSTRAINT only_special_savings_have_conditions
CHECK (family = 'special_savings' OR (slab_rule = 'whole' AND minimum_satang = 0));

-- What a product of a term says besides: one row a product of family fixed.
CREATE TABLE products.placement_product (
    book_id integer NOT NULL,
    product_code text NOT NULL,
    months smallint NOT NULL CHECK (months BETWEEN 1 AND 120),
    coupon_months smallint [] NOT NULL CHECK (
        cardinality(coupon_months) > 0 AND coupon_months <@ '{0,1,3,6,12}'::smallint []
    ),
    principal_min_satang bigint NOT NULL CHECK (principal_min_satang >= 1),
    principal_max_satang bigint NOT NULL,
    due_rule text NOT NULL CHECK (due_rule IN ('KEEP', 'NEXT')),
    tax_account integer NOT NULL,
    savings_product text,
    PRIMARY KEY (book_id, product_code),
    FOREIGN KEY (book_id, product_code) REFERENCES products.product (book_id, product_code),
    FOREIGN KEY (book_id, tax_account) REFERENCES ledger.account (book_id, account_id),
    FOREIGN KEY (book_id, savings_product) REFERENCES products.product (book_id, product_code),
    CHECK (principal_max_satang BETWEEN principal_min_satang AND 900000000000000000)
);
COMMENT ON COLUMN products.placement_product.coupon_months IS
'Months between payments of interest that may be chosen; 0 = once, at maturity.';
COMMENT ON COLUMN products.placement_product.due_rule IS
'A maturity on no banking day: KEEP it, or the NEXT banking day, interest running until then.';
COMMENT ON COLUMN products.placement_product.savings_product IS
'Whose rate an early rule of source savings pays.';

CREATE TABLE products.early_rule (
    book_id integer NOT NULL,
    product_code text NOT NULL,
    from_months smallint NOT NULL CHECK (from_months >= 0),
    to_months smallint CHECK (to_months > from_months),
    source text NOT NULL CHECK (source IN ('nothing', 'contract', 'savings')),
    part_percent smallint NOT NULL CHECK (part_percent BETWEEN 0 AND 100),
    penalty_e8 bigint NOT NULL CHECK (penalty_e8 BETWEEN 0 AND 100000000),
    PRIMARY KEY (book_id, product_code, from_months),
    FOREIGN KEY (book_id, product_code)
    REFERENCES products.placement_product (book_id, product_code)
);
COMMENT ON TABLE products.early_rule IS
'What the days held are paid when a placement ends before maturity, by whole months held.';

-- Weekends have no banking anyway. A date that has begun stays what it was.
CREATE TABLE products.holiday (
    book_id integer NOT NULL REFERENCES ledger.book,
    on_date date NOT NULL,
    name_th text NOT NULL,
    name_en text NOT NULL,
    announced_on date NOT NULL,
    PRIMARY KEY (book_id, on_date)
);
COMMENT ON COLUMN products.holiday.announced_on IS
'Business date of its announcement: terms that began earlier do not know it.';
CREATE FUNCTION products.guard_holiday() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    today date;
BEGIN
    -- A cut-off waits for us, or we see its date: no night misses what its date knew.
    SELECT h.business_date INTO today FROM ledger.book_head AS h WHERE h.book_id = NEW.book_id
    FOR SHARE;
    IF NEW.on_date <= today THEN
        RAISE EXCEPTION 'a holiday is announced before its date; the book stands on %', today
            USING ERRCODE = 'LG007', CONSTRAINT = 'holiday_lies_ahead';
    END IF;
    NEW.announced_on := today;
    RETURN NEW;
END
$$;
CREATE TRIGGER guard_holiday BEFORE INSERT ON products.holiday
FOR EACH ROW EXECUTE FUNCTION products.guard_holiday();

-- A contract that has matured and still holds its principal bears nothing from this date on.
ALTER TABLE products.contract ADD COLUMN matured_on date;
COMMENT ON COLUMN products.contract.matured_on IS
'Matured and not paid out, it waits: the first date that bears nothing though it is open.';

CREATE TABLE products.maturity_instruction (
    instruction smallint PRIMARY KEY,
    code text NOT NULL UNIQUE,
    name_th text NOT NULL,
    name_en text NOT NULL
);
INSERT INTO products.maturity_instruction (instruction, code, name_th, name_en) VALUES
(1, 'pay_out', 'จ่ายคืนเงินต้นและดอกเบี้ย', 'Pay out principal and interest'),
(2, 'roll_principal', 'ฝากต่อเฉพาะเงินต้น', 'Roll the principal'),
(3, 'roll_all', 'ฝากต่อทั้งเงินต้นและดอกเบี้ย', 'Roll principal and interest');

CREATE TABLE products.placement (
    book_id integer NOT NULL,
    contract_id uuid NOT NULL,
    linked_contract uuid NOT NULL,
    coupon_months smallint NOT NULL CHECK (coupon_months IN (0, 1, 3, 6, 12)),
    instruction smallint NOT NULL REFERENCES products.maturity_instruction,
    version integer NOT NULL DEFAULT 1,
    PRIMARY KEY (book_id, contract_id),
    FOREIGN KEY (book_id, contract_id) REFERENCES products.contract (book_id, contract_id),
    FOREIGN KEY (book_id, linked_contract) REFERENCES products.contract (book_id, contract_id)
);
CREATE INDEX placement_by_linked ON products.placement (book_id, linked_contract);
COMMENT ON COLUMN products.placement.linked_contract IS
'Savings of the same member that take interest and principal.';

-- One principal at one rate over [begins_on, matures_on).
CREATE TABLE products.term (
    book_id integer NOT NULL,
    contract_id uuid NOT NULL,
    term_no smallint NOT NULL CHECK (term_no > 0),
    begins_on date NOT NULL,
    nominal_on date NOT NULL,
    matures_on date NOT NULL,
    principal_satang bigint NOT NULL CHECK (principal_satang BETWEEN 1 AND 900000000000000000),
    annual_rate_e8 bigint NOT NULL CHECK (annual_rate_e8 BETWEEN 0 AND 100000000),
    sheet_id uuid,
    accrued_before_satang bigint NOT NULL,
    made_seq bigint NOT NULL,
    PRIMARY KEY (book_id, contract_id, term_no),
    UNIQUE (book_id, contract_id, begins_on),
    FOREIGN KEY (book_id, contract_id) REFERENCES products.placement (book_id, contract_id),
    FOREIGN KEY (book_id, sheet_id) REFERENCES pricing.rate_sheet (book_id, sheet_id),
    CHECK (begins_on < nominal_on AND nominal_on <= matures_on)
);
CREATE INDEX term_by_maturity ON products.term (book_id, matures_on);
COMMENT ON COLUMN products.term.nominal_on IS
'The maturity by the calendar; matures_on is where the due rule moves it.';

COMMENT ON COLUMN products.term.sheet_id IS
'The sheet whose rate it bears; NULL = the rate came along from an old system, as its note says.';
COMMENT ON COLUMN products.term.accrued_before_satang IS
'All interest that the contract had accrued before this term began.';

CREATE TABLE products.coupon (
    book_id integer NOT NULL,
    contract_id uuid NOT NULL,
    term_no smallint NOT NULL,
    coupon_no smallint NOT NULL CHECK (coupon_no > 0),
    from_date date NOT NULL,
    pays_on date NOT NULL,
    is_last boolean NOT NULL,
    PRIMARY KEY (book_id, contract_id, term_no, coupon_no),
    FOREIGN KEY (book_id, contract_id, term_no)
    REFERENCES products.term (book_id, contract_id, term_no),
    CHECK (from_date < pays_on)
);
CREATE INDEX coupon_by_date ON products.coupon (book_id, pays_on);
COMMENT ON TABLE products.coupon IS
'Interest of [from_date, pays_on), paid by the night of pays_on; the last one ends with its term.';

-- The table of withholding tax: no tax is a row of 0, never a row that is missing.
CREATE TABLE products.tax_rate (
    book_id integer NOT NULL REFERENCES ledger.book,
    holder smallint NOT NULL REFERENCES ledger.party_kind,
    family text NOT NULL,
    from_date date NOT NULL,
    rate_e8 bigint NOT NULL CHECK (rate_e8 BETWEEN 0 AND 100000000),
    form text NOT NULL,
    made_by text NOT NULL,
    approved_by text NOT NULL,
    PRIMARY KEY (book_id, holder, family, from_date),
    CONSTRAINT tax_maker_is_not_approver CHECK (approved_by <> made_by)
);
COMMENT ON COLUMN products.tax_rate.rate_e8 IS
'Part of the interest x 10^8 that is withheld from from_date on, until the next row says otherwise.';

-- Like a rate sheet it is approved for a date that no night has read; only the book's first day may
-- bring rows of before.
CREATE FUNCTION products.guard_tax_rate() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    today date;
    opened date;
BEGIN
    SELECT h.business_date, b.opened_on INTO today, opened
    FROM ledger.book_head AS h INNER JOIN ledger.book AS b ON b.book_id = h.book_id
    WHERE h.book_id = NEW.book_id
    FOR SHARE OF h;
    IF NEW.from_date <= today AND today <> opened THEN
        RAISE EXCEPTION 'a rate of tax is entered before its date; the book stands on %', today
            USING ERRCODE = 'LG007', CONSTRAINT = 'tax_lies_ahead';
    END IF;
    RETURN NEW;
END
$$;
CREATE TRIGGER guard_tax_rate BEFORE INSERT ON products.tax_rate
FOR EACH ROW EXECUTE FUNCTION products.guard_tax_rate();

-- A row for each payment of interest: what a certificate (50 tawi) says, 0 included.
CREATE TABLE products.tax_withheld (
    book_id integer NOT NULL,
    journal_id uuid NOT NULL,
    contract_id uuid NOT NULL,
    paid_on date NOT NULL,
    holder smallint NOT NULL,
    interest_satang bigint NOT NULL CHECK (interest_satang > 0),
    rate_e8 bigint NOT NULL,
    tax_satang bigint NOT NULL CHECK (tax_satang BETWEEN 0 AND interest_satang),
    form text NOT NULL,
    PRIMARY KEY (book_id, journal_id),
    FOREIGN KEY (book_id, contract_id) REFERENCES products.contract (book_id, contract_id)
);
CREATE INDEX tax_withheld_by_date ON products.tax_withheld (book_id, paid_on);

CREATE TABLE products.early_end_state (
    state smallint PRIMARY KEY,
    code text NOT NULL UNIQUE,
    name_th text NOT NULL,
    name_en text NOT NULL
);
INSERT INTO products.early_end_state (state, code, name_th, name_en) VALUES
(1, 'proposed', 'รออนุมัติ', 'Proposed'),
(2, 'done', 'ถอนแล้ว', 'Done'),
(3, 'rejected', 'ปฏิเสธ', 'Rejected');

-- An early withdrawal: one person proposes it, another one does it or rejects it.
CREATE TABLE products.early_end (
    book_id integer NOT NULL,
    early_end_id uuid NOT NULL,
    contract_id uuid NOT NULL,
    term_no smallint NOT NULL,
    state smallint NOT NULL DEFAULT 1 REFERENCES products.early_end_state,
    reason text NOT NULL,
    proposed_by text NOT NULL,
    proposed_on date NOT NULL,
    decided_by text,
    decided_on date,
    remark text,
    rule_from_months smallint,
    earned_satang bigint,
    paid_satang bigint,
    version integer NOT NULL DEFAULT 1,
    PRIMARY KEY (book_id, early_end_id),
    FOREIGN KEY (book_id, contract_id, term_no)
    REFERENCES products.term (book_id, contract_id, term_no),
    CONSTRAINT proposer_does_not_decide CHECK (decided_by IS NULL OR decided_by <> proposed_by),
    CHECK ((state = 1) = (decided_by IS NULL) AND (state = 1) = (decided_on IS NULL)),
    CHECK ((state = 2) = (earned_satang IS NOT NULL)),
    CHECK (num_nulls(rule_from_months, earned_satang, paid_satang) IN (0, 3))
);
CREATE UNIQUE INDEX one_open_early_end ON products.early_end (book_id, contract_id) WHERE state = 1;
CREATE UNIQUE INDEX ended_early_once ON products.early_end (book_id, contract_id) WHERE state = 2;
COMMENT ON COLUMN products.early_end.earned_satang IS
'What the days of the running term have earned by the rule after all; paid_satang = coupons before.';

SELECT ledger.make_append_only('ledger.party_kind');
SELECT ledger.make_append_only('products.placement_product');
SELECT ledger.make_append_only('products.early_rule');
SELECT ledger.make_append_only('products.holiday');
SELECT ledger.make_append_only('products.maturity_instruction');
SELECT ledger.make_append_only('products.placement', TRUE);
SELECT ledger.make_append_only('products.term');
SELECT ledger.make_append_only('products.coupon');
SELECT ledger.make_append_only('products.tax_rate');
SELECT ledger.make_append_only('products.tax_withheld');
SELECT ledger.make_append_only('products.early_end_state');
SELECT ledger.make_append_only('products.early_end', TRUE);

GRANT SELECT ON ledger.party_kind, products.placement_product, products.early_rule,
products.holiday, products.maturity_instruction, products.placement, products.term,
products.coupon, products.tax_rate, products.tax_withheld, products.early_end_state,
products.early_end
TO cff_reader, cff_auditor, cff_application, cff_poster;
GRANT INSERT ON products.placement_product, products.early_rule, products.holiday,
products.placement, products.term, products.coupon, products.tax_rate, products.tax_withheld,
products.early_end
TO cff_poster;
GRANT UPDATE ON products.placement, products.early_end TO cff_poster;
