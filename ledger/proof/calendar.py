"""The book's calendar and head, compared: days, periods, planned limits, and nothing beyond.

Each row that changes is read in one statement together with the head, to which the model is
advanced first; so postings that arrive meanwhile are no difference.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import date
from typing import TypeVar

from ledger.db import Connection
from ledger.proof.book import Book
from ledger.proof.checks import Thread
from ledger.proof.report import Difference, compare, differ
from ledger.proof.rows import Row
from ledger.proof.standing import Advance

_HEAD = "SELECT h.batch_no AS head_batch, h.recorded_seq AS head_seq"
_DAYS = f"""
{_HEAD}, h.business_date AS head_date, h.value_date_floor, h.digest, h.voucher_year,
    h.voucher_no, d.business_date, d.state,
    d.cut_seq, d.proven_seq
FROM ledger.book_head AS h LEFT JOIN ledger.day AS d ON d.book_id = h.book_id
WHERE h.book_id = $1 ORDER BY d.business_date
"""
_BEYOND = """
SELECT 'transfer ' || t.recorded_seq AS place
FROM ledger.book_head AS h INNER JOIN ledger.transfer AS t
    ON t.book_id = h.book_id AND (t.recorded_seq > h.recorded_seq OR t.recorded_seq < 1)
WHERE h.book_id = $1
UNION ALL
SELECT 'event ' || e.recorded_seq
FROM ledger.book_head AS h INNER JOIN ledger.event AS e
    ON e.book_id = h.book_id AND (e.recorded_seq > h.recorded_seq OR e.recorded_seq < 1)
WHERE h.book_id = $1
UNION ALL
SELECT 'batch ' || b.batch_no
FROM ledger.book_head AS h INNER JOIN ledger.batch AS b
    ON b.book_id = h.book_id AND b.batch_no > h.batch_no
WHERE h.book_id = $1
UNION ALL
SELECT 'movement account ' || m.account_id || ', ' || m.business_date || ', batch ' || m.batch_no
    || ', value ' || m.value_date
FROM ledger.book_head AS h INNER JOIN ledger.movement AS m
    ON m.book_id = h.book_id AND (m.batch_no > h.batch_no OR m.batch_no < 1)
WHERE h.book_id = $1
UNION ALL
SELECT 'movement_mark account ' || k.account_id || ', batch ' || k.batch_no
    || ', value ' || k.value_date
FROM ledger.book_head AS h INNER JOIN ledger.movement_mark AS k
    ON k.book_id = h.book_id AND (k.batch_no > h.batch_no OR k.batch_no < 1)
WHERE h.book_id = $1
UNION ALL
SELECT 'refusal of batch ' || r.batch_no || ' position ' || r.position
FROM ledger.book_head AS h INNER JOIN ledger.refusal AS r
    ON r.book_id = h.book_id AND (r.batch_no > h.batch_no OR r.batch_no < 1)
WHERE h.book_id = $1
LIMIT 1000
"""
_PERIODS = f"""
{_HEAD}, p.kind, p.starts_on, p.ends_on, p.state, p.closings, p.closed_seq
FROM ledger.book_head AS h LEFT JOIN ledger.period AS p ON p.book_id = h.book_id
WHERE h.book_id = $1 ORDER BY p.kind, p.starts_on
"""
_PLANS = f"""
{_HEAD}, p.account_id, p.planned_seq, p.effective_on, p.balance_min, p.balance_max, p.applied_seq,
    p.cancelled_seq
FROM ledger.book_head AS h LEFT JOIN ledger.limit_plan AS p ON p.book_id = h.book_id
WHERE h.book_id = $1 ORDER BY p.account_id, p.planned_seq
"""
_KEYS = """
SELECT k.client, k.key, k.batch_no FROM ledger.idempotency_key AS k
WHERE k.book_id = $1 AND NOT EXISTS (
    SELECT FROM ledger.batch AS b WHERE b.book_id = k.book_id AND b.batch_no = k.batch_no
)
ORDER BY k.client, k.key LIMIT 1000
"""
_KINDS = {1: "month", 2: "fiscal year"}

_Key = TypeVar("_Key")


async def check_head_and_days(
    connection: Connection, book_id: int, book: Book, thread: Thread, advance: Advance
) -> list[Difference]:
    """The head is the last batch's; each business date stands where its events left it."""
    rows = await connection.fetch(_DAYS, book_id)
    head = rows[0]
    await advance(head["head_batch"], head["head_seq"])
    expected: dict[str, object] = {
        "batch_no": thread.batch_no,
        "recorded_seq": thread.last_seq,
        "business_date": book.business_date,
        "value_date_floor": book.floor,
        "voucher_year": book.voucher_year,
        "voucher_no": book.vouchers.get(book.voucher_year, 0),
        "digest": thread.digest.hex(),
    }
    found: dict[str, object] = {
        "batch_no": head["head_batch"],
        "recorded_seq": head["head_seq"],
        "business_date": head["head_date"],
        "value_date_floor": head["value_date_floor"],
        "voucher_year": head["voucher_year"],
        "voucher_no": head["voucher_no"],
        "digest": head["digest"].hex(),
    }
    differences = compare("the head is the last batch's", "ledger.book_head", expected, found)
    differences += _days(book, {row["business_date"]: row for row in rows if row["state"]})
    for row in await connection.fetch(_BEYOND, book_id):
        where = f"ledger.{row['place']}"
        differences += differ("nothing stands beyond the head", where, "no row", "a row")
    return differences


def _days(book: Book, rows: Mapping[date, Row]) -> list[Difference]:
    expected: dict[date, dict[str, object]] = {
        day: {
            "state": 1 if facts.cut_seq is None else 2 if facts.proven_seq is None else 3,
            "cut_seq": facts.cut_seq,
            "proven_seq": facts.proven_seq,
        }
        for day, facts in book.days.items()
    }
    return _row_by_row("days are their events", expected, rows, lambda day: f"ledger.day {day}")


async def check_periods(
    connection: Connection, book_id: int, book: Book, advance: Advance
) -> list[Difference]:
    """A period stands as its closings and openings left it."""
    rows = await connection.fetch(_PERIODS, book_id)
    await advance(rows[0]["head_batch"], rows[0]["head_seq"])
    stored = {(row["kind"], row["starts_on"]): row for row in rows if row["kind"] is not None}
    expected: dict[tuple[int, date], dict[str, object]] = {
        key: {
            "ends_on": period.ends_on,
            "state": period.state,
            "closings": period.closings,
            "closed_seq": period.closed_seq,
        }
        for key, period in book.periods.items()
    }
    return _row_by_row(
        "periods are their events",
        expected,
        stored,
        lambda key: f"ledger.period {_KINDS.get(key[0], key[0])} {key[1]}",
    )


async def check_plans(
    connection: Connection, book_id: int, book: Book, advance: Advance
) -> list[Difference]:
    """A plan of limits is what was planned; it took effect with its date, or was called off."""
    rows = await connection.fetch(_PLANS, book_id)
    await advance(rows[0]["head_batch"], rows[0]["head_seq"])
    stored = {
        (row["account_id"], row["planned_seq"]): row
        for row in rows
        if row["account_id"] is not None
    }
    expected: dict[tuple[int, int], dict[str, object]] = {
        key: {
            "effective_on": plan.effective_on,
            "balance_min": plan.lowest,
            "balance_max": plan.highest,
            "applied_seq": plan.applied_seq,
            "cancelled_seq": plan.cancelled_seq,
        }
        for key, plan in book.plans.items()
    }
    return _row_by_row(
        "plans are their events",
        expected,
        stored,
        lambda key: f"ledger.limit_plan account {key[0]}, planned {key[1]}",
    )


def _row_by_row(
    check: str,
    expected: Mapping[_Key, dict[str, object]],
    stored: Mapping[_Key, Row],
    named: Callable[[_Key], str],
) -> list[Difference]:
    """Each expected row stands with its values, and no other stands."""
    found: list[Difference] = []
    for key, values in expected.items():
        if key not in stored:
            found += differ(check, named(key), "a row", "none")
            continue
        row = stored[key]
        found += compare(check, named(key), values, {name: row[name] for name in values})
    for key in stored:
        if key not in expected:
            found += differ(check, named(key), "no row", "a row")
    return found


async def check_keys(connection: Connection, book_id: int) -> list[Difference]:
    """An idempotency key was answered by a batch of the book."""
    found: list[Difference] = []
    for row in await connection.fetch(_KEYS, book_id):
        where = f"ledger.idempotency_key {row['client']} {row['key']}"
        found += differ("keys belong to batches", where, f"batch {row['batch_no']}", "none")
    return found
