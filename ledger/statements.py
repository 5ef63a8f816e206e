"""Statements: the lines of one account in order of a date, each with its balance, cut at a number.

By business date a night's own lines of a day follow the doors' lines of that day, also when they
were recorded after the next day's; by value date a back-dated line stands on its value date. Within
a date the order is that of recording. A page starts after a cursor, carries the balance that stood
there, and the cursor carries the number at which the first page was cut: pages join to the satang
while postings go on, and a statement read again at its number is the same for ever. What was
recorded since into its range is told beside it, never in it.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path
from uuid import UUID

import asyncpg

from ledger import asof
from ledger.account_lines import AccountLines, Place, Share, place_of, shares_of
from ledger.asof import Axis, Pin
from ledger.db import Connection, statements
from ledger.errors import InvalidInput
from ledger.posting.marks import EVERY
from ledger.vouchers import Voucher, vouchers_of

SQL = statements(Path(__file__).parent / "sql" / "reads.sql")
_FIRST_DATE = date(1, 1, 1)
_LAST_DATE = date(9999, 12, 31)
_NOT_TOLD = {"share", "seen"}
"""Columns of a line that say how it was found."""
_ROWS_FIRST = 16
"""Movements read for a page at first: each is a page of the disk, and mostly a few are enough."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Cursor:
    """Where a page ended: its last line, that line's date on the axis, and the statement's cut.

    balance_satang: the balance after that line, as the page before told it, so that it need not be
    worked out again; None = it is. It is taken at its word, by whoever brings the cursor.
    """

    on: date
    recorded_seq: int
    line: int
    known_at: int
    balance_satang: int | None = None


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
    """Lines recorded after a statement was cut that belong to it or to its opening balance.

    first_seq, last_seq: the numbers of the first of them and of the last.
    """

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
    at, account_id = await asof.pin_account(connection, book_id, code, _cut(after, known_at))
    start = after or Cursor(
        on=from_date or _FIRST_DATE, recorded_seq=0, line=-1, known_at=at.known_at
    )
    until = to_date or _LAST_DATE
    reader = AccountLines(
        connection=connection, book_id=book_id, account_id=account_id, known_at=at.known_at
    )
    page = await _read(reader, at, start, until, limit + 1, axis)
    opening, rows = page.opening, page.rows
    lines = await _lines(reader, page, limit)
    return StatementPage(
        account=code,
        axis=axis,
        known_at=at.known_at,
        opening_satang=opening,
        closing_satang=lines[-1].balance_satang if lines else opening,
        lines=lines,
        next_cursor=_after(lines[-1], axis, at) if len(rows) > limit else None,
        changed_since=await _later_changes(reader, at, until, axis),
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
    return Cursor(
        on=on,
        recorded_seq=line.recorded_seq,
        line=line.line,
        known_at=at.known_at,
        balance_satang=line.balance_satang,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Page:
    """The balance before a page, its rows and the shares that they are of."""

    opening: int
    rows: list[asyncpg.Record]
    shares: list[Share]


async def _read(
    reader: AccountLines, at: Pin, start: Cursor, until: date, need: int, axis: Axis
) -> _Page:
    """The balance before the page and its first `need` lines."""
    shares = await _shares(reader, at, start, until, need, axis)
    place = (start.recorded_seq, start.line)
    begun = shares[0] if shares and _is_in(shares[0], start) else None
    opening = start.balance_satang
    if opening is None:
        opening = await _opening(reader, at, start, axis)
        if begun is not None:
            opening += await reader.amount_before(begun, place)
    found: list[asyncpg.Record] = []
    left = [(share, place if share is begun else share.before) for share in shares]
    while left and len(found) < need:
        share, after = left[0]
        if share.names is None:
            found += await reader.walk(share, after, need - len(found))
            del left[0]
            continue
        wanted = _wanted(left, need - len(found), at.known_at, begun)
        for rows in await reader.named(wanted):
            _, after = left.pop(0)
            found += [row for row in rows if place_of(row) > after]
    return _Page(opening=opening, rows=found[:need], shares=shares)


async def _shares(
    reader: AccountLines, at: Pin, start: Cursor, until: date, need: int, axis: Axis
) -> list[Share]:
    """The shares that the page is of: of few rows, unless these bring too few lines."""
    by_value = axis is Axis.VALUE
    rows: list[asyncpg.Record] = []
    for most in (_ROWS_FIRST, need):
        rows = await reader.connection.fetch(
            SQL["shares_by_value_date" if by_value else "shares_by_business_date"],
            reader.book_id,
            reader.account_id,
            start.on,
            start.recorded_seq,
            until,
            at.batch_no,
            at.cut_batch_no,
            need,
            EVERY,
            most,
        )
        whole = [r for r in rows if not r["begun"] and r["batch_no"] != at.cut_batch_no]
        if len(whole) < most or sum(row["transfers"] for row in whole) >= need:
            break
    return shares_of(rows, by_value_date=by_value)


def _wanted(
    left: Sequence[tuple[Share, Place]], need: int, known_at: int, begun: Share | None
) -> list[list[UUID]]:
    """Journals to look up, a list a share, of as many of the next shares as surely bring enough.

    Names stand in order of number, so the first ones of each value date are enough.
    """
    wanted: list[list[UUID]] = []
    for share, after in left:
        if share.names is None or need <= 0:
            break
        most = None if share is begun else need
        wanted.append([journal_id for names in share.names for journal_id in names[:most]])
        need -= share.stops.surely(after[0], known_at)
    return wanted


def _is_in(share: Share, start: Cursor) -> bool:
    """True when the cursor stands in this share: a part of it was on the page before."""
    on_it = share.first_seq <= start.recorded_seq <= share.last_seq
    return share.axis_date == start.on and on_it


async def _opening(reader: AccountLines, at: Pin, start: Cursor, axis: Axis) -> int:
    """The balance at the close of the date before, and what stood on the cursor's date in batches
    before the cursor's.
    """
    balance = 0
    if start.on > _FIRST_DATE:
        before = start.on - timedelta(days=1)
        numbers = [reader.account_id]
        found = await asof.balances_at(reader.connection, at, numbers, on=before, axis=axis)
        balance = found[reader.account_id].balance_satang
    if start.recorded_seq > 0:
        balance += await reader.connection.fetchval(
            SQL["sum_before_batch"],
            reader.book_id,
            reader.account_id,
            start.on,
            start.recorded_seq,
            axis is Axis.VALUE,
        )
    return balance


async def _lines(reader: AccountLines, page: _Page, limit: int) -> tuple[StatementLine, ...]:
    rows = page.rows[:limit]
    vouchers = await _vouchers(reader, page.shares, sorted({row["recorded_seq"] for row in rows}))
    lines: list[StatementLine] = []
    balance = page.opening
    for row in rows:
        balance += row["amount_satang"]
        facts = dict(row)
        for name in _NOT_TOLD & facts.keys():
            del facts[name]
        voucher = vouchers[row["recorded_seq"]]
        lines.append(StatementLine(balance_satang=balance, voucher=voucher, **facts))
    return tuple(lines)


async def _vouchers(
    reader: AccountLines, shares: Sequence[Share], numbers: Sequence[int]
) -> dict[int, Voucher]:
    """From the batches at hand; only where a batch has events too are these asked for."""
    found: dict[int, Voucher] = {}
    by_end = sorted(shares, key=lambda share: share.last_seq)
    for number in numbers:
        share = by_end[bisect_left(by_end, number, key=lambda each: each.last_seq)]
        if share.vouchers is not None:
            year, first = share.vouchers
            voucher_no = first + number - share.first_seq
            found[number] = Voucher(fiscal_year=year, voucher_no=voucher_no)
    rest = [number for number in numbers if number not in found]
    if rest:
        found |= await vouchers_of(reader.connection, reader.book_id, rest)
    return found


async def _later_changes(
    reader: AccountLines, at: Pin, until: date, axis: Axis
) -> LaterChanges | None:
    """What came after the cut, from movements; only the ends are looked up among the lines."""
    if at.known_at == at.head_seq:
        return None
    rows = await reader.connection.fetch(
        SQL["later_changes"],
        reader.book_id,
        reader.account_id,
        at.batch_no,
        until,
        axis is Axis.VALUE,
        at.cut_batch_no,
        at.known_at,
    )
    if not rows:
        return None
    row = rows[0]
    lines, first, last = row["lines"], None, None
    for share in shares_of(rows, by_value_date=axis is Axis.VALUE):
        if share.batch_no == at.cut_batch_no:
            rest = await reader.rest(share)
            lines += rest.lines
            first = _either(min, first, rest.first_seq)
            if rest.lines and row["last_batch"] is None:
                end = rest.last_seq or await reader.end_of(share, last=True)
                last = _either(max, last, end)
            continue
        # Batches come in order, the cut one first: nothing is before its lines.
        if share.batch_no == row["first_batch"] and (first is None or first >= share.first_seq):
            first = _either(min, first, await reader.end_of(share, last=False))
        if share.batch_no == row["last_batch"]:
            last = _either(max, last, await reader.end_of(share, last=True))
    if first is None or last is None:
        return None
    return LaterChanges(count=lines, first_seq=first, last_seq=last)


def _either(pick: Callable[[int, int], int], one: int | None, other: int | None) -> int | None:
    if one is None or other is None:
        return other if one is None else one
    return pick(one, other)
