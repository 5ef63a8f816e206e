"""Statements: the lines of one account in the order of its business dates, each with its balance.

A page starts after a cursor (business date, seq, line) and carries the balance that stood there, so
that pages join to the satang. Within a day the order is that of recording; a night's own lines of
a day follow the doors' lines of that day, also when they were recorded after the next day's.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from pathlib import Path
from uuid import UUID

from ledger.accounts import by_codes
from ledger.db import Connection, statements
from ledger.errors import NotFound

SQL = statements(Path(__file__).parent / "sql" / "reads.sql")
_FIRST_DATE = date(1, 1, 1)
_LAST_DATE = date(9999, 12, 31)


@dataclass(frozen=True, slots=True, kw_only=True)
class Cursor:
    """Where a page ended: the last line it showed."""

    business_date: date
    recorded_seq: int
    line: int


@dataclass(frozen=True, slots=True, kw_only=True)
class StatementLine:
    """One transfer as this account sees it: `amount_satang` > 0 is a credit, < 0 a debit."""

    recorded_seq: int
    line: int
    journal_id: UUID
    kind: str
    business_date: date
    value_date: date
    amount_satang: int
    balance_satang: int
    counter_account: str
    reference: str
    narrative: str
    reverses: UUID | None
    actor: str


@dataclass(frozen=True, slots=True, kw_only=True)
class StatementPage:
    """Some lines, the balance before the first and after the last; `next_cursor` if more follow."""

    account: str
    opening_satang: int
    closing_satang: int
    lines: tuple[StatementLine, ...]
    next_cursor: Cursor | None


async def statement(
    connection: Connection,
    book_id: int,
    code: str,
    *,
    after: Cursor | None = None,
    limit: int = 100,
    from_date: date | None = None,
    to_date: date | None = None,
) -> StatementPage:
    """A page of the statement of account `code`, both dates inclusive. Raises `NotFound`."""
    found = await by_codes(connection, book_id, [code])
    if code not in found:
        raise NotFound("account", code)
    account_id = found[code].account_id
    start = from_date or _FIRST_DATE
    cursor = after or Cursor(business_date=start, recorded_seq=0, line=-1)
    opening = await connection.fetchval(
        SQL["opening_balance"], book_id, account_id, cursor.business_date
    )
    if cursor.recorded_seq > 0:
        opening += await connection.fetchval(
            SQL["sum_before_cursor"],
            book_id,
            account_id,
            cursor.business_date,
            cursor.recorded_seq,
            cursor.line,
        )
    rows = await connection.fetch(
        SQL["statement_lines"],
        book_id,
        account_id,
        cursor.business_date,
        cursor.recorded_seq,
        cursor.line,
        to_date or _LAST_DATE,
        limit,
    )
    lines: list[StatementLine] = []
    balance = opening
    for row in rows[:limit]:
        balance += row["amount_satang"]
        lines.append(StatementLine(balance_satang=balance, **dict(row)))
    more = None
    if len(rows) > limit:
        last = lines[-1]
        more = Cursor(
            business_date=last.business_date, recorded_seq=last.recorded_seq, line=last.line
        )
    return StatementPage(
        account=code,
        opening_satang=opening,
        closing_satang=balance,
        lines=tuple(lines),
        next_cursor=more,
    )
