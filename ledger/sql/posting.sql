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

-- recorded_keys --
SELECT client, key, request_hash, answer
FROM ledger.idempotency_key
WHERE book_id = $1 AND (client, key) IN (SELECT * FROM unnest($2::text [], $3::text []))

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
-- Batch, transfers, movements, events, refusals, balances and head in one statement, one round trip.
WITH new_batch AS (
    INSERT INTO ledger.batch (
        book_id, batch_no, business_date, first_seq, last_seq, journal_count, event_count,
        transfer_count, amount_sum, refusal_count, origin, period, fiscal_year, first_voucher,
        digest_version, digest
    ) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16)
), new_transfers AS (
    INSERT INTO ledger.transfer (
        book_id, journal_id, line, recorded_seq, debit_account, credit_account, amount_satang,
        kind, may_exceed_limit, business_date, value_date, actor, reference, narrative, hold_id,
        reverses, forced, adjusts
    )
    SELECT $1, t.journal_id, t.line, t.recorded_seq, t.debit_account, t.credit_account,
        t.amount_satang, t.kind, t.may_exceed_limit, $3, t.value_date, t.actor, t.reference,
        t.narrative, t.hold_id, t.reverses, t.forced, t.adjusts
    FROM unnest(
        $19::uuid [], $20::int [], $21::bigint [], $22::int [], $23::int [], $24::bigint [],
        $25::smallint [], $26::boolean [], $27::date [], $28::text [], $29::text [], $30::text [],
        $31::uuid [], $32::uuid [], $33::boolean [], $34::uuid []
    ) AS t (
        journal_id, line, recorded_seq, debit_account, credit_account, amount_satang, kind,
        may_exceed_limit, value_date, actor, reference, narrative, hold_id, reverses, forced,
        adjusts
    )
), new_movements AS (
    INSERT INTO ledger.movement (
        book_id, account_id, business_date, batch_no, value_date, debits, credits, debits_after,
        credits_after, seqs
    )
    SELECT $1, t.account_id, $3, $2, t.value_date, t.debits, t.credits, t.debits_after,
        t.credits_after, t.seqs::bigint []
    FROM unnest(
        $35::int [], $36::date [], $37::bigint [], $38::bigint [], $39::bigint [], $40::bigint [],
        $41::text []
    ) AS t (account_id, value_date, debits, credits, debits_after, credits_after, seqs)
), new_events AS (
    INSERT INTO ledger.event (
        book_id, recorded_seq, kind, business_date, actor, reason, account_id, hold_id, subject,
        amount_satang, body
    )
    SELECT $1, t.recorded_seq, t.kind, $3, t.actor, t.reason, t.account_id, t.hold_id, t.subject,
        t.amount_satang, t.body
    FROM unnest(
        $42::bigint [], $43::smallint [], $44::text [], $45::text [], $46::int [], $47::uuid [],
        $48::uuid [], $49::bigint [], $50::text []
    ) AS t (
        recorded_seq, kind, actor, reason, account_id, hold_id, subject, amount_satang, body
    )
), new_refusals AS (
    INSERT INTO ledger.refusal (
        book_id, batch_no, position, code, sticky, operation_id, event_id, actor, detail, body
    )
    SELECT $1, $2, t.position, t.code, t.sticky, t.operation_id, t.event_id, t.actor, t.detail, t.body
    FROM unnest(
        $51::int [], $52::text [], $53::boolean [], $54::uuid [], $55::uuid [], $56::text [],
        $57::text [], $58::text []
    ) AS t (position, code, sticky, operation_id, event_id, actor, detail, body)
), new_balances AS (
    UPDATE ledger.balance AS b
    SET debits = t.debits, credits = t.credits, held = t.held, balance_min = t.balance_min,
        balance_max = t.balance_max, excess_satang = t.excess, state = t.state, frozen = t.frozen,
        frozen_until = t.frozen_until, changed_seq = t.changed_seq
    FROM unnest(
        $59::int [], $60::bigint [], $61::bigint [], $62::bigint [], $63::bigint [], $64::bigint [],
        $65::bigint [], $66::smallint [], $67::smallint [], $68::date [], $69::bigint []
    ) AS t (
        account_id, debits, credits, held, balance_min, balance_max, excess, state, frozen,
        frozen_until, changed_seq
    )
    WHERE b.book_id = $1 AND b.account_id = t.account_id
)
UPDATE ledger.book_head
SET recorded_seq = $5, batch_no = $2, digest = $16, voucher_year = $17, voucher_no = $18
WHERE book_id = $1

-- insert_holds --
INSERT INTO ledger.hold (
    book_id, hold_id, account_id, amount_satang, captured_satang, state, expires_on, reference,
    placed_seq, changed_seq
)
SELECT $1, t.* FROM unnest(
    $2::uuid [], $3::int [], $4::bigint [], $5::bigint [], $6::smallint [], $7::date [],
    $8::text [], $9::bigint [], $10::bigint []
) AS t

-- update_holds --
UPDATE ledger.hold AS h
SET captured_satang = t.captured, state = t.state, changed_seq = t.changed_seq
FROM unnest($2::uuid [], $3::bigint [], $4::smallint [], $5::bigint [])
AS t (hold_id, captured, state, changed_seq)
WHERE h.book_id = $1 AND h.hold_id = t.hold_id

-- insert_keys --
INSERT INTO ledger.idempotency_key (book_id, client, key, request_hash, batch_no, answer)
SELECT $1, t.client, t.key, t.request_hash, $2, t.answer
FROM unnest($3::text [], $4::text [], $5::bytea [], $6::text []) AS t (
    client, key, request_hash, answer
)

-- cut_day --
UPDATE ledger.day SET state = 2, cut_seq = $3, cut_at = clock_timestamp()
WHERE book_id = $1 AND business_date = $2 AND state = 1

-- open_day --
INSERT INTO ledger.day (book_id, business_date, state) VALUES ($1, $2, 1)

-- move_head --
UPDATE ledger.book_head SET business_date = $2 WHERE book_id = $1
