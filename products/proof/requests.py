"""Loan requests against the numbered notes that tell of them.

A request is lived again from its notes, step by step (`request_life`), and every row of it must be
what comes out: where it stands, its history, papers, votes, conditions. Beside the rows the life
itself is judged: ways that there are, hands that differ, votes that amount to what was decided,
limits that the note itself names. Numbers have no gap, and each member that asked has its row.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from typing import Any
from uuid import UUID

from ledger.db import Connection
from ledger.proof.report import Difference, compare, differ
from products.proof.request_life import Authority, Life, Rows, live

AT_ONCE = 500
"""Requests in one snapshot."""

_ROWS_CHECK = "loan requests are their notes"
_LIFE_CHECK = "loan requests keep their rules"
_NUMBERS_CHECK = "loan requests are numbered without gap"
_BORROWERS_CHECK = "borrowers are members that asked"

_IDS = """
SELECT DISTINCT u.request_id FROM (
    (SELECT DISTINCT request_id FROM products.loan_request
    WHERE book_id = $1 AND ($2::uuid IS NULL OR request_id > $2) ORDER BY request_id LIMIT $3)
    UNION ALL
    (SELECT DISTINCT request_id FROM products.loan_request_step
    WHERE book_id = $1 AND ($2::uuid IS NULL OR request_id > $2) ORDER BY request_id LIMIT $3)
    UNION ALL
    (SELECT DISTINCT request_id FROM products.loan_request_document
    WHERE book_id = $1 AND ($2::uuid IS NULL OR request_id > $2) ORDER BY request_id LIMIT $3)
    UNION ALL
    (SELECT DISTINCT request_id FROM products.loan_decision
    WHERE book_id = $1 AND ($2::uuid IS NULL OR request_id > $2) ORDER BY request_id LIMIT $3)
    UNION ALL
    (SELECT DISTINCT request_id FROM products.loan_condition
    WHERE book_id = $1 AND ($2::uuid IS NULL OR request_id > $2) ORDER BY request_id LIMIT $3)
) AS u
ORDER BY u.request_id LIMIT $3
"""
_NOTES = """
SELECT e.subject AS request_id, e.recorded_seq, e.kind, e.business_date, e.actor, e.reason,
    e.amount_satang, e.body
FROM ledger.event AS e
WHERE e.book_id = $1 AND e.subject = ANY($2::uuid []) AND e.kind BETWEEN 140 AND 149
ORDER BY e.recorded_seq
"""
_ALONE = """
SELECT e.recorded_seq, e.subject FROM ledger.event AS e
WHERE e.book_id = $1 AND e.kind BETWEEN 140 AND 149 AND NOT EXISTS (
    SELECT FROM products.loan_request AS r
    WHERE r.book_id = e.book_id AND r.request_id = e.subject
)
ORDER BY e.recorded_seq LIMIT 1000
"""
_TABLES = {
    "loan_request": "",
    "loan_request_step": "step_no",
    "loan_request_document": "document_no",
    "loan_decision": "round, approver",
    "loan_condition": "condition_no",
}
"""Every table of a request, and what names a row within it."""

_AUTHORITIES = """
SELECT authority_id, amount_up_to_satang, way, levels, approvals, quorum, seats, valid_days
FROM products.approval_authority WHERE book_id = $1
"""
_NUMBERS = """
SELECT n.request_id, n.request_year, n.request_no, n.expected FROM (
    SELECT r.request_id, r.request_year, r.request_no,
        row_number() OVER (PARTITION BY r.request_year ORDER BY r.drafted_seq) AS expected
    FROM products.loan_request AS r WHERE r.book_id = $1
) AS n
WHERE n.request_no <> n.expected ORDER BY n.request_year, n.expected LIMIT 1000
"""
_YEARS = """
SELECT coalesce(y.request_year, r.request_year) AS request_year, y.last_no, r.requests
FROM (SELECT * FROM products.loan_request_year WHERE book_id = $1) AS y
FULL JOIN (
    SELECT request_year, count(*) AS requests FROM products.loan_request
    WHERE book_id = $1 GROUP BY request_year
) AS r ON r.request_year = y.request_year
WHERE y.last_no IS DISTINCT FROM r.requests ORDER BY 1
"""
_BORROWERS = """
SELECT coalesce(b.party_id, r.party_id) AS party_id, b.version, r.version AS expected
FROM (SELECT * FROM products.loan_borrower WHERE book_id = $1) AS b
FULL JOIN (
    SELECT party_id, 1 + count(approved_satang) AS version FROM products.loan_request
    WHERE book_id = $1 GROUP BY party_id
) AS r ON r.party_id = b.party_id
WHERE b.version IS DISTINCT FROM r.version ORDER BY 1 LIMIT 1000
"""

Row = Any
"""An `asyncpg.Record`."""


async def check_requests(
    connection: Connection, book_id: int, counts: dict[str, int]
) -> list[Difference]:
    """Every request, step, paper, vote or condition that is not what its notes say."""
    found: list[Difference] = []
    authorities = {
        row["authority_id"]: Authority(**dict(row))
        for row in await connection.fetch(_AUTHORITIES, book_id)
    }
    after: UUID | None = None
    while ids := [row[0] for row in await connection.fetch(_IDS, book_id, after, AT_ONCE)]:
        notes, rows = await _read(connection, book_id, ids)
        counts["loan_requests"] = counts.get("loan_requests", 0) + len(ids)
        for request_id in ids:
            life = live(notes[request_id], authorities)
            found += _compared(request_id, life, rows[request_id])
        after = ids[-1]
    for row in await connection.fetch(_ALONE, book_id):
        expected = f"the row that number {row['recorded_seq']} tells of"
        found += differ(_ROWS_CHECK, f"products.loan_request {row['subject']}", expected, "none")
    return [*found, *await _numbers(connection, book_id)]


async def _read(
    connection: Connection, book_id: int, ids: list[UUID]
) -> tuple[dict[UUID, list[Row]], dict[UUID, dict[str, list[Row]]]]:
    """Notes and rows of these requests, all of one moment."""
    notes: dict[UUID, list[Row]] = defaultdict(list)
    rows: dict[UUID, dict[str, list[Row]]] = {each: defaultdict(list) for each in ids}
    async with _one_moment(connection):
        for row in await connection.fetch(_NOTES, book_id, ids):
            notes[row["request_id"]].append(row)
        for table in _TABLES:
            question = (
                f"SELECT * FROM products.{table} "
                "WHERE book_id = $1 AND request_id = ANY($2::uuid [])"
            )
            for row in await connection.fetch(question, book_id, ids):
                rows[row["request_id"]][table].append(row)
    return notes, rows


@asynccontextmanager
async def _one_moment(connection: Connection) -> AsyncIterator[None]:
    # A test that damages a book and looks at it in one transaction has its snapshot already.
    if connection.is_in_transaction():
        yield
        return
    async with connection.transaction(isolation="repeatable_read", readonly=True):
        yield


def _compared(request_id: UUID, life: Life, rows: dict[str, list[Row]]) -> Iterator[Difference]:
    """The rows of one request against its life, and what is wrong with the life itself."""
    for table in _TABLES:
        told = {_place(table, request_id, row): row for row in life.rows.get(table, [])}
        held = {_place(table, request_id, _plain(row)): _plain(row) for row in rows[table]}
        for where in sorted(told.keys() | held.keys()):
            if where not in held:
                yield from differ(_ROWS_CHECK, where, "the row that its note tells of", "none")
            elif where not in told:
                yield from differ(_ROWS_CHECK, where, "no such row: no note tells of it", "a row")
            else:
                yield from compare(_ROWS_CHECK, where, told[where], held[where])
    for expected, got in life.broken:
        yield from differ(_LIFE_CHECK, f"products.loan_request {request_id}", expected, got)


def _place(table: str, request_id: UUID, row: Rows) -> str:
    named = [str(row[name]) for name in _TABLES[table].split(", ") if name]
    return " ".join([f"products.{table} {request_id}", *named])


def _plain(row: Row) -> Rows:
    """A row in the words of a note: dates, ids and hashes as text."""
    return {name: _text(value) for name, value in row.items()}


def _text(value: object) -> object:
    if isinstance(value, bytes):
        return value.hex()
    return value if value is None or isinstance(value, int | str | list) else str(value)


async def _numbers(connection: Connection, book_id: int) -> list[Difference]:
    found: list[Difference] = []
    for row in await connection.fetch(_NUMBERS, book_id):
        where, year = f"products.loan_request {row['request_id']}", row["request_year"]
        expected = f"{year}/{row['expected']}"
        found += differ(_NUMBERS_CHECK, where, expected, f"{year}/{row['request_no']}")
    for row in await connection.fetch(_YEARS, book_id):
        where = f"products.loan_request_year {row['request_year']}"
        found += differ(_NUMBERS_CHECK, where, row["requests"], row["last_no"])
    for row in await connection.fetch(_BORROWERS, book_id):
        where = f"products.loan_borrower {row['party_id']}"
        found += differ(_BORROWERS_CHECK, where, row["expected"], row["version"])
    return found
