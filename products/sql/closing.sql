-- The end of a contract and its undoing. $1 book, $2 the contract.

-- standing --
-- Everything that a closing is decided on, in one look: interest is what the nights before today
-- have accrued.
SELECT
    h.business_date, b.credits - b.debits AS balance, b.held, b.frozen, b.changed_seq, l.version,
    l.period_start,
    products.leg_accrued(l, products.leg_accrued_to(l), p.rounding) - l.credited_satang AS owed,
    (
        SELECT min(d.business_date) FROM ledger.day AS d
        WHERE d.book_id = c.book_id AND d.business_date < h.business_date AND d.state <> 3
    ) AS unproven,
    c.interest_from < h.business_date AND EXISTS (
        SELECT FROM ledger.movement AS m
        WHERE m.book_id = c.book_id AND m.account_id = c.account_id
            AND m.business_date = h.business_date AND m.value_date < h.business_date
    ) AS late
FROM products.contract AS c
INNER JOIN ledger.book_head AS h ON h.book_id = c.book_id
INNER JOIN ledger.balance AS b ON b.book_id = c.book_id AND b.account_id = c.account_id
INNER JOIN products.product AS p ON p.book_id = c.book_id AND p.product_code = c.product_code
INNER JOIN products.interest_leg AS l
    ON l.book_id = c.book_id AND l.product_code = c.product_code
        AND l.contract_id = c.contract_id AND l.leg = 1
WHERE c.book_id = $1 AND c.contract_id = $2

-- open_holds --
SELECT h.hold_id, h.amount_satang
FROM ledger.hold AS h
INNER JOIN products.contract AS c ON c.book_id = h.book_id AND c.account_id = h.account_id
WHERE c.book_id = $1 AND c.contract_id = $2 AND h.state = 1
ORDER BY h.placed_seq

-- open_notices --
-- Received, matched, held, approved; and paid while the bank may still send it back.
SELECT n.notice_id, n.amount_satang, k.code AS status
FROM products.notice AS n
INNER JOIN products.notice_status AS k ON k.status = n.status
WHERE n.book_id = $1 AND n.contract_id = $2 AND n.status IN (1, 2, 11, 12, 13)
ORDER BY n.received_seq

-- close_contract --
UPDATE products.contract AS c
SET state = 2, closed_on = $4, version = c.version + 1
WHERE c.book_id = $1 AND c.contract_id = $2 AND c.version = $3

-- pay_interest --
-- $3 what is paid, $4 product, $5 the batch's date, from which on it bears nothing. Were what is owed
-- another now, the row would be refused (NULL).
WITH ended AS (
    UPDATE products.interest_leg AS l
    SET credited_satang = l.credited_satang + $3, ended_on = $5::date,
        since = greatest($5::date, l.bears_from),
        base_exact = products.leg_exact(l, $5::date - 1), balance_satang = 0, annual_rate_e8 = 0,
        year_days = 365, slope_exact = 0, span_no = l.span_no + 1,
        version = CASE
            WHEN products.leg_accrued(l, $5::date - 1, p.rounding) - l.credited_satang = $3
                THEN l.version + 1
        END
    FROM products.product AS p
    WHERE l.book_id = $1 AND l.product_code = $4 AND l.contract_id = $2 AND l.leg = 1
        AND p.book_id = l.book_id AND p.product_code = l.product_code
    RETURNING l.*
)
INSERT INTO products.interest_span (
    book_id, contract_id, leg, span_no, from_date, made_on, balance_satang, annual_rate_e8,
    year_days, slope_exact, base_exact
)
SELECT
    e.book_id, e.contract_id, e.leg, e.span_no, e.since, $5, e.balance_satang, e.annual_rate_e8,
    e.year_days, e.slope_exact, e.base_exact
FROM ended AS e

-- account_closing --
-- The newest closing of account $2: who, when, and the journals that settled it.
SELECT e.recorded_seq, e.business_date, e.actor, e.body
FROM ledger.event AS e
WHERE e.book_id = $1 AND e.account_id = $2 AND e.kind = 14
ORDER BY e.recorded_seq DESC
LIMIT 1

-- moved_in_open_year --
-- Account $2 by number: its class, when it changed last, and the first business date after the end
-- of the newest closed fiscal year on which it moved.
SELECT
    left(a.gl_code, 1) AS gl_class, b.changed_seq,
    (
        SELECT min(m.business_date) FROM ledger.movement AS m
        WHERE m.book_id = $1 AND m.account_id = $2
            AND m.business_date > coalesce(closed.through, '-infinity'::date)
    ) AS moved_on
FROM ledger.account AS a
INNER JOIN ledger.balance AS b ON b.book_id = a.book_id AND b.account_id = a.account_id
CROSS JOIN (
    SELECT max(p.ends_on) AS through FROM ledger.period AS p
    WHERE p.book_id = $1 AND p.kind = 2 AND p.state = 2
) AS closed
WHERE a.book_id = $1 AND a.account_id = $2

-- reopen_contract --
UPDATE products.contract AS c
SET state = 1, closed_on = NULL, version = c.version + 1
WHERE c.book_id = $1 AND c.contract_id = $2 AND c.version = $3

-- take_interest_back --
-- The leg as if every night since had found nothing to accrue: the next one corrects the dates in
-- between. $3 interest taken back, $4 product, $5 the batch's date, $6 first date of the period that
-- it lies in. A period that ended in between is settled with what it had earned before the closing.
UPDATE products.interest_leg AS l
SET credited_satang = l.credited_satang - $3, ended_on = NULL, version = l.version + 1,
    settled_satang = CASE
        WHEN l.period_start = $6::date THEN l.settled_satang
        ELSE products.leg_accrued(l, $5::date, p.rounding)
    END,
    base_exact = CASE WHEN l.period_start = $6::date THEN l.base_exact ELSE 0 END,
    period_start = $6::date, since = greatest(l.bears_from, $5::date)
FROM products.product AS p
WHERE l.book_id = $1 AND l.product_code = $4 AND l.contract_id = $2 AND l.leg = 1
    AND p.book_id = l.book_id AND p.product_code = l.product_code

-- freeze_rates --
-- Rates of dates $3 to $4 that no night needed while the product's only contracts were closed.
INSERT INTO products.day_rate (book_id, business_date, product_code, annual_rate_e8, sheet_id)
SELECT $1, d.on_date::date, $2, r.annual_rate_e8, r.sheet_id
FROM generate_series($3::date, $4::date, interval '1 day') AS d (on_date)
CROSS JOIN LATERAL (
    SELECT k.annual_rate_e8, k.sheet_id
    FROM pricing.rate_sheet AS k
    WHERE k.book_id = $1 AND k.product_code = $2 AND k.state = 2
        AND k.effective_from <= d.on_date
    ORDER BY k.effective_from DESC
    LIMIT 1
) AS r
ON CONFLICT (book_id, business_date, product_code) DO NOTHING

-- insert_paid_notice --
-- A withdrawal noticed, approved and paid in one unit: three notes tell of it. $14 the unit's
-- first number, $15 how many operations stand before its hold.
INSERT INTO products.notice (
    book_id, notice_id, kind, status, version, contract_id, bank_code, amount_satang, value_date,
    reference, made_by, received_by, approved_by, posted_journal, received_on, received_seq,
    changed_seq
)
SELECT $1, $2, $3, $4, 3, $5, $6, $7, $8, $9, $10, $11, $12, $13, h.business_date,
    $14::bigint + $15::integer, $14::bigint + $15::integer
FROM ledger.book_head AS h WHERE h.book_id = $1
