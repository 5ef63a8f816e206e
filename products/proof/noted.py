"""Notices and bank statements against the numbered events that tell of them.

The events are digested with their batches; the rows are what products read and change. A notice is
what its first event says and stands where its last one left it; a statement and its lines are the
content whose hash its event carries, worked out here from the rows.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from hashlib import sha256
from typing import Any
from uuid import UUID

from ledger.db import Connection
from ledger.proof.report import Difference, compare, differ

AT_ONCE = 5_000

_NOTICES = """
SELECT n.notice_id, n.kind, s.code AS status, n.bank_code, n.amount_satang, n.value_date,
    n.reference, n.made_by, n.received_by, n.approved_by, n.received_on, n.received_seq,
    n.changed_seq, c.account_id, f.recorded_seq AS first_seq, f.business_date AS first_date,
    f.actor AS first_actor, f.account_id AS first_account, f.amount_satang AS first_amount,
    f.body AS first_body, l.recorded_seq AS last_seq, l.body AS last_body, a.actor AS approver
FROM products.notice AS n
LEFT JOIN products.contract AS c ON c.book_id = n.book_id AND c.contract_id = n.contract_id
LEFT JOIN products.notice_status AS s ON s.status = n.status
LEFT JOIN LATERAL (
    SELECT e.* FROM ledger.event AS e
    WHERE e.book_id = n.book_id AND e.subject = n.notice_id AND e.kind = 111
    ORDER BY e.recorded_seq LIMIT 1
) AS f ON TRUE
LEFT JOIN LATERAL (
    SELECT e.recorded_seq, e.body FROM ledger.event AS e
    WHERE e.book_id = n.book_id AND e.subject = n.notice_id AND e.kind BETWEEN 111 AND 119
    ORDER BY e.recorded_seq DESC LIMIT 1
) AS l ON TRUE
LEFT JOIN LATERAL (
    SELECT e.actor FROM ledger.event AS e
    WHERE e.book_id = n.book_id AND e.subject = n.notice_id AND e.kind = 112
    ORDER BY e.recorded_seq DESC LIMIT 1
) AS a ON TRUE
WHERE n.book_id = $1 AND ($2::uuid IS NULL OR n.notice_id > $2)
ORDER BY n.notice_id LIMIT $3
"""
_ALONE = """
SELECT e.recorded_seq, e.subject, e.kind FROM ledger.event AS e
WHERE e.book_id = $1 AND (
    (e.kind = 111 AND NOT EXISTS (
        SELECT FROM products.notice AS n WHERE n.book_id = e.book_id AND n.notice_id = e.subject
    ))
    OR (e.kind = 121 AND NOT EXISTS (
        SELECT FROM products.bank_statement AS s
        WHERE s.book_id = e.book_id AND s.statement_id = e.subject
    ))
    OR (e.kind = 122 AND NOT EXISTS (
        SELECT FROM products.bank_line AS l WHERE l.book_id = e.book_id AND l.line_id = e.subject
    ))
)
ORDER BY e.recorded_seq LIMIT 1000
"""
_STATEMENTS = """
SELECT s.*, b.account_no, k.currency, e.recorded_seq AS event_seq, e.business_date AS event_date,
    e.body
FROM products.bank_statement AS s
INNER JOIN ledger.book AS k ON k.book_id = s.book_id
LEFT JOIN products.bank_account AS b ON b.book_id = s.book_id AND b.bank_code = s.bank_code
LEFT JOIN ledger.event AS e
    ON e.book_id = s.book_id AND e.subject = s.statement_id AND e.kind = 121
WHERE s.book_id = $1 AND ($2::uuid IS NULL OR s.statement_id > $2)
ORDER BY s.statement_id LIMIT 50
"""
_LINES = """
SELECT statement_id, bank_code, line_no, bank_reference, amount_satang, is_credit, booking_date,
    value_date, reference, remittance, counterparty, kind, is_reversal, original_reference
FROM products.bank_line WHERE book_id = $1 AND statement_id = ANY($2::uuid[])
ORDER BY statement_id, line_no
"""
_LINE_FACTS, _KIND = 2, 9
"""Places in a line's row: of its first fact, in the order in which they are hashed; of its kind."""
_LINE_KINDS = {1: "CREDIT_TRANSFER", 2: "DEBIT_TRANSFER", 3: "RETURN", 4: "FEE", 5: "OTHER"}
_TABLES = {111: "notice", 121: "bank_statement", 122: "bank_line"}
_KINDS = {1: "deposit", 2: "withdrawal"}
_CONTENT = b"1"

Row = Any
"""An `asyncpg.Record`."""


async def check_noted(connection: Connection, book_id: int) -> list[Difference]:
    """Every notice, statement and line that is not what its events say."""
    found: list[Difference] = []
    after: UUID | None = None
    rows = await connection.fetch(_NOTICES, book_id, after, AT_ONCE)
    while rows:
        for row in rows:
            found += _notice(row)
        rows = await connection.fetch(_NOTICES, book_id, rows[-1]["notice_id"], AT_ONCE)
    found += await _statements(connection, book_id)
    for row in await connection.fetch(_ALONE, book_id):
        where = f"products.{_TABLES[row['kind']]} {row['subject']}"
        expected = f"the row that number {row['recorded_seq']} tells of"
        found += differ("notices and statements are their events", where, expected, "none")
    return found


def _notice(row: Row) -> Iterator[Difference]:
    check, where = "notices are their events", f"products.notice {row['notice_id']}"
    if row["first_seq"] is None:
        yield from differ(check, where, "an event notice_received", "none")
        return
    body, last = _body(row["first_body"]), _body(row["last_body"])
    # A withdrawal's hold takes the number before its notice.
    first_seq = row["first_seq"] - (row["kind"] == 2)
    expected: dict[str, object] = {
        "kind": body.get("kind"),
        "status": last.get("to"),
        "bank_code": body.get("bank"),
        "account": row["first_account"],
        "amount_satang": row["first_amount"],
        "value_date": body.get("value_date"),
        "reference": body.get("reference"),
        # A closing notices its own payment for the person who asked for it.
        "made_by": body.get("made_by", row["first_actor"]),
        "received_by": body.get("received_by"),
        "approved_by": row["approver"],
        "received_on": row["first_date"],
        "received_seq": first_seq,
    }
    found: dict[str, object] = {name: row[name] for name in expected if name != "account"}
    found["kind"], found["account"] = _KINDS.get(row["kind"]), row["account_id"]
    found["value_date"] = row["value_date"].isoformat()
    yield from compare(check, where, expected, found)
    if not first_seq <= row["changed_seq"] <= row["last_seq"]:
        expected_seq = f"changed_seq {first_seq} to {row['last_seq']}"
        yield from differ(check, where, expected_seq, row["changed_seq"])


async def _statements(connection: Connection, book_id: int) -> list[Difference]:
    found: list[Difference] = []
    after: UUID | None = None
    while True:
        rows = await connection.fetch(_STATEMENTS, book_id, after)
        if not rows:
            return found
        ids = [row["statement_id"] for row in rows]
        lines: dict[UUID, list[Row]] = {}
        for line in await connection.fetch(_LINES, book_id, ids):
            lines.setdefault(line["statement_id"], []).append(line)
        for row in rows:
            found += _statement(row, lines.get(row["statement_id"], []))
        after = ids[-1]


def _statement(row: Row, lines: list[Row]) -> Iterator[Difference]:
    check = "statements are their events"
    where = f"products.bank_statement {row['bank_code']} {row['sequence_no']}"
    if row["event_seq"] is None:
        yield from differ(check, where, "an event statement_loaded", "none")
        return
    body = _body(row["body"])
    # By the event's words: a row under another number is still this statement.
    where = f"products.bank_statement {body.get('bank')} {body.get('sequence_no')}"
    expected: dict[str, object] = {
        "bank_code": body.get("bank"),
        "sequence_no": body.get("sequence_no"),
        "opening_satang": body.get("opening_satang"),
        "closing_satang": body.get("closing_satang"),
        "line_count": body.get("lines"),
        "content_sha256": body.get("content_sha256"),
        "file_sha256": body.get("file_sha256"),
        "loaded_on": row["event_date"],
        "loaded_seq": row["event_seq"],
    }
    found: dict[str, object] = {name: row[name] for name in expected}
    for name in ("content_sha256", "file_sha256"):
        found[name] = row[name].hex()
    yield from compare(check, where, expected, found)
    content, said = _content(row, lines), body.get("content_sha256")
    yield from differ("statements are the content that was loaded", where, said, content)
    for line in lines:
        if line["bank_code"] != row["bank_code"]:
            place = f"products.bank_line {line['bank_reference']}"
            yield from differ(check, place, f"bank {row['bank_code']}", line["bank_code"])


def _content(row: Row, lines: list[Row]) -> str:
    """The hash of a statement's facts: each as text, after its length in eight bytes."""
    facts: list[object] = [
        row["account_no"],
        row["bank_reference"],
        row["sequence_no"],
        row["booking_from"],
        row["booking_to"],
        row["currency"],
        row["opening_satang"],
        row["closing_satang"],
    ]
    for line in lines:
        of_line = list(line)[_LINE_FACTS:]
        of_line[_KIND] = f"LineKind.{_LINE_KINDS.get(line['kind'])}"
        facts += of_line
    digest = sha256(_CONTENT)
    for fact in facts:
        text = str(fact).encode()
        digest.update(len(text).to_bytes(8, "big") + text)
    return digest.hexdigest()


def _body(text: str | None) -> dict[str, Any]:
    try:
        body = json.loads(text or "{}")
    except ValueError:
        return {}
    return body if isinstance(body, dict) else {}
