-- The only statements that move money. Called by ledger.posting.read and ledger.posting.write, under
-- the book head, in the order of this file.

-- try_keys --
-- Idempotency keys of the batch, each locked until the end of the transaction or reported busy.
SELECT k.position::int, pg_try_advisory_xact_lock(hashtextextended(k.name, $1::int)) AS locked
FROM unnest($2::text []) WITH ORDINALITY AS k (name, position)
ORDER BY k.name

-- take_head --
SELECT h.recorded_seq, h.batch_no, h.business_date, h.value_date_floor, h.digest, h.epoch,
    h.voucher_year, h.voucher_no, k.fiscal_year_start_month
FROM ledger.book_head AS h INNER JOIN ledger.book AS k ON k.book_id = h.book_id
WHERE h.book_id = $1 FOR UPDATE OF h

-- take_head_with --
-- The head, locked, and what an ordinary batch asks under it: keys $2 and $3, ids $4, accounts $5.
SELECT t.* FROM ledger.take_head($1, $2, $3, $4::text::uuid [], $5::text::int []) AS t

-- next_voucher --
-- Of a fiscal year that is not the newest: one after its last batch's last.
SELECT coalesce((
    SELECT b.first_voucher + b.journal_count FROM ledger.batch AS b
    WHERE b.book_id = $1 AND b.fiscal_year = $2
    ORDER BY b.first_voucher DESC, b.batch_no DESC LIMIT 1
), 1)

-- standing_of_date --
-- What the guard on batches will ask about a business date that is not the head's: $3 its fiscal
-- year's first day, $4 its last.
SELECT
    EXISTS (
        SELECT FROM ledger.period AS p
        WHERE p.book_id = $1 AND p.kind = 2 AND p.state = 2 AND p.starts_on = $3
    ) AS year_closed,
    EXISTS (
        SELECT FROM ledger.period AS p
        WHERE p.book_id = $1 AND p.kind = 1 AND p.state = 2
            AND $2 BETWEEN p.starts_on AND p.ends_on
    ) AS month_closed,
    ledger.months_closed(k.book_id, greatest(k.opened_on, $3), $4) AS months_closed,
    k.opened_on
FROM ledger.book AS k WHERE k.book_id = $1

-- later_nets --
-- Net amounts by value date after $3 of each account of $2; what moved after it is dated after it
-- on the business axis too.
SELECT w.account_id, m.value_date, sum(m.credits - m.debits)::bigint AS net
FROM unnest($2::int [], $3::date []) AS w (account_id, since)
INNER JOIN ledger.movement AS m
    ON m.book_id = $1 AND m.account_id = w.account_id
    AND m.business_date > w.since AND m.value_date > w.since
GROUP BY w.account_id, m.value_date

-- closings --
-- The newest closing of each account: its event names the journals that settled the account.
SELECT DISTINCT ON (e.account_id) e.account_id, e.body
FROM ledger.event AS e
WHERE e.book_id = $1 AND e.account_id = ANY($2::int []) AND e.kind = 14
ORDER BY e.account_id ASC, e.recorded_seq DESC

-- recorded_journals --
SELECT journal_id, line, recorded_seq, debit_account, credit_account, amount_satang, kind,
    may_exceed_limit, business_date, value_date, actor, reference, narrative, hold_id, reverses,
    forced, adjusts
FROM ledger.transfer WHERE book_id = $1 AND journal_id = ANY($2::uuid [])
ORDER BY journal_id, line

-- reversed_journals --
SELECT reverses FROM ledger.transfer
WHERE book_id = $1 AND reverses = ANY($2::uuid []) AND reverses IS NOT NULL AND line = 0

-- remembered_refusals --
SELECT operation_id, code, detail, body
FROM ledger.refusal WHERE book_id = $1 AND operation_id = ANY($2::uuid []) AND sticky

-- holds --
SELECT hold_id, account_id, amount_satang, captured_satang, state, expires_on, reference,
    placed_seq, changed_seq
FROM ledger.hold WHERE book_id = $1 AND hold_id = ANY($2::uuid [])

-- look --
-- Accounts asked about ($2), and which of the ids $3 are on record, and as what: one round trip for
-- what an ordinary batch asks.
SELECT 1 AS what, NULL::uuid AS id, b.account_id, a.currency, b.debits, b.credits, b.held,
    b.balance_min, b.balance_max, b.excess_satang, b.state, b.frozen, b.frozen_until, b.changed_seq
FROM ledger.balance AS b
INNER JOIN ledger.account AS a ON a.book_id = b.book_id AND a.account_id = b.account_id
WHERE b.book_id = $1 AND b.account_id = ANY($2::int [])
UNION ALL
SELECT 2, t.journal_id, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL
FROM ledger.transfer AS t
WHERE t.book_id = $1 AND t.journal_id = ANY($3::uuid []) AND t.line = 0
UNION ALL
SELECT 3, d.hold_id, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL
FROM ledger.hold AS d WHERE d.book_id = $1 AND d.hold_id = ANY($3::uuid [])
UNION ALL
SELECT 4, r.operation_id, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL
FROM ledger.refusal AS r
WHERE r.book_id = $1 AND r.operation_id = ANY($3::uuid []) AND r.sticky

-- head_and_accounts --
-- The head as committed and accounts as they stand at it: one snapshot. Nothing is locked.
SELECT h.recorded_seq AS head_seq, h.batch_no, h.business_date, h.value_date_floor, h.digest,
    h.epoch, h.voucher_year, h.voucher_no, k.fiscal_year_start_month, s.*
FROM ledger.book_head AS h
INNER JOIN ledger.book AS k ON k.book_id = h.book_id
LEFT JOIN LATERAL (
    SELECT b.account_id, a.currency, b.debits, b.credits, b.held, b.balance_min, b.balance_max,
        b.excess_satang, b.state, b.frozen, b.frozen_until, b.changed_seq
    FROM ledger.balance AS b
    INNER JOIN ledger.account AS a ON a.book_id = b.book_id AND a.account_id = b.account_id
    WHERE b.book_id = $1 AND b.account_id = ANY($2::int [])
) AS s ON TRUE
WHERE h.book_id = $1

-- accounts --
SELECT b.account_id, a.currency, b.debits, b.credits, b.held, b.balance_min, b.balance_max,
    b.excess_satang, b.state, b.frozen, b.frozen_until, b.changed_seq
FROM ledger.balance AS b
INNER JOIN ledger.account AS a ON a.book_id = b.book_id AND a.account_id = b.account_id
WHERE b.book_id = $1 AND b.account_id = ANY($2::int [])

-- account_codes --
SELECT code FROM ledger.account WHERE book_id = $1 AND code = ANY($2::text [])

-- gl_codes --
SELECT gl_code FROM ledger.gl_account WHERE book_id = $1 AND gl_code = ANY($2::text [])

-- parties --
SELECT party_id FROM ledger.party WHERE book_id = $1 AND party_id = ANY($2::int [])

-- open_accounts --
-- Before the batch: its movements and events may speak of accounts that it opens.
WITH opened AS (
    INSERT INTO ledger.account (
        book_id, account_id, code, gl_code, currency, party_id, name_th, name_en, opened_on,
        opened_seq
    )
    SELECT $1, t.account_id, t.code, t.gl_code, t.currency, t.party_id, t.name_th, t.name_en, $2, t.seq
    FROM unnest(
        $3::int [], $4::text [], $5::text [], $6::text [], $7::int [], $8::text [], $9::text [],
        $10::bigint []
    ) AS t (account_id, code, gl_code, currency, party_id, name_th, name_en, seq)
    RETURNING account_id, opened_seq
)
INSERT INTO ledger.balance (book_id, account_id, changed_seq)
SELECT $1, account_id, opened_seq FROM opened

-- write_batch --
-- Head, batch, transfers, movements, balances, refusals and keys: the function says when it writes.
SELECT ledger.write_batch(
    $1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20, $21,
    $22::text::uuid [], $23, $24, $25::text::uuid [], $26::text::int [], $27::text::bigint [],
    $28::text::int [], $29::text::int [], $30::text::bigint [], $31::text::smallint [], $32,
    $33::text::date [], $34, $35, $36, $37, $38, $39, $40, $41::text::int [], $42::text::date [],
    $43::text::bigint [], $44::text::bigint [], $45::text::bigint [], $46::text::bigint [],
    $47::text::int [], $48::text::int [], $49::text::int [], $50::text::uuid [], $51::text::int [],
    $52::text::bigint [], $53::text::bigint [], $54::text::bigint [], $55::text::bigint [],
    $56::text::bigint [], $57, $58, $59, $60, $61, $62, $63, $64, $65, $66, $67, $68
)

-- told --
-- Accounts that events tell of, all that may change of them: counters and limits move together. This
-- and the next three are parts of the statement that writes the batch; the two share parameters.
UPDATE ledger.balance AS b
SET debits = t.debits, credits = t.credits, held = t.held, balance_min = t.balance_min,
    balance_max = t.balance_max, excess_satang = t.excess, state = t.state, frozen = t.frozen,
    frozen_until = t.frozen_until, changed_seq = t.changed_seq
FROM unnest(
    $12::text::int [], $13::text::bigint [], $14::text::bigint [], $15::text::bigint [],
    $16::text::bigint [], $17::text::bigint [], $18::text::bigint [], $19::text::smallint [],
    $20::text::smallint [], $21::text::date [], $22::text::bigint []
) AS t (
    account_id, debits, credits, held, balance_min, balance_max, excess, state, frozen,
    frozen_until, changed_seq
)
WHERE b.book_id = $1 AND b.account_id = t.account_id

-- noted --
INSERT INTO ledger.event (
    book_id, recorded_seq, kind, business_date, actor, reason, account_id, hold_id, subject,
    amount_satang, body
)
SELECT $1, t.recorded_seq, t.kind, $2, t.actor, t.reason, t.account_id, t.hold_id, t.subject,
    t.amount_satang, t.body
FROM unnest(
    $3::text::bigint [], $4::text::smallint [], $5::text [], $6::text [], $7::text::int [],
    $8::text::uuid [], $9::text::uuid [], $10::text::bigint [], $11::text []
) AS t (
    recorded_seq, kind, actor, reason, account_id, hold_id, subject, amount_satang, body
)

-- placed --
INSERT INTO ledger.hold (
    book_id, hold_id, account_id, amount_satang, captured_satang, state, expires_on, reference,
    placed_seq, changed_seq
)
SELECT $1, t.* FROM unnest(
    $2::uuid [], $3::int [], $4::bigint [], $5::bigint [], $6::smallint [], $7::date [],
    $8::text [], $9::bigint [], $10::bigint []
) AS t

-- ended --
UPDATE ledger.hold AS h
SET captured_satang = t.captured, state = t.state, changed_seq = t.changed_seq
FROM unnest($2::uuid [], $3::bigint [], $4::smallint [], $5::bigint [])
AS t (hold_id, captured, state, changed_seq)
WHERE h.book_id = $1 AND h.hold_id = t.hold_id

-- cut_day --
UPDATE ledger.day SET state = 2, cut_seq = $3, cut_at = clock_timestamp()
WHERE book_id = $1 AND business_date = $2 AND state = 1

-- open_day --
INSERT INTO ledger.day (book_id, business_date, state) VALUES ($1, $2, 1)

-- move_head --
UPDATE ledger.book_head SET business_date = $2 WHERE book_id = $1
