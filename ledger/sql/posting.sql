-- The only statements that move money. Called by ledger.posting.read and ledger.posting.write, under
-- the book head, in the order of this file.

-- try_keys --
-- Idempotency keys of the batch, each locked until the end of the transaction or reported busy.
SELECT k.position::int, pg_try_advisory_xact_lock(hashtextextended(k.name, $1::int)) AS locked
FROM unnest($2::text []) WITH ORDINALITY AS k (name, position)
ORDER BY k.name

-- take_head --
SELECT recorded_seq, batch_no, business_date, value_date_floor, digest, epoch
FROM ledger.book_head WHERE book_id = $1 FOR UPDATE

-- recorded_keys --
SELECT client, key, request_hash, answer
FROM ledger.idempotency_key
WHERE book_id = $1 AND (client, key) IN (SELECT * FROM unnest($2::text [], $3::text []))

-- recorded_journals --
SELECT journal_id, line, recorded_seq, debit_account, credit_account, amount_satang, kind,
    may_exceed_limit, business_date, value_date, actor, reference, narrative, hold_id, reverses
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
    b.excess_satang, b.state, b.frozen, b.changed_seq
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
        transfer_count, amount_sum, refusal_count, origin, digest_version, digest
    ) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)
), new_transfers AS (
    INSERT INTO ledger.transfer (
        book_id, journal_id, line, recorded_seq, debit_account, credit_account, amount_satang,
        kind, may_exceed_limit, business_date, value_date, actor, reference, narrative, hold_id,
        reverses
    )
    SELECT $1, t.journal_id, t.line, t.recorded_seq, t.debit_account, t.credit_account,
        t.amount_satang, t.kind, t.may_exceed_limit, $3, t.value_date, t.actor, t.reference,
        t.narrative, t.hold_id, t.reverses
    FROM unnest(
        $14::uuid [], $15::int [], $16::bigint [], $17::int [], $18::int [], $19::bigint [],
        $20::smallint [], $21::boolean [], $22::date [], $23::text [], $24::text [], $25::text [],
        $26::uuid [], $27::uuid []
    ) AS t (
        journal_id, line, recorded_seq, debit_account, credit_account, amount_satang, kind,
        may_exceed_limit, value_date, actor, reference, narrative, hold_id, reverses
    )
), new_movements AS (
    INSERT INTO ledger.movement (
        book_id, account_id, business_date, batch_no, value_date, debits, credits, debits_after,
        credits_after, seqs
    )
    SELECT $1, t.account_id, $3, $2, t.value_date, t.debits, t.credits, t.debits_after,
        t.credits_after, t.seqs::bigint []
    FROM unnest(
        $28::int [], $29::date [], $30::bigint [], $31::bigint [], $32::bigint [], $33::bigint [],
        $34::text []
    ) AS t (account_id, value_date, debits, credits, debits_after, credits_after, seqs)
), new_events AS (
    INSERT INTO ledger.event (
        book_id, recorded_seq, kind, business_date, actor, reason, account_id, hold_id, subject,
        amount_satang, body
    )
    SELECT $1, t.recorded_seq, t.kind, $3, t.actor, t.reason, t.account_id, t.hold_id, t.subject,
        t.amount_satang, t.body
    FROM unnest(
        $35::bigint [], $36::smallint [], $37::text [], $38::text [], $39::int [], $40::uuid [],
        $41::uuid [], $42::bigint [], $43::text []
    ) AS t (
        recorded_seq, kind, actor, reason, account_id, hold_id, subject, amount_satang, body
    )
), new_refusals AS (
    INSERT INTO ledger.refusal (
        book_id, batch_no, position, code, sticky, operation_id, event_id, actor, detail, body
    )
    SELECT $1, $2, t.position, t.code, t.sticky, t.operation_id, t.event_id, t.actor, t.detail, t.body
    FROM unnest(
        $44::int [], $45::text [], $46::boolean [], $47::uuid [], $48::uuid [], $49::text [],
        $50::text [], $51::text []
    ) AS t (position, code, sticky, operation_id, event_id, actor, detail, body)
), new_balances AS (
    UPDATE ledger.balance AS b
    SET debits = t.debits, credits = t.credits, held = t.held, balance_min = t.balance_min,
        balance_max = t.balance_max, excess_satang = t.excess, state = t.state, frozen = t.frozen,
        changed_seq = t.changed_seq
    FROM unnest(
        $52::int [], $53::bigint [], $54::bigint [], $55::bigint [], $56::bigint [], $57::bigint [],
        $58::bigint [], $59::smallint [], $60::smallint [], $61::bigint []
    ) AS t (
        account_id, debits, credits, held, balance_min, balance_max, excess, state, frozen,
        changed_seq
    )
    WHERE b.book_id = $1 AND b.account_id = t.account_id
)
UPDATE ledger.book_head
SET recorded_seq = $5, batch_no = $2, digest = $13
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
