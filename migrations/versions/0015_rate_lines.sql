-- Rates by slab of balance: a sheet's lines; a product's slab rule and minimum balance.
SET LOCAL lock_timeout = '5s';
SET LOCAL statement_timeout = '60s';

-- A line prices amounts from its own bound, included, to that of the next line: no gap is possible.
CREATE TABLE pricing.rate_line (
    book_id integer NOT NULL,
    sheet_id uuid NOT NULL,
    slab_from_satang bigint NOT NULL CHECK (slab_from_satang BETWEEN 0 AND 900000000000000000),
    annual_rate_e8 bigint NOT NULL CHECK (annual_rate_e8 BETWEEN 0 AND 100000000),
    PRIMARY KEY (book_id, sheet_id, slab_from_satang),
    FOREIGN KEY (book_id, sheet_id) REFERENCES pricing.rate_sheet (book_id, sheet_id)
);
COMMENT ON COLUMN pricing.rate_line.slab_from_satang IS
'Lower bound of the slab, part of it; the next line''s bound is its end, the last has none.';
COMMENT ON COLUMN pricing.rate_sheet.annual_rate_e8 IS
'Rate of the slab from 0, as a fraction a year x 10^8: 1.25% = 1250000. The others are rate_line''s.';

-- One rate for every balance is a sheet of one line.
INSERT INTO pricing.rate_line (book_id, sheet_id, slab_from_satang, annual_rate_e8)
SELECT s.book_id, s.sheet_id, 0, s.annual_rate_e8 FROM pricing.rate_sheet AS s;

-- FOR SHARE waits for an approval under way, and an approval waits for the lines.
CREATE FUNCTION pricing.guard_line() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    sheet_state smallint;
BEGIN
    SELECT s.state INTO sheet_state FROM pricing.rate_sheet AS s
    WHERE s.book_id = NEW.book_id AND s.sheet_id = NEW.sheet_id
    FOR SHARE;
    IF sheet_state <> 1 THEN
        RAISE EXCEPTION 'a rate sheet takes lines only while it is a draft'
            USING ERRCODE = 'LG007', CONSTRAINT = 'lines_of_a_draft',
            HINT = 'Draft a new sheet with a later date.';
    END IF;
    RETURN NEW;
END
$$;

CREATE TRIGGER guard_line BEFORE INSERT ON pricing.rate_line
FOR EACH ROW EXECUTE FUNCTION pricing.guard_line();

-- As it was, and: who approves a sheet approves its lines, the first of which is its own rate.
CREATE OR REPLACE FUNCTION pricing.guard_sheet() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    today date;
    opening boolean;
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
        IF NOT EXISTS (
            SELECT FROM pricing.rate_line AS l
            WHERE l.book_id = NEW.book_id AND l.sheet_id = NEW.sheet_id
                AND l.slab_from_satang = 0 AND l.annual_rate_e8 = NEW.annual_rate_e8
        ) THEN
            RAISE EXCEPTION 'a rate sheet is approved with its lines, the first from 0 at its own rate'
                USING ERRCODE = 'LG007', CONSTRAINT = 'approved_with_its_lines';
        END IF;
        SELECT h.business_date, h.business_date = b.opened_on OR coalesce((
            SELECT n.origin = 5 FROM ledger.batch AS n
            WHERE n.book_id = b.book_id ORDER BY n.batch_no DESC LIMIT 1
        ), FALSE) INTO today, opening
        FROM ledger.book_head AS h INNER JOIN ledger.book AS b ON b.book_id = h.book_id
        WHERE h.book_id = NEW.book_id;
        IF NEW.approved_on <> today AND NOT (opening AND NEW.approved_on < today) THEN
            RAISE EXCEPTION 'a rate sheet is approved on the business date, %', today
                USING ERRCODE = 'LG007';
        END IF;
    END IF;
    RETURN NEW;
END
$$;

-- Special savings: which part of a balance a slab's rate is for, and what earns nothing. A book has a
-- few dozen products, and is at rest while it is migrated.
ALTER TABLE products.product
ADD COLUMN slab_rule text NOT NULL DEFAULT 'whole'
    CONSTRAINT known_slab_rule CHECK (slab_rule IN ('whole', 'slice')),
ADD COLUMN minimum_satang bigint NOT NULL DEFAULT 0
    CONSTRAINT minimum_is_a_balance CHECK (minimum_satang BETWEEN 0 AND 900000000000000000);
-- squawk-ignore ban-drop-constraint
ALTER TABLE products.product DROP CONSTRAINT product_family_check;
-- squawk-ignore constraint-missing-not-valid
ALTER TABLE products.product ADD CONSTRAINT known_family
CHECK (family IN ('savings', 'special_savings'));
-- squawk-ignore constraint-missing-not-valid
ALTER TABLE products.product ADD CONSTRAINT plain_savings_have_no_conditions
CHECK (family <> 'savings' OR (slab_rule = 'whole' AND minimum_satang = 0));
COMMENT ON COLUMN products.product.slab_rule IS
'whole: the reached slab''s rate for all of a balance; slice: each slab''s for the part inside it.';
COMMENT ON COLUMN products.product.minimum_satang IS
'A closing balance below it earns nothing on that date.';

SELECT ledger.make_append_only('pricing.rate_line');
GRANT SELECT ON pricing.rate_line TO cff_reader, cff_auditor, cff_application, cff_poster;
GRANT INSERT ON pricing.rate_line TO cff_application;
