"""The lines of one account in batches: found by journal id where they are named, else walked to.

A movement row says how many transfers a batch has for an account, and names their journals unless
they are many. Named ones are found by their key. The others are dense in the batch's own numbers,
so they are found by walking these in windows as wide as the density asks for. Of an account with
many lines in a large batch *marks* say what they had come to after every so many numbers: so the
walk begins where there are lines, and what lies before a place is added up from the nearest mark.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
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
from ledger.posting.marks import EVERY

SQL = statements(Path(__file__).parent / "sql" / "reads.sql")

_WINDOW_MIN, _WINDOW_MAX = 128, 16_384
LINE_MAX = 2**31 - 1
"""Behind every line of a journal."""

Place = tuple[int, int]
"""A number and a line: just behind that line."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Stops:
    """Numbers of a batch up to which is known what a share comes to, ascending.

    The first is the number before the batch and the last is the batch's last; between them are the
    marks, if it has any. lines, amounts: up to each number; credits less debits, satang.
    """

    numbers: Sequence[int]
    lines: Sequence[int]
    amounts: Sequence[int]

    def lines_in(self, stop: int) -> int:
        """How many lines lie between the stop before and this one."""
        return self.lines[stop] - self.lines[stop - 1]

    def skipping(self, number: int) -> int:
        """The last number from this one on behind which lines follow before the next stop."""
        stop = bisect_left(self.numbers, number + 1)
        if stop == len(self.numbers) or self.lines_in(stop):
            return number
        while stop < len(self.numbers) and not self.lines_in(stop):
            stop += 1
        return self.numbers[stop - 1]

    def last(self) -> int:
        """The first stop behind which there is no line."""
        return self.numbers[bisect_left(self.lines, self.lines[-1])]

    def surely(self, after: int, upto: int) -> int:
        """How many lines there are at least behind one number and up to another."""
        first, last = bisect_left(self.numbers, after), bisect_right(self.numbers, upto) - 1
        return max(0, self.lines[last] - self.lines[first])

    def reach(self, number: int, lines: int) -> int:
        """A number behind which about so many lines lie behind this one, if they lie evenly."""
        stop, left = bisect_left(self.numbers, number + 1), lines
        while stop < len(self.numbers):
            first, last, there = self.numbers[stop - 1], self.numbers[stop], self.lines_in(stop)
            begins = max(first, number)
            expected = there * (last - begins) // (last - first)
            if expected >= left:
                return begins - -left * (last - first) // there
            stop, left = stop + 1, left - expected
        return self.numbers[-1]


@dataclass(frozen=True, slots=True, kw_only=True)
class Share:
    """What one batch has for an account on one date of an axis.

    value_date: None when lines of every value date count.
    names:      the journals in order of number, a list a value date, or as many of them as are
                wanted; None = too many to name.
    marked:     there are marks between the ends of `stops`.
    ids:        the journals at every `EVERY`th number of the batch and at the last; may be empty.
    vouchers:   fiscal year and voucher number of its first journal; None if it has events too.
    """

    axis_date: date
    batch_no: int
    first_seq: int
    last_seq: int
    value_date: date | None
    stops: Stops
    marked: bool
    ids: Sequence[UUID]
    names: tuple[tuple[UUID, ...], ...] | None
    vouchers: tuple[int, int] | None

    def near(self, after: Place, upto: Place) -> tuple[Sequence[UUID], int]:
        """Two journals of the batch between whose rows the rows behind one place and up to another
        should lie, and how many these are; no journals when the batch does not tell them.
        """
        first = after[0] + (after[1] >= 0) - self.first_seq
        last = upto[0] - (upto[1] < 0) - self.first_seq
        if not self.ids or first < 0 or last < first or last > self.last_seq - self.first_seq:
            return (), 0
        return (self.ids[first // EVERY], self.ids[last // EVERY + 1]), last - first + 1

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
        marked = all(row["mark_transfers"] is not None for row in group)
        vouchers = None if one["event_count"] else (one["fiscal_year"], one["first_voucher"])
        names = tuple(tuple(row["journals"] or ()) for row in group)
        found.append(
            Share(
                axis_date=axis_date,
                batch_no=batch_no,
                first_seq=one["first_seq"],
                last_seq=one["last_seq"],
                value_date=axis_date if by_value_date else None,
                stops=_stops(group, marked),
                marked=marked,
                ids=next((row["marks"] for row in group if row["marks"]), ()),
                names=names if all(row["journals"] is not None for row in group) else None,
                vouchers=vouchers,
            )
        )
    return found


def _stops(group: Sequence[asyncpg.Record], marked: bool) -> Stops:
    """The stops of movement rows of one batch, added up."""
    first, last = group[0]["first_seq"], group[0]["last_seq"]
    marks = range(first - 1 + EVERY, last, EVERY) if marked else ()
    lines, amounts = [0] * len(marks), [0] * len(marks)
    for row in group if marked else ():
        for place, transfers in enumerate(row["mark_transfers"]):
            lines[place] += transfers
            amounts[place] += row["mark_credits"][place] - row["mark_debits"][place]
    return Stops(
        numbers=(first - 1, *marks, last),
        lines=(0, *lines, sum(row["transfers"] for row in group)),
        amounts=(0, *amounts, sum(row["amount"] for row in group)),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class AccountLines:
    """Lines of one account, as known at a number."""

    connection: Connection
    book_id: int
    account_id: int
    known_at: int

    async def named(self, wanted: Sequence[Sequence[UUID]]) -> list[list[asyncpg.Record]]:
        """Lines in journals that shares name, share by share as in `wanted`, each in order."""
        found: list[list[asyncpg.Record]] = [[] for _ in wanted]
        pairs = [(journal_id, place) for place, ids in enumerate(wanted) for journal_id in ids]
        if pairs:
            ids, places = zip(*pairs, strict=True)
            rows = await self.connection.fetch(
                SQL["lines_by_id"], self.book_id, self.account_id, ids, places, self.known_at
            )
            for row in sorted(rows, key=place_of):
                found[row["share"]].append(row)
        return found

    async def walk(self, share: Share, after: Place, need: int) -> list[asyncpg.Record]:
        """The first `need` lines of a share behind a place, in order."""
        found: list[asyncpg.Record] = []
        last = min(share.last_seq, self.known_at)
        wanted = need * 5 // 4
        while after[0] <= last and len(found) < need:
            begin = share.stops.skipping(after[0])
            if begin > after[0]:
                after = (begin, LINE_MAX)
            reach = share.stops.reach(after[0], wanted)
            upto = min(last, after[0] + _width(reach - after[0]))
            found += await self._lines(share, after, upto, need - len(found))
            after, wanted = (upto + 1, -1), wanted * 2
        return found

    async def _lines(
        self, share: Share, after: Place, upto: int, need: int
    ) -> list[asyncpg.Record]:
        """The first `need` lines of a share behind a place and up to a number."""
        bounds = (self.book_id, self.account_id, *after, upto, share.value_date, need)
        ids, count = share.near(after, (upto, LINE_MAX))
        if ids:
            rows: list[asyncpg.Record] = await self.connection.fetch(
                SQL["lines_near"], *bounds, *ids
            )
            # Without a row nothing says whether these are the pages of those numbers.
            if rows and rows[0]["seen"] == count:
                return rows
        return await self.connection.fetch(SQL["lines_between"], *bounds)

    async def rest(self, share: Share) -> Added:
        """The lines of a share that are not known yet, added up, and the first of them; the last
        only if they had to be looked at.
        """
        place = self.known_at, LINE_MAX
        if self._few_names(share, share.last_seq - self.known_at):
            return await self._named_after(share, place)
        stops = share.stops
        stop = bisect_left(stops.numbers, self.known_at)
        upto = stops.numbers[stop], LINE_MAX
        near = Added(lines=0, amount=0, first_seq=None, last_seq=None)
        if stops.lines_in(stop):
            near = await self.added(share, place, upto)
        lines = near.lines + stops.lines[-1] - stops.lines[stop]
        first = near.first_seq
        if first is None and lines:
            first = await self._edge(share, stops.skipping(upto[0]) + 1, 1)
        last = near.last_seq if stop == len(stops.numbers) - 1 else None
        amount = near.amount + stops.amounts[-1] - stops.amounts[stop]
        return Added(lines=lines, amount=amount, first_seq=first, last_seq=last)

    def _few_names(self, share: Share, numbers: int) -> bool:
        """True when a share's journals, all of them, cost less than reading so many numbers."""
        if share.names is None or share.marked:
            return False
        return sum(map(len, share.names)) * ROWS_FOR_ONE_ID <= numbers

    async def _named_after(self, share: Share, place: Place) -> Added:
        """Lines behind a place of a share that names its journals, all of them, added up."""
        names = [journal_id for each in share.names or () for journal_id in each]
        row = await self.connection.fetchrow(
            SQL["sum_by_id"], self.book_id, self.account_id, names, *place
        )
        ensure(row is not None, "a sum is one row")
        return Added(**dict(row or {}))

    async def added(self, share: Share, after: Place, upto: Place) -> Added:
        """Lines of a share behind one place up to another, added up."""
        bounds = (self.book_id, self.account_id, *after, upto[0], share.value_date, upto[1])
        ids, count = share.near(after, upto)
        if ids:
            row = await self.connection.fetchrow(SQL["sum_near"], *bounds, *ids)
            facts = dict(row or {})
            if facts.pop("seen") == count:
                return Added(**facts)
        row = await self.connection.fetchrow(SQL["sum_between"], *bounds)
        ensure(row is not None, "a sum is one row")
        return Added(**dict(row or {}))

    async def amount_before(self, share: Share, place: Place) -> int:
        """What a share's lines up to a place add up to, from the nearest stop."""
        numbers, amounts = share.stops.numbers, share.stops.amounts
        stop = bisect_left(numbers, place[0])
        if self._few_names(share, min(place[0] - numbers[stop - 1], numbers[stop] - place[0])):
            return amounts[-1] - (await self._named_after(share, place)).amount
        if place[0] - numbers[stop - 1] < numbers[stop] - place[0]:
            before = numbers[stop - 1], LINE_MAX
            return amounts[stop - 1] + (await self.added(share, before, place)).amount
        behind = numbers[stop], LINE_MAX
        return amounts[stop] - (await self.added(share, place, behind)).amount

    async def end_of(self, share: Share, *, last: bool) -> int:
        """The first number, or the last, in which a share has a line, whatever is known."""
        if share.names is not None:
            ids = [names[-1 if last else 0] for names in share.names]
            rows = await self.connection.fetch(SQL["numbers_of"], self.book_id, ids)
            numbers: list[int] = [row["recorded_seq"] for row in rows]
            return max(numbers) if last else min(numbers)
        if last:
            return await self._edge(share, share.stops.last(), -1)
        return await self._edge(share, share.stops.skipping(share.before[0]) + 1, 1)

    async def _edge(self, share: Share, start: int, step: int) -> int:
        """The number nearest to a place, onwards or backwards, that has a line of the share."""
        width = EVERY - 1 if share.marked else _WINDOW_MIN
        while share.first_seq <= start <= share.last_seq:
            stop = start + step * width
            low = max(share.first_seq, min(start, stop))
            high = min(share.last_seq, max(start, stop))
            found = await self.added(share, (low - 1, LINE_MAX), (high, LINE_MAX))
            edge = found.first_seq if step > 0 else found.last_seq
            if edge is not None:
                return edge
            start, width = stop + step, _width(width * 2)
        return start


def _width(numbers: int) -> int:
    return max(_WINDOW_MIN, min(_WINDOW_MAX, numbers))


def place_of(row: asyncpg.Record) -> Place:
    """Just behind a line."""
    return row["recorded_seq"], row["line"]
