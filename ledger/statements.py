"""Statements: the lines of one account in order of a date, each with its balance, cut at a number.

By business date a night's own lines of a day follow the doors' lines of that day, also when they
were recorded after the next day's; by value date a back-dated line stands on its value date. Within
a date the order is that of recording. A page starts after a cursor, carries the balance that stood
there, and the cursor carries the number at which the first page was cut: pages join to the satang
while postings go on, and a statement read again at its number is the same for ever. What was
recorded since into its range is told beside it, never in it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path
from uuid import UUID

import asyncpg

from ledger import asof
from ledger.accounts import by_codes
from ledger.asof import Axis, Pin
from ledger.db import Connection, statements
from ledger.errors import InvalidInput, NotFound
from ledger.vouchers import Voucher, vouchers_of

SQL = statements(Path(__file__).parent / "sql" / "reads.sql")
_FIRST_DATE = date(1, 1, 1)
_LAST_DATE = date(9999, 12, 31)


@dataclass(frozen=True, slots=True, kw_only=True)
class Cursor:
    """Where a page ended: its last line, that line's date on the axis, and the statement's cut."""

    on: date
    recorded_seq: int
    line: int
    known_at: int


@dataclass(frozen=True, slots=True, kw_only=True)
class StatementLine:
    """One transfer as this account sees it: `amount_satang` > 0 is a credit, < 0 a debit.

    reverses, adjusts: the journal that this one undoes, or corrects. forced: posted by right, with
    limits and freezes set aside.
    """

    recorded_seq: int
    line: int
    journal_id: UUID
    voucher: Voucher
    kind: str
    business_date: date
    value_date: date
    amount_satang: int
    balance_satang: int
    counter_account: str
    reference: str
    narrative: str
    reverses: UUID | None
    adjusts: UUID | None
    forced: bool
    actor: str


@dataclass(frozen=True, slots=True, kw_only=True)
class LaterChanges:
    """Journals recorded after a statement was cut that changed its lines or its opening balance."""

    count: int
    first_seq: int
    last_seq: int


@dataclass(frozen=True, slots=True, kw_only=True)
class StatementPage:
    """Some lines, the balance before the first and after the last; `next_cursor` if more follow.

    known_at:      the number at which the statement is cut; read at it again it is the same.
    changed_since: what was recorded after it with a date up to the statement's last, if anything.
    """

    account: str
    axis: Axis
    known_at: int
    opening_satang: int
    closing_satang: int
    lines: tuple[StatementLine, ...]
    next_cursor: Cursor | None
    changed_since: LaterChanges | None


async def statement(
    connection: Connection,
    book_id: int,
    code: str,
    *,
    after: Cursor | None = None,
    limit: int = 100,
    from_date: date | None = None,
    to_date: date | None = None,
    axis: Axis = Axis.BUSINESS,
    known_at: int | None = None,
) -> StatementPage:
    """A page of the statement of account `code`, both dates inclusive, in order of the axis' date.

    known_at: the number at which to cut it, None for the book's last; a cursor brings its own.
    Raises `NotFound` for the account, `InvalidInput` for a number that the book has not given out.
    """
    found = await by_codes(connection, book_id, [code])
    if code not in found:
        raise NotFound("account", code)
    account_id = found[code].account_id
    at = await asof.pin(connection, book_id, _cut(after, known_at))
    start = after or Cursor(
        on=from_date or _FIRST_DATE, recorded_seq=0, line=-1, known_at=at.known_at
    )
    until = to_date or _LAST_DATE
    opening = await _opening(connection, at, account_id, start, axis)
    rows = await connection.fetch(
        SQL["statement_lines"],
        book_id,
        account_id,
        start.on,
        start.recorded_seq,
        start.line,
        until,
        limit,
        axis is Axis.VALUE,
        at.known_at,
        at.batch_no,
        at.cut_from,
    )
    lines = await _lines(connection, book_id, rows[:limit], opening)
    return StatementPage(
        account=code,
        axis=axis,
        known_at=at.known_at,
        opening_satang=opening,
        closing_satang=lines[-1].balance_satang if lines else opening,
        lines=lines,
        next_cursor=_after(lines[-1], axis, at) if len(rows) > limit else None,
        changed_since=await _later_changes(connection, at, account_id, until, axis),
    )


def _cut(after: Cursor | None, known_at: int | None) -> int | None:
    """The number at which to cut: the cursor's, unless another one was asked for beside it."""
    if after is None:
        return known_at
    if known_at not in (None, after.known_at):
        raise InvalidInput.one(
            "known_at", known_at, f"{after.known_at}, at which the page before was cut"
        )
    if after.recorded_seq > after.known_at:
        raise InvalidInput.one(
            "after", after.recorded_seq, f"a line known at {after.known_at}, as on the page before"
        )
    return after.known_at


def _after(line: StatementLine, axis: Axis, at: Pin) -> Cursor:
    on = line.value_date if axis is Axis.VALUE else line.business_date
    return Cursor(on=on, recorded_seq=line.recorded_seq, line=line.line, known_at=at.known_at)


async def _opening(
    connection: Connection, at: Pin, account_id: int, start: Cursor, axis: Axis
) -> int:
    """The balance before the page: at the close of the date before, and what stood on its date."""
    balance = 0
    if start.on > _FIRST_DATE:
        before = start.on - timedelta(days=1)
        found = await asof.balances_at(connection, at, [account_id], on=before, axis=axis)
        balance = found[account_id].balance_satang
    if start.recorded_seq > 0:
        balance += await connection.fetchval(
            SQL["sum_before_cursor"],
            at.book_id,
            account_id,
            start.on,
            start.recorded_seq,
            start.line,
            axis is Axis.VALUE,
        )
    return balance


async def _lines(
    connection: Connection, book_id: int, rows: Sequence[asyncpg.Record], opening: int
) -> tuple[StatementLine, ...]:
    numbers = sorted({row["recorded_seq"] for row in rows})
    vouchers = await vouchers_of(connection, book_id, numbers) if numbers else {}
    lines: list[StatementLine] = []
    balance = opening
    for row in rows:
        balance += row["amount_satang"]
        voucher = vouchers[row["recorded_seq"]]
        lines.append(StatementLine(balance_satang=balance, voucher=voucher, **dict(row)))
    return tuple(lines)


async def _later_changes(
    connection: Connection, at: Pin, account_id: int, until: date, axis: Axis
) -> LaterChanges | None:
    row = await connection.fetchrow(
        asof.SQL["later_changes"],
        at.book_id,
        account_id,
        at.known_at,
        at.batch_no,
        until,
        axis is Axis.VALUE,
    )
    if row is None or row["journals"] == 0:
        return None
    return LaterChanges(count=row["journals"], first_seq=row["first_seq"], last_seq=row["last_seq"])
