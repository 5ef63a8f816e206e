-- Rate sheets, products, contracts, and the interest that the night works out.
SET LOCAL lock_timeout = '5s';
SET LOCAL statement_timeout = '60s';

-- A rate is in force from its date until the next approved one of its product.
CREATE TABLE pricing.rate_sheet (
    book_id integer NOT NULL REFERENCES ledger.book,
    sheet_id uuid NOT NULL,
    product_code text NOT NULL,
    effective_from date NOT NULL,
    annual_rate_e8 bigint NOT NULL CHECK (annual_rate_e8 BETWEEN 0 AND 100000000),
    state smallint NOT NULL DEFAULT 1 CHECK (state IN (1, 2, 3)),
    made_by text NOT NULL,
    made_at timestamptz NOT NULL,
    approved_by text,
    approved_on date,
    approved_at timestamptz,
    PRIMARY KEY (book_id, sheet_id),
    CONSTRAINT sheet_maker_is_not_approver CHECK (approved_by IS NULL OR approved_by <> made_by),
    CONSTRAINT approved_has_person CHECK (
        (state = 2) = (approved_by IS NOT NULL AND approved_on IS NOT NULL)
    ),
    CONSTRAINT never_effective_before_approval CHECK (
        approved_on IS NULL OR approved_on < effective_from
    )
);
COMMENT ON COLUMN pricing.rate_sheet.state IS '1 draft -> 2 approved | 3 withdrawn';
COMMENT ON COLUMN pricing.rate_sheet.annual_rate_e8 IS 'Fraction a year x 10^8: 1.25% = 1250000.';
CREATE UNIQUE INDEX one_approved_rate_a_day ON pricing.rate_sheet
(book_id, product_code, effective_from) WHERE state = 2;

-- A sheet starts as a draft and never changes once approved. It is approved on the business date, for
-- a later date: so no approval can reach a day whose night may already have read its rate. Only a
-- book that is being opened takes over sheets approved before.
CREATE FUNCTION pricing.guard_sheet() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    today date;
    opened date;
BEGIN
    IF TG_OP = 'INSERT' THEN
        IF NEW.state <> 1 THEN
            RAISE EXCEPTION 'a rate sheet starts as a draft' USING ERRCODE = 'LG007';
        END IF;
        RETURN NEW;
    END IF;
    IF OLD.state <> 1 OR (NEW.book_id, NEW.sheet_id, NEW.product_code, NEW.effective_from,
        NEW.annual_rate_e8, NEW.made_by)
        IS DISTINCT FROM (OLD.book_id, OLD.sheet_id, OLD.product_code, OLD.effective_from,
        OLD.annual_rate_e8, OLD.made_by) THEN
        RAISE EXCEPTION 'a rate sheet is approved or withdrawn as it was drafted, and then stays'
            USING ERRCODE = 'LG007', HINT = 'Draft a new sheet with a later date.';
    END IF;
    IF NEW.state = 2 THEN
        SELECT h.business_date, b.opened_on INTO today, opened
        FROM ledger.book_head AS h INNER JOIN ledger.book AS b ON b.book_id = h.book_id
        WHERE h.book_id = NEW.book_id;
        IF NEW.approved_on <> today AND NOT (today = opened AND NEW.approved_on < today) THEN
            RAISE EXCEPTION 'a rate sheet is approved on the business date, %', today
                USING ERRCODE = 'LG007';
        END IF;
    END IF;
    RETURN NEW;
END
$$;

CREATE TRIGGER guard_sheet BEFORE INSERT OR UPDATE ON pricing.rate_sheet
FOR EACH ROW EXECUTE FUNCTION pricing.guard_sheet();

-- What may be sold. Savings is the first family; terms are data.
CREATE TABLE products.product (
    book_id integer NOT NULL REFERENCES ledger.book,
    product_code text NOT NULL CHECK (product_code ~ '^[A-Z][A-Z0-9_]{1,31}$'),
    family text NOT NULL CHECK (family IN ('savings')),
    name_th text NOT NULL,
    name_en text NOT NULL,
    day_count text NOT NULL CHECK (day_count IN ('ACT_365F', 'ACT_ACT_CALYEAR')),
    rounding smallint NOT NULL CHECK (rounding IN (1, 2, 3, 4)),
    capitalisation_days text [] NOT NULL CHECK (array_length(capitalisation_days, 1) >= 1),
    gl_deposits text NOT NULL,
    expense_account integer NOT NULL,
    payable_account integer NOT NULL,
    PRIMARY KEY (book_id, product_code),
    FOREIGN KEY (book_id, gl_deposits) REFERENCES ledger.gl_account (book_id, gl_code),
    FOREIGN KEY (book_id, expense_account) REFERENCES ledger.account (book_id, account_id),
    FOREIGN KEY (book_id, payable_account) REFERENCES ledger.account (book_id, account_id)
);
COMMENT ON COLUMN products.product.capitalisation_days IS
'Calendar days MM-DD on which accrued interest is credited, e.g. {06-30,12-31}.';

CREATE TABLE products.contract (
    book_id integer NOT NULL,
    contract_id uuid NOT NULL,
    contract_no text NOT NULL CHECK (contract_no ~ '^[A-Z0-9][A-Z0-9-]{1,31}$'),
    product_code text NOT NULL,
    party_id integer NOT NULL,
    account_id integer NOT NULL,
    opened_on date NOT NULL,
    interest_from date NOT NULL,
    closed_on date,
    state smallint NOT NULL DEFAULT 1 CHECK (state IN (1, 2)),
    version integer NOT NULL DEFAULT 1,
    PRIMARY KEY (book_id, contract_id),
    UNIQUE (book_id, contract_no),
    UNIQUE (book_id, account_id),
    FOREIGN KEY (book_id, product_code) REFERENCES products.product (book_id, product_code),
    FOREIGN KEY (book_id, party_id) REFERENCES ledger.party (book_id, party_id),
    FOREIGN KEY (book_id, account_id) REFERENCES ledger.account (book_id, account_id),
    CHECK ((state = 2) = (closed_on IS NOT NULL))
);
CREATE INDEX contract_by_party ON products.contract (book_id, party_id);
COMMENT ON COLUMN products.contract.state IS '1 active -> 2 closed';

-- No sheet can be approved for a date that has begun, so a contract that bears interest on a date
-- without a rate would stop every night from that one on.
CREATE FUNCTION products.require_rate() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    first_day date := greatest(NEW.opened_on, NEW.interest_from);
BEGIN
    IF NOT EXISTS (
        SELECT FROM pricing.rate_sheet AS r
        WHERE r.book_id = NEW.book_id AND r.product_code = NEW.product_code AND r.state = 2
            AND r.effective_from <= first_day
    ) THEN
        RAISE EXCEPTION 'no rate of product % in force on %', NEW.product_code, first_day
            USING ERRCODE = 'LG008', DETAIL = format('contract %s', NEW.contract_no),
            HINT = 'an approved rate sheet, effective on the first date that bears interest';
    END IF;
    RETURN NEW;
END
$$;

CREATE TRIGGER require_rate BEFORE INSERT ON products.contract
FOR EACH ROW EXECUTE FUNCTION products.require_rate();
COMMENT ON COLUMN products.contract.interest_from IS
'First date that bears interest here: later than opened_on for balances brought forward.';

-- Where a contract's interest stands. Derived: verify re-derives it from the rows below.
-- Exact amounts count 1/(1603080 * 10^8) satang (divisible by 360, 365 and 366 days).
CREATE TABLE products.interest_state (
    book_id integer NOT NULL,
    contract_id uuid NOT NULL,
    accrued_to date NOT NULL,
    period_start date NOT NULL,
    cumulative_exact numeric(60, 0) NOT NULL,
    cumulative_satang bigint NOT NULL,
    accrued_satang bigint NOT NULL,
    capitalised_satang bigint NOT NULL,
    PRIMARY KEY (book_id, contract_id),
    FOREIGN KEY (book_id, contract_id) REFERENCES products.contract (book_id, contract_id)
) WITH (fillfactor = 60);
COMMENT ON COLUMN products.interest_state.accrued_to IS 'Last date whose night has accrued it.';
COMMENT ON COLUMN products.interest_state.period_start IS
'First date of the running capitalisation period; cumulative_* count from here.';
COMMENT ON COLUMN products.interest_state.accrued_satang IS
'All interest ever posted to accrued payable for this contract, corrections included.';

-- The rate that a night used, frozen for that date.
CREATE TABLE products.day_rate (
    book_id integer NOT NULL,
    business_date date NOT NULL,
    product_code text NOT NULL,
    annual_rate_e8 bigint NOT NULL,
    sheet_id uuid NOT NULL,
    PRIMARY KEY (book_id, business_date, product_code),
    FOREIGN KEY (book_id, sheet_id) REFERENCES pricing.rate_sheet (book_id, sheet_id)
);

-- One row a contract and date: what bore interest, at what rate, how much exactly.
CREATE TABLE products.accrual (
    book_id integer NOT NULL,
    contract_id uuid NOT NULL,
    accrual_date date NOT NULL,
    balance_satang bigint NOT NULL,
    annual_rate_e8 bigint NOT NULL,
    year_days smallint NOT NULL CHECK (year_days IN (360, 365, 366)),
    exact numeric(60, 0) NOT NULL,
    cumulative_exact numeric(60, 0) NOT NULL,
    cumulative_satang bigint NOT NULL,
    PRIMARY KEY (book_id, contract_id, accrual_date)
);

-- A late event changes what a past date should have earned: the difference, never an edit.
CREATE TABLE products.accrual_correction (
    book_id integer NOT NULL,
    contract_id uuid NOT NULL,
    accrual_date date NOT NULL,
    made_on date NOT NULL,
    balance_satang bigint NOT NULL,
    exact_delta numeric(60, 0) NOT NULL,
    posted_delta bigint NOT NULL,
    PRIMARY KEY (book_id, contract_id, accrual_date, made_on),
    CHECK (accrual_date < made_on)
);
COMMENT ON COLUMN products.accrual_correction.balance_satang IS
'The balance that the date bears after this correction.';
COMMENT ON COLUMN products.accrual_correction.posted_delta IS
'Satang by which the interest posted for the date changes; a date can differ by rounding alone.';
COMMENT ON COLUMN products.accrual_correction.made_on IS 'Business date of the night that found it.';

-- Interest credited to the contract for a period end; corrections of it are further rows.
CREATE TABLE products.capitalisation (
    book_id integer NOT NULL,
    contract_id uuid NOT NULL,
    period_end date NOT NULL,
    made_on date NOT NULL,
    amount_satang bigint NOT NULL,
    journal_id uuid NOT NULL,
    PRIMARY KEY (book_id, contract_id, period_end, made_on),
    CHECK (made_on >= period_end)
);

-- One transaction of the night: re-run = skip what is here.
CREATE TABLE products.night_chunk (
    book_id integer NOT NULL REFERENCES ledger.book,
    business_date date NOT NULL,
    step text NOT NULL,
    chunk integer NOT NULL,
    contracts integer NOT NULL,
    amount_satang bigint NOT NULL,
    refused text NOT NULL DEFAULT '[]',
    finished_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    PRIMARY KEY (book_id, business_date, step, chunk)
);
COMMENT ON COLUMN products.night_chunk.refused IS
'JSON list of {contract_id, code, keeps_day_open}; a re-run tries just those that keep it open.';

SELECT ledger.make_append_only('pricing.rate_sheet', TRUE);
SELECT ledger.make_append_only('products.product');
SELECT ledger.make_append_only('products.contract', TRUE);
SELECT ledger.make_append_only('products.interest_state', TRUE);
SELECT ledger.make_append_only('products.day_rate');
SELECT ledger.make_append_only('products.accrual');
SELECT ledger.make_append_only('products.accrual_correction');
SELECT ledger.make_append_only('products.capitalisation');
SELECT ledger.make_append_only('products.night_chunk', TRUE);
