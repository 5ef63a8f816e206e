"""The lines of one account in batches: found by journal id where they are named, else walked to.

A movement row says how many transfers a batch has for an account, and names their journals unless
they are many. Named ones are found by their key. The others are dense in the batch's own numbers,
so they are found by walking these in windows as wide as the density asks for; a window that brings
too few is followed by one twice as wide. What lies before a place in a batch is added up from the
nearer end, as the movement says what the whole batch did.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from itertools import groupby
from pathlib import Path
from uuid import UUID

import asyncpg

from ledger.asof import ROWS_FOR_ONE_ID
from ledger.db import Connection, statements
from ledger.errors import ensure

SQL = statements(Path(__file__).parent / "sql" / "reads.sql")

_WINDOW_MIN, _WINDOW_MAX = 128, 16_384
LINE_MAX = 2**31 - 1
"""Behind every line of a journal."""

Place = tuple[int, int]
"""A number and a line: just behind that line."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Share:
    """What one batch has for an account on one date of an axis.

    value_date: None when lines of every value date count.
    amount:     credits less debits of all its lines, satang.
    names:      the journals in order of number, a list a value date; None = too many to name.
    vouchers:   fiscal year and voucher number of its first journal; None if it has events too.
    """

    axis_date: date
    batch_no: int
    first_seq: int
    last_seq: int
    value_date: date | None
    transfers: int
    amount: int
    names: tuple[tuple[UUID, ...], ...] | None
    vouchers: tuple[int, int] | None

    @property
    def before(self) -> Place:
        """The place before its first line."""
        return self.first_seq - 1, LINE_MAX

    @property
    def end(self) -> Place:
        """The place behind its last line."""
        return self.last_seq, LINE_MAX


@dataclass(frozen=True, slots=True, kw_only=True)
class Added:
    """Lines added up: how many, their credits less debits, the first number and the last."""

    lines: int
    amount: int
    first_seq: int | None
    last_seq: int | None


def shares_of(rows: Iterable[asyncpg.Record], *, by_value_date: bool) -> list[Share]:
    """Shares from movement rows in order of axis date and batch."""
    found = []
    for (axis_date, batch_no), same in groupby(rows, key=lambda row: (row[0], row[1])):
        group = list(same)
        one = group[0]
        vouchers = None if one["event_count"] else (one["fiscal_year"], one["first_voucher"])
        names = tuple(tuple(row["journals"] or ()) for row in group)
        found.append(
            Share(
                axis_date=axis_date,
                batch_no=batch_no,
                first_seq=one["first_seq"],
                last_seq=one["last_seq"],
                value_date=axis_date if by_value_date else None,
                transfers=sum(row["transfers"] for row in group),
                amount=sum(row["amount"] for row in group),
                names=names if all(row["journals"] is not None for row in group) else None,
                vouchers=vouchers,
            )
        )
    return found


@dataclass(frozen=True, slots=True, kw_only=True)
class AccountLines:
    """Lines of one account, as known at a number."""

    connection: Connection
    book_id: int
    account_id: int
    known_at: int

    async def named(self, wanted: Sequence[Sequence[UUID]]) -> dict[int, list[asyncpg.Record]]:
        """Lines in journals that shares name, by place in `wanted`, each in order."""
        pairs = [(journal_id, place) for place, ids in enumerate(wanted) for journal_id in ids]
        found: dict[int, list[asyncpg.Record]] = {}
        if pairs:
            ids, places = zip(*pairs, strict=True)
            rows = await self.connection.fetch(
                SQL["lines_by_id"], self.book_id, self.account_id, ids, places, self.known_at
            )
            for row in sorted(rows, key=_place):
                found.setdefault(row["share"], []).append(row)
        return found

    async def walk(self, share: Share, after: Place, need: int) -> list[asyncpg.Record]:
        """The first `need` lines of a share behind a place, in order."""
        found: list[asyncpg.Record] = []
        last = min(share.last_seq, self.known_at)
        numbers = share.last_seq - share.first_seq + 1
        width = _width(need * numbers * 5 // (share.transfers * 4))
        while after[0] <= last and len(found) < need:
            upto = min(last, after[0] + width)
            found += await self.connection.fetch(
                SQL["lines_between"],
                self.book_id,
                self.account_id,
                *after,
                upto,
                share.value_date,
                need - len(found),
            )
            after, width = (upto + 1, -1), _width(width * 2)
        return found

    async def rest(self, share: Share) -> Added:
        """The lines of a share that are not known yet, added up."""
        names = [journal_id for each in share.names or () for journal_id in each]
        if share.names is None or len(names) * ROWS_FOR_ONE_ID > share.last_seq - self.known_at:
            return await self.added(share, (self.known_at, LINE_MAX), share.end)
        row = await self.connection.fetchrow(
            SQL["sum_by_id"], self.book_id, self.account_id, names, self.known_at
        )
        ensure(row is not None, "a sum is one row")
        return Added(**dict(row or {}))

    async def added(self, share: Share, after: Place, upto: Place) -> Added:
        """Lines of a share behind one place up to another, added up."""
        row = await self.connection.fetchrow(
            SQL["sum_between"],
            self.book_id,
            self.account_id,
            *after,
            upto[0],
            share.value_date,
            upto[1],
        )
        ensure(row is not None, "a sum is one row")
        return Added(**dict(row or {}))

    async def amount_before(self, share: Share, place: Place) -> int:
        """What a share's lines up to a place add up to, from its nearer end."""
        if place[0] - share.first_seq < share.last_seq - place[0]:
            return (await self.added(share, share.before, place)).amount
        return share.amount - (await self.added(share, place, share.end)).amount

    async def end_of(self, share: Share, *, last: bool) -> int:
        """The first number, or the last, in which a share has a line, whatever is known."""
        if share.names is not None:
            ids = [names[-1 if last else 0] for names in share.names]
            rows = await self.connection.fetch(SQL["numbers_of"], self.book_id, ids)
            numbers: list[int] = [row["recorded_seq"] for row in rows]
            return max(numbers) if last else min(numbers)
        if last:
            return await self._edge(share, share.last_seq, -1)
        return await self._edge(share, share.first_seq, 1)

    async def _edge(self, share: Share, start: int, step: int) -> int:
        """The number nearest to an end of a share that has a line of it."""
        width = _WINDOW_MIN
        while share.first_seq <= start <= share.last_seq:
            stop = start + step * width
            low, high = min(start, stop), max(start, stop)
            found = await self.added(share, (low - 1, LINE_MAX), (high, LINE_MAX))
            edge = found.first_seq if step > 0 else found.last_seq
            if edge is not None:
                return edge
            start, width = stop + step, _width(width * 2)
        return start


def _width(numbers: int) -> int:
    return max(_WINDOW_MIN, min(_WINDOW_MAX, numbers))


def _place(row: asyncpg.Record) -> Place:
    return row["recorded_seq"], row["line"]
