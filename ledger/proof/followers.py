"""Followers of the feed, compared: no cursor beyond the head, search rows as the transfers.

The follower that keeps the search rows writes them in the transaction that moves its cursor, so up
to the cursor every transfer has its row, the same to the letter. Above it rows stand only if the
cursor was set back from there. Rows are compared a range of numbers at a time, in short statements.
"""

from __future__ import annotations

from ledger.db import Connection
from ledger.proof.report import Difference, compare, differ

RANGE = 200_000
"""Numbers compared in one statement."""

RUN = 262_144
"""Numbers in a run of the search rows (docs/architecture.md)."""

_CONSUMERS = """
SELECT c.name, c.cursor_seq, h.recorded_seq AS head_seq, greatest(c.cursor_seq, coalesce((
    SELECT max(r.from_seq) FROM ledger.consumer_rewind AS r
    WHERE r.book_id = c.book_id AND r.name = c.name
), 0)) AS reached
FROM ledger.consumer AS c INNER JOIN ledger.book_head AS h ON h.book_id = c.book_id
WHERE c.book_id = $1 ORDER BY c.name
"""
_ROWS = """
SELECT coalesce(f.recorded_seq, t.recorded_seq) AS seq, coalesce(f.line, t.line) AS line,
    f.recorded_seq IS NOT NULL AS indexed, t.recorded_seq IS NOT NULL AS recorded,
    row_to_json(f)::text AS found, row_to_json(t)::text AS expected
FROM (
    SELECT recorded_seq, line, amount_satang, debit_account, credit_account, business_date,
        value_date, kind, reference COLLATE "C" AS reference, actor COLLATE "C" AS actor,
        journal_id, (recorded_seq / $4::bigint)::integer AS run
    FROM ledger.transfer WHERE book_id = $1 AND recorded_seq > $2 AND recorded_seq <= $3
) AS t
FULL JOIN (
    SELECT recorded_seq, line, amount_satang, debit_account, credit_account, business_date,
        value_date, kind, reference, actor, journal_id, run
    FROM ledger.found_transfer WHERE book_id = $1 AND recorded_seq > $2 AND recorded_seq <= $3
        AND run BETWEEN $2 / $4::bigint AND $3 / $4::bigint
) AS f ON f.recorded_seq = t.recorded_seq AND f.line = t.line
WHERE f.* IS DISTINCT FROM t.*
ORDER BY 1, 2 LIMIT 1000
"""
_BEYOND = """
SELECT f.recorded_seq AS seq, f.line FROM ledger.found_transfer AS f
WHERE f.book_id = $1 AND (f.recorded_seq > coalesce((
    SELECT greatest(c.cursor_seq, coalesce((
        SELECT max(r.from_seq) FROM ledger.consumer_rewind AS r
        WHERE r.book_id = c.book_id AND r.name = c.name
    ), 0))
    FROM ledger.consumer AS c WHERE c.book_id = $1 AND c.name = 'find'
), 0) OR f.run <> f.recorded_seq / $2::bigint)
ORDER BY 1, 2 LIMIT 1000
"""
_CHECK = "search rows are the transfers"


async def check_followers(connection: Connection, book_id: int) -> list[Difference]:
    """Every cursor beyond the head, every search row that is wrong, missing or too many."""
    found: list[Difference] = []
    for row in await connection.fetch(_CONSUMERS, book_id):
        where = f"ledger.consumer {row['name']}"
        if row["cursor_seq"] > row["head_seq"]:
            expected = f"a cursor up to {row['head_seq']}"
            found += differ("cursors stand behind the head", where, expected, row["cursor_seq"])
        if row["name"] == "find":
            reached = min(row["reached"], row["head_seq"])
            found += await _search_rows(connection, book_id, row["cursor_seq"], reached)
    for row in await connection.fetch(_BEYOND, book_id, RUN):
        where = f"ledger.found_transfer {row['seq']} line {row['line']}"
        found += differ(_CHECK, where, "no row that its follower has not reached", "a row")
    return found


async def _search_rows(
    connection: Connection, book_id: int, cursor: int, reached: int
) -> list[Difference]:
    found: list[Difference] = []
    for after in range(0, reached, RANGE):
        upto = min(after + RANGE, reached)
        for row in await connection.fetch(_ROWS, book_id, after, upto, RUN):
            where = f"ledger.found_transfer {row['seq']} line {row['line']}"
            if not row["recorded"]:
                found += differ(_CHECK, where, "no row", "a row")
            elif row["indexed"]:
                expected = {"row": row["expected"]}
                found += compare(_CHECK, where, dict(expected), {"row": row["found"]})
            elif row["seq"] <= cursor:
                found += differ(_CHECK, where, "a row", "none")
    return found
