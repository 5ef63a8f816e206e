"""Notices, matches and the bank, compared with the journals and holds that they claim.

A withdrawal's status and its hold tell the same story; a posted notice names the journal that moved
its member's money; a matched line is explained to the satang by journals that stand; and what the
ledger says of each bank account is what the bank's last statement says, less the lines not posted.
What waits is named too: suspense is the sum of the suspended lines, outgoing clearing that of the
payments ordered and not yet debited by the bank.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any
from uuid import UUID

from ledger.db import Connection
from ledger.proof.report import Difference, compare, differ

NOTICES_AT_ONCE = 20_000
_DEPOSIT, _WITHDRAWAL = 1, 2
_RECEIVED, _MATCHED, _POSTED, _HELD, _APPROVED, _PAID = 1, 2, 3, 11, 12, 13
_REJECTED, _RETURNED, _EXPIRED = 21, 22, 23
_NEW, _SUSPENSE, _LINE_MATCHED, _FEE, _LINE_RETURNED = 1, 2, 3, 4, 5

HOLD_OF_STATUS = {
    _HELD: 1,
    _APPROVED: 1,
    _PAID: 2,
    _POSTED: 2,
    _RETURNED: 2,
    _REJECTED: 3,
    _EXPIRED: 4,
}
"""Status of a withdrawal -> state of its hold."""

_NOTICES = """
SELECT n.notice_id, n.kind, n.status, n.amount_satang, n.posted_journal, c.account_id,
    h.hold_id, h.state AS hold_state, h.amount_satang AS held, h.account_id AS hold_account,
    h.captured_satang, k.moved, k.kind AS journal_kind, k.hold_id AS captures, k.reversed
FROM products.notice AS n
LEFT JOIN products.contract AS c ON c.book_id = n.book_id AND c.contract_id = n.contract_id
LEFT JOIN ledger.hold AS h ON h.book_id = n.book_id AND h.hold_id = n.notice_id
LEFT JOIN LATERAL (
    SELECT min(t.kind) AS kind, (array_agg(t.hold_id))[1] AS hold_id,
        count(*) FILTER (
            WHERE t.amount_satang = n.amount_satang AND c.account_id
                = CASE WHEN n.kind = 1 THEN t.credit_account ELSE t.debit_account END
        ) AS moved,
        EXISTS (
            SELECT FROM ledger.transfer AS r
            WHERE r.book_id = n.book_id AND r.reverses = n.posted_journal AND r.line = 0
        ) AS reversed
    FROM ledger.transfer AS t
    WHERE t.book_id = n.book_id AND t.journal_id = n.posted_journal
) AS k ON TRUE
WHERE n.book_id = $1 AND ($2::uuid IS NULL OR n.notice_id > $2)
ORDER BY n.notice_id LIMIT $3
"""
_LINES = """
SELECT l.line_id, l.bank_reference, l.status, l.amount_satang, l.is_credit, l.posted_on,
    l.posted_journal, coalesce(m.total, 0) AS matched, p.moved,
    l.posted_on IS NULL OR l.posted_on BETWEEN s.loaded_on AND p.moved_on AS in_time
FROM products.bank_line AS l
LEFT JOIN products.bank_account AS b ON b.book_id = l.book_id AND b.bank_code = l.bank_code
LEFT JOIN products.bank_statement AS s
    ON s.book_id = l.book_id AND s.statement_id = l.statement_id
LEFT JOIN LATERAL (
    SELECT sum(x.amount_satang) AS total FROM products.bank_match AS x
    WHERE x.book_id = l.book_id AND x.line_id = l.line_id AND x.undone_seq IS NULL
) AS m ON TRUE
LEFT JOIN LATERAL (
    SELECT sum(
        CASE WHEN t.debit_account = b.account_id THEN t.amount_satang
            WHEN t.credit_account = b.account_id THEN -t.amount_satang ELSE 0 END
    ) AS moved, max(t.business_date) AS moved_on
    FROM ledger.transfer AS t
    WHERE t.book_id = l.book_id AND t.journal_id = l.posted_journal
) AS p ON TRUE
WHERE l.book_id = $1 AND ($2::uuid IS NULL OR l.line_id > $2)
ORDER BY l.line_id LIMIT $3
"""
_MATCHES = """
SELECT m.match_id, m.amount_satang, n.amount_satang AS notice_amount, m.undone_seq IS NULL AS live,
    n.bank_code = l.bank_code AS same_bank, m.purpose,
    CASE WHEN n.kind = 2 AND l.is_credit THEN 2 ELSE 1 END AS right_purpose,
    (
        SELECT count(*) FROM ledger.transfer AS t
        WHERE t.book_id = m.book_id AND t.journal_id = m.journal_id
            AND t.amount_satang = m.amount_satang
            AND CASE WHEN l.is_credit THEN t.credit_account = c.account_id
                ELSE t.debit_account = a.outgoing_clearing END
    ) AS moved,
    EXISTS (
        SELECT FROM ledger.transfer AS r
        WHERE r.book_id = m.book_id AND r.reverses = m.journal_id AND r.line = 0
    ) AS reversed
FROM products.bank_match AS m
LEFT JOIN products.bank_line AS l ON l.book_id = m.book_id AND l.line_id = m.line_id
LEFT JOIN products.notice AS n ON n.book_id = m.book_id AND n.notice_id = m.notice_id
LEFT JOIN products.contract AS c ON c.book_id = n.book_id AND c.contract_id = n.contract_id
LEFT JOIN products.payment_accounts AS a ON a.book_id = m.book_id
WHERE m.book_id = $1 AND ($2::uuid IS NULL OR m.match_id > $2)
ORDER BY m.match_id LIMIT $3
"""
_STATEMENTS = """
SELECT s.bank_code, s.sequence_no, s.opening_satang, s.closing_satang, s.line_count,
    k.net, k.lines, lag(s.closing_satang, 1, b.opening_balance_satang) OVER chain AS before,
    lag(s.sequence_no, 1, s.sequence_no - 1) OVER chain + 1 AS next_no
FROM products.bank_statement AS s
INNER JOIN products.bank_account AS b ON b.book_id = s.book_id AND b.bank_code = s.bank_code
CROSS JOIN LATERAL (
    SELECT count(*) AS lines, coalesce(
        sum(CASE WHEN l.is_credit THEN l.amount_satang ELSE -l.amount_satang END), 0
    ) AS net
    FROM products.bank_line AS l
    WHERE l.book_id = s.book_id AND l.statement_id = s.statement_id
) AS k
WHERE s.book_id = $1
WINDOW chain AS (PARTITION BY s.bank_code ORDER BY s.sequence_no)
ORDER BY s.bank_code, s.sequence_no
"""
_BANKS = """
SELECT b.bank_code, v.debits - v.credits AS ledger, coalesce((
    SELECT s.closing_satang FROM products.bank_statement AS s
    WHERE s.book_id = b.book_id AND s.bank_code = b.bank_code
    ORDER BY s.sequence_no DESC LIMIT 1
), b.opening_balance_satang) - coalesce((
    SELECT sum(CASE WHEN l.is_credit THEN l.amount_satang ELSE -l.amount_satang END)
    FROM products.bank_line AS l
    WHERE l.book_id = b.book_id AND l.bank_code = b.bank_code AND l.status = 1
), 0)::bigint AS bank
FROM products.bank_account AS b
INNER JOIN ledger.balance AS v ON v.book_id = b.book_id AND v.account_id = b.account_id
WHERE b.book_id = $1
"""

_WAITING = """
SELECT string_agg(w.name, ' and ' ORDER BY w.name) AS name, v.credits - v.debits AS ledger,
    sum(w.lines)::bigint AS explained
FROM (
    SELECT a.suspense_receipts AS account_id, 'suspense receipts' AS name, (
        SELECT coalesce(sum(l.amount_satang), 0) FROM products.bank_line AS l
        WHERE l.book_id = a.book_id AND l.status = 2 AND l.is_credit
    ) AS lines
    FROM products.payment_accounts AS a WHERE a.book_id = $1
    UNION ALL
    SELECT a.suspense_payments, 'suspense payments', (
        SELECT coalesce(-sum(l.amount_satang), 0) FROM products.bank_line AS l
        WHERE l.book_id = a.book_id AND l.status = 2 AND NOT l.is_credit
    )
    FROM products.payment_accounts AS a WHERE a.book_id = $1
    UNION ALL
    SELECT a.outgoing_clearing, 'outgoing clearing', (
        SELECT coalesce(sum(n.amount_satang), 0) FROM products.notice AS n
        WHERE n.book_id = a.book_id AND n.kind = 2 AND n.status IN (3, 13, 22) AND NOT EXISTS (
            SELECT FROM products.bank_match AS m
            WHERE m.book_id = n.book_id AND m.notice_id = n.notice_id AND m.purpose = 1
                AND m.undone_seq IS NULL
        )
    )
    FROM products.payment_accounts AS a WHERE a.book_id = $1
) AS w
INNER JOIN ledger.balance AS v ON v.book_id = $1 AND v.account_id = w.account_id
GROUP BY v.account_id, v.credits, v.debits
ORDER BY v.account_id
"""

Row = Any
"""An `asyncpg.Record`."""


async def check_payments(
    connection: Connection, book_id: int, counts: dict[str, int]
) -> list[Difference]:
    """Every difference of notices, lines, matches, statements, bank accounts and what waits."""
    found: list[Difference] = []
    for name, question, key, check in (
        ("notices", _NOTICES, "notice_id", notice),
        ("bank_lines", _LINES, "line_id", line),
        ("bank_matches", _MATCHES, "match_id", match),
    ):
        after: UUID | None = None
        rows: list[Row] = []
        while after is None or len(rows) == NOTICES_AT_ONCE:
            rows = await connection.fetch(question, book_id, after, NOTICES_AT_ONCE)
            counts[name] = counts.get(name, 0) + len(rows)
            for row in rows:
                found += check(row)
            if not rows:
                break
            after = rows[-1][key]
    for row in await connection.fetch(_STATEMENTS, book_id):
        found += statement(row)
    agree = "the ledger's bank is the bank's statement"
    for row in await connection.fetch(_BANKS, book_id):
        where = f"bank account {row['bank_code']}"
        found += differ(agree, where, row["bank"], row["ledger"])
    agree = "what waits is lines and payments"
    for row in await connection.fetch(_WAITING, book_id):
        found += differ(agree, row["name"], row["explained"], row["ledger"])
    return found


def notice(row: Row) -> Iterator[Difference]:
    """A notice against its hold and the journal that it names."""
    where = f"products.notice {row['notice_id']}"
    if row["kind"] == _WITHDRAWAL:
        expected: dict[str, object] = {
            "hold_state": HOLD_OF_STATUS.get(row["status"]),
            "held": row["amount_satang"],
            "hold_account": row["account_id"],
        }
        if expected["hold_state"] == 2:
            expected["captured_satang"] = row["amount_satang"]
        found = {name: row[name] for name in expected}
        yield from compare("withdrawals are their holds", where, expected, found)
    else:
        yield from differ("deposits hold nothing", where, None, row["hold_id"])
    moved = row["status"] in (_POSTED, _PAID, _RETURNED)
    check = "notices name the journals that moved their money"
    if not moved:
        yield from differ(check, where, None, row["posted_journal"])
    elif not row["moved"]:
        wanted = f"a journal that moves {row['amount_satang']} satang of {row['account_id']}"
        yield from differ(check, where, wanted, f"journal {row['posted_journal']}")
    elif row["kind"] == _WITHDRAWAL:
        yield from differ(
            check, where, f"captures {row['notice_id']}", f"captures {row['captures']}"
        )
    elif row["reversed"]:
        yield from differ(check, where, "a journal that stands", "one that was reversed")


def line(row: Row) -> Iterator[Difference]:
    """A line against what its journal did to the bank's account, and against its matches."""
    where = f"products.bank_line {row['bank_reference']}"
    amount = row["amount_satang"] if row["is_credit"] else -row["amount_satang"]
    joined = row["status"] in (_LINE_MATCHED, _LINE_RETURNED)
    expected: dict[str, object] = {
        "matched": row["amount_satang"] if joined else 0,
        "moved": None if row["status"] == _NEW else amount,
    }
    found = {name: None if row[name] is None else int(row[name]) for name in expected}
    yield from compare("lines are posted and explained", where, expected, dict(found))
    unposted = row["posted_on"] is None
    yield from differ("lines are posted and explained", where, row["status"] == _NEW, unposted)
    if not row["in_time"]:
        expected_date = "a posting after its statement came and not after its journal"
        yield from differ("lines are posted and explained", where, expected_date, row["posted_on"])


def match(row: Row) -> Iterator[Difference]:
    """A match against its notice and journal; one that was undone has a reversed journal."""
    where = f"products.bank_match {row['match_id']}"
    expected: dict[str, object] = {
        "amount_satang": row["notice_amount"],
        "same_bank": True,
        "purpose": row["right_purpose"],
        "reversed": not row["live"],
    }
    found = {name: row[name] for name in expected}
    yield from compare("matches are their journals", where, expected, found)
    if not row["moved"]:
        wanted = f"a journal that moves {row['amount_satang']} satang"
        yield from differ("matches are their journals", where, wanted, "none")


def statement(row: Row) -> Iterator[Difference]:
    """A statement against the one before it and against its own lines."""
    where = f"products.bank_statement {row['bank_code']} {row['sequence_no']}"
    expected: dict[str, object] = {
        "sequence_no": row["next_no"],
        "opening_satang": row["before"],
        "closing_satang": row["opening_satang"] + int(row["net"]),
        "line_count": row["lines"],
    }
    found = {name: row[name] for name in expected}
    yield from compare("statements follow one another", where, expected, found)
