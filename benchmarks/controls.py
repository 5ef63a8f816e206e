"""Control totals by sets: what was posted agrees with itself, told by SQL over the whole book.

Transfers, movements, balances and batches are four tellings of the same sums; numbers are used once
each and none is left out; no balance stands beyond its limits. It is no replacement for the proof
(`cff verify`), which derives every row again; it is what can be asked after every point.
"""

from __future__ import annotations

from benchmarks.bench import CheckFailed
from benchmarks.made import BOOK
from ledger.db import Connection

_TOTALS = """
WITH t AS (
    SELECT count(*) AS transfers, sum(f.amount_satang) AS amount, min(f.recorded_seq) AS first_seq,
        max(f.recorded_seq) AS last_seq, count(*) FILTER (WHERE f.line = 0) AS journals
    FROM ledger.transfer AS f WHERE f.book_id = $1 AND f.recorded_seq > $2
), b AS (
    SELECT sum(b.transfer_count) AS transfers, sum(b.amount_sum) AS amount,
        sum(b.journal_count) AS journals, sum(b.event_count) AS events,
        sum(b.refusal_count) AS refusals, min(b.first_seq) AS first_seq, max(b.last_seq) AS last_seq
    FROM ledger.batch AS b WHERE b.book_id = $1 AND b.first_seq > $2
), m AS (
    SELECT sum(m.debits) AS debits, sum(m.credits) AS credits, sum(m.transfers) AS sides
    FROM ledger.movement AS m WHERE m.book_id = $1 AND m.batch_no > $3
), w AS (
    SELECT sum(m.debits) AS debits, sum(m.credits) AS credits
    FROM ledger.movement AS m WHERE m.book_id = $1
), l AS (
    SELECT sum(b.debits) AS debits, sum(b.credits) AS credits, count(*) FILTER (
        WHERE b.credits - b.debits - b.held < b.balance_min OR b.credits - b.debits > b.balance_max
            OR b.excess_satang > 0
    ) AS beyond
    FROM ledger.balance AS b WHERE b.book_id = $1
), r AS (
    SELECT count(*) AS refusals FROM ledger.refusal AS r WHERE r.book_id = $1 AND r.batch_no > $3
)
SELECT ARRAY[t.transfers, b.transfers, m.sides / 2] AS "transfers of rows, batches, movements",
    ARRAY[t.amount, b.amount, m.debits, m.credits] AS "amounts of rows, batches, both sides",
    ARRAY[t.journals, b.journals] AS "journals of rows, batches",
    ARRAY[b.journals + b.events, b.last_seq - $2, h.recorded_seq - $2]
        AS "numbers of batches, their last, the head's",
    ARRAY[r.refusals, b.refusals] AS "refusals of rows, batches",
    ARRAY[w.debits, l.debits] AS "debits of all movements, balances",
    ARRAY[w.credits, l.credits, l.debits] AS "credits of all movements, balances, their debits",
    ARRAY[l.beyond, 0] AS "balances beyond a limit, none"
FROM t, b, m, w, l, r, ledger.book_head AS h WHERE h.book_id = $1
"""
_UNMATCHED = """
SELECT count(*) FROM (
    SELECT m.account_id, sum(m.debits) AS debits, sum(m.credits) AS credits
    FROM ledger.movement AS m WHERE m.book_id = $1 GROUP BY m.account_id
) AS s
FULL JOIN (SELECT * FROM ledger.balance AS b WHERE b.book_id = $1) AS l
    ON l.account_id = s.account_id
WHERE coalesce(s.debits, 0) <> l.debits OR coalesce(s.credits, 0) <> l.credits
    OR l.account_id IS NULL
"""
_TWICE = """
SELECT count(*) FILTER (WHERE f.line = 0) - count(DISTINCT f.recorded_seq)
FROM ledger.transfer AS f
WHERE f.book_id = $1 AND f.recorded_seq > $2
"""


async def control_totals(
    connection: Connection, *, after_seq: int = 0, after_batch: int = 0, expected: int | None = None
) -> str:
    """Compare the tellings of everything after a number and batch; what held, in words.

    expected: transfers that the benchmark believes it has posted since. Balances are compared over
    the whole book. Raises `CheckFailed` that names what differs.
    """
    row = await connection.fetchrow(_TOTALS, BOOK, after_seq, after_batch)
    if row is None:
        raise CheckFailed(f"book {BOOK} has no head")
    for name, values in row.items():
        told = [int(value or 0) for value in values]
        if len(set(told)) > 1:
            raise CheckFailed(f"{name}: {told} should be equal")
    transfers = int(row[0][0] or 0)
    if expected is not None and transfers != expected:
        raise CheckFailed(f"{transfers:,} transfers are recorded, {expected:,} were accepted")
    apart = await connection.fetchval(_UNMATCHED, BOOK)
    if apart:
        raise CheckFailed(f"{apart} balances differ from the sums of their movements")
    twice = await connection.fetchval(_TWICE, BOOK, after_seq)
    if twice:
        raise CheckFailed(f"{twice} numbers stand on more than one journal")
    return f"{transfers:,} transfers: rows, batches, movements, balances and numbers agree"
