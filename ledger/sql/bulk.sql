-- Posting lines by the many: what ledger.posting.bulk asks and writes, in order. The transfers and
-- movements themselves are COPYed.

-- look_at_head --
-- The head without its lock; compared with the locked one, it says whether an answer still holds.
SELECT h.recorded_seq, h.batch_no, h.business_date, h.value_date_floor, h.digest, h.epoch,
    h.voucher_year, h.voucher_no, k.fiscal_year_start_month
FROM ledger.book_head AS h INNER JOIN ledger.book AS k ON k.book_id = h.book_id
WHERE h.book_id = $1

-- known_in_ranges --
-- Ids on record, be they of journals, holds or remembered refusals, in ranges $2 to $3; at most $4,
-- for a range may hold another load's ids by the million.
SELECT f.id
FROM unnest($2::uuid [], $3::uuid []) AS r (low, high)
CROSS JOIN LATERAL (
    SELECT t.journal_id AS id FROM ledger.transfer AS t
    WHERE t.book_id = $1 AND t.journal_id BETWEEN r.low AND r.high
    UNION ALL
    SELECT u.operation_id FROM ledger.refusal AS u
    WHERE u.book_id = $1 AND u.operation_id BETWEEN r.low AND r.high AND u.sticky
    UNION ALL
    SELECT h.hold_id FROM ledger.hold AS h
    WHERE h.book_id = $1 AND h.hold_id BETWEEN r.low AND r.high
) AS f
LIMIT $4

-- known_by_id --
-- The same, id by id; they come as one literal, and are looked up in the order of the index. A join,
-- because a server that has not counted the table yet would compare each row with each id.
WITH wanted AS MATERIALIZED (SELECT w.id FROM unnest($2::text::uuid []) AS w (id) ORDER BY w.id)
SELECT t.journal_id AS id
FROM wanted AS w INNER JOIN ledger.transfer AS t ON t.book_id = $1 AND t.journal_id = w.id
UNION
SELECT u.operation_id
FROM wanted AS w
INNER JOIN ledger.refusal AS u ON u.book_id = $1 AND u.operation_id = w.id AND u.sticky
UNION
SELECT h.hold_id
FROM wanted AS w INNER JOIN ledger.hold AS h ON h.book_id = $1 AND h.hold_id = w.id

-- sheet_accounts --
-- Of accounts $2, those whose last change is another than $3, as columns.
SELECT array_agg(b.account_id) AS account_id, array_agg(b.debits) AS debits,
    array_agg(b.credits) AS credits, array_agg(b.held) AS held,
    array_agg(b.balance_min) AS balance_min, array_agg(b.balance_max) AS balance_max,
    array_agg(b.excess_satang) AS excess_satang, array_agg(b.state) AS state,
    array_agg(b.frozen) AS frozen, array_agg(b.frozen_until) AS frozen_until,
    array_agg(b.changed_seq) AS changed_seq, array_agg(a.currency) AS currency
FROM unnest($2::int [], $3::bigint []) AS w (account_id, seen)
INNER JOIN ledger.balance AS b ON b.book_id = $1 AND b.account_id = w.account_id
INNER JOIN ledger.account AS a ON a.book_id = $1 AND a.account_id = w.account_id
WHERE b.changed_seq <> w.seen

-- open_batch --
INSERT INTO ledger.batch (
    book_id, batch_no, business_date, first_seq, last_seq, journal_count, event_count,
    transfer_count, amount_sum, refusal_count, origin, period, fiscal_year, first_voucher,
    digest_version, digest, marks
) VALUES ($1, $2, $3, $4, $5, $6, 0, $6, $7, $8, $9, 0, $10, $11, $12, $13, $14::text::uuid [])

-- write_refusals --
INSERT INTO ledger.refusal (
    book_id, batch_no, position, code, sticky, operation_id, event_id, actor, detail, body
)
SELECT $1, $2, t.position, t.code, t.sticky, t.operation_id, t.event_id, t.actor, t.detail, t.body
FROM unnest(
    $3::int [], $4::text [], $5::boolean [], $6::uuid [], $7::uuid [], $8::text [], $9::text [],
    $10::text []
) AS t (position, code, sticky, operation_id, event_id, actor, detail, body)

-- move_balances --
UPDATE ledger.balance AS b
SET debits = t.debits, credits = t.credits, excess_satang = t.excess, changed_seq = t.changed_seq
FROM unnest(
    $2::text::int [], $3::text::bigint [], $4::text::bigint [], $5::text::bigint [],
    $6::text::bigint []
) AS t (
    account_id, debits, credits, excess, changed_seq
)
WHERE b.book_id = $1 AND b.account_id = t.account_id

-- move_head --
UPDATE ledger.book_head
SET recorded_seq = $2, batch_no = $3, digest = $4, voucher_year = $5, voucher_no = $6
WHERE book_id = $1

-- newest_batch --
SELECT h.batch_no FROM ledger.book_head AS h WHERE h.book_id = $1

-- waiting --
-- Whether anybody waits for this transaction, that is for the head that it holds.
SELECT EXISTS (
    SELECT FROM pg_locks AS l
    WHERE NOT l.granted AND l.locktype = 'transactionid'
        AND l.transactionid = pg_current_xact_id()::xid
)

-- summarize --
SELECT ledger.summarize_numbers()
