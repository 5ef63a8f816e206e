"""Days and periods, compared: closing counters, control totals of days, of months and of years.

When the model passes the number that proved a day, everything of that business date has been
replayed: the doors' postings and every night's own. The day's snapshot and totals were written
before that number and never change, so they are read then and compared with the sums that the
transfers give. Adjustments and the late period are dated on days that may be proven already: they
are folded in as they come, and a snapshot says by its `batch_no` which of them it includes. Memory
grows with accounts, open days and late batches, not with transfers.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import date
from typing import TypeVar

from ledger.db import Connection
from ledger.proof.book import ONE_DAY, Book
from ledger.proof.model import Batch
from ledger.proof.movements import account_of, key_of
from ledger.proof.report import Difference, compare, differ
from ledger.proof.rows import Row

_SNAPSHOT = """
SELECT account_id, debits, credits, batch_no FROM ledger.snapshot
WHERE book_id = $1 AND business_date = $2
"""
_TOTALS = """
SELECT gl_code, debits, credits FROM ledger.day_total WHERE book_id = $1 AND business_date = $2
"""
_PERIOD_TOTALS = """
SELECT gl_code, debits, credits FROM ledger.period_total
WHERE book_id = $1 AND kind = $2 AND starts_on = $3 AND closing = $4
"""
_STRAY_DATES = """
SELECT 'snapshot' AS table_name, s.business_date, count(*) AS rows FROM ledger.snapshot AS s
WHERE s.book_id = $1 AND NOT EXISTS (
    SELECT FROM ledger.day AS d
    WHERE d.book_id = s.book_id AND d.business_date = s.business_date AND d.state >= 2
) GROUP BY s.business_date
UNION ALL
SELECT 'day_total', t.business_date, count(*) FROM ledger.day_total AS t
WHERE t.book_id = $1 AND NOT EXISTS (
    SELECT FROM ledger.day AS d
    WHERE d.book_id = t.book_id AND d.business_date = t.business_date AND d.state >= 2
) GROUP BY t.business_date
"""
_STRAY_TOTALS = """
SELECT t.kind, t.starts_on, t.closing, count(*) AS rows FROM ledger.period_total AS t
WHERE t.book_id = $1 AND NOT EXISTS (
    SELECT FROM ledger.period AS p
    WHERE p.book_id = t.book_id AND p.kind = t.kind AND p.starts_on = t.starts_on
        AND t.closing BETWEEN 1 AND p.closings
) GROUP BY t.kind, t.starts_on, t.closing
"""

_Key = TypeVar("_Key")

Counters = list[int]
"""Debits and credits, in satang."""


@dataclass(slots=True)
class Late:
    """A batch that may be dated on a proven day, with what it did to each account."""

    batch_no: int
    day: date
    moved: dict[int, Counters]


@dataclass(slots=True)
class Closings:
    """Closing counters of every account by business date, and control totals by GL code.

    oldest:  the oldest day that is not proven; what moves on it shows in the counters themselves.
    touched: keys of `Batch.moved` of its ordinary batches; late_touched: of its late ones.
    later:   day after the oldest -> account -> counters; late_later: of late batches.
    newest:  day -> newest ordinary batch with money, of days that are not proven.
    closing: account -> counters of all proven days, as known now.
    by_day:  proven day -> GL code -> counters of that day alone; upto: of all of them.
    """

    oldest: date
    touched: set[int] = field(default_factory=set)
    late_touched: set[int] = field(default_factory=set)
    later: dict[date, dict[int, Counters]] = field(default_factory=dict)
    late_later: dict[date, dict[int, Counters]] = field(default_factory=dict)
    newest: dict[date, int] = field(default_factory=dict)
    closing: dict[int, Counters] = field(default_factory=dict)
    late: list[Late] = field(default_factory=list)
    by_day: dict[date, dict[str, Counters]] = field(default_factory=dict)
    upto: dict[str, Counters] = field(default_factory=dict)

    def take(self, batch: Batch, book: Book) -> None:
        """Add what a batch moved to its business date."""
        if batch.row is None or not batch.moved:
            return
        day, number = batch.row["business_date"], batch.row["batch_no"]
        if batch.late:
            mine = _summed({}, batch)
            self.late.append(Late(number, day, mine))
            if day < self.oldest:
                self._fold(day, mine, book)
        else:
            self.newest[day] = number
        if day == self.oldest:
            (self.late_touched if batch.late else self.touched).update(batch.moved)
        elif day > self.oldest:
            _summed((self.late_later if batch.late else self.later).setdefault(day, {}), batch)

    def _fold(self, day: date, moved: dict[int, Counters], book: Book) -> None:
        """Add sums of a day to what is known of proven days."""
        _merge(self.closing, moved)
        by_code: dict[str, Counters] = {}
        for account_id, (debits, credits_) in moved.items():
            code = str(book.accounts[account_id].facts.get("gl_code"))
            counters = by_code.setdefault(code, [0, 0])
            counters[0] += debits
            counters[1] += credits_
        _merge(self.by_day.setdefault(day, {}), by_code)
        _merge(self.upto, by_code)

    def _close(self, day: date, book: Book) -> set[int]:
        """Fold a day that is proven now; answers the accounts that its ordinary batches moved."""
        if day != self.oldest:
            # A day out of order was named already; its sums are those kept for later days.
            ordinary = self.later.pop(day, {})
            self._fold(day, ordinary, book)
            self._fold(day, self.late_later.pop(day, {}), book)
            return set(ordinary)
        mine = {account_of(key) for key in self.touched}
        moved: dict[int, Counters] = {}
        for account_id in mine | {account_of(key) for key in self.late_touched}:
            account, before = book.accounts[account_id], self.closing.get(account_id, (0, 0))
            counters = [account.debits - before[0], account.credits - before[1]]
            for of_day in (*self.later.values(), *self.late_later.values()):
                after = of_day.get(account_id)
                if after is not None:
                    counters[0] -= after[0]
                    counters[1] -= after[1]
            moved[account_id] = counters
        self._fold(day, moved, book)
        self.oldest = day + ONE_DAY
        self.touched = {key_of(number, 0) for number in self.later.pop(self.oldest, {})}
        late = self.late_later.pop(self.oldest, {})
        self.late_touched = {key_of(number, 0) for number in late}
        return mine

    def totals(self, day: date) -> dict[str, Counters]:
        """The trial balance at the end of a proven day, as known now."""
        found = {code: list(counters) for code, counters in self.upto.items()}
        for later, by_code in self.by_day.items():
            if later > day:
                for code, (debits, credits_) in by_code.items():
                    found[code][0] -= debits
                    found[code][1] -= credits_
        return {code: counters for code, counters in found.items() if any(counters)}

    async def check_day(
        self, connection: Connection, book_id: int, book: Book, day: date, batch_no: int
    ) -> list[Difference]:
        """Compare a day that batch `batch_no` has proven; days come in order."""
        moved, low = self._close(day, book), self.newest.pop(day, 1)
        snapshot = await connection.fetch(_SNAPSHOT, book_id, day)
        found = _rows(
            "snapshots are the closing counters",
            f"ledger.snapshot {day} account",
            {str(row["account_id"]): row for row in snapshot},
            {
                str(account_id): self._known_then(account_id, day, snapshot_batch)
                for account_id, snapshot_batch in _batches(moved, snapshot)
            },
        )
        for row in snapshot:
            if not low <= row["batch_no"] < batch_no and row["account_id"] in moved:
                where = f"ledger.snapshot {day} account {row['account_id']}"
                expected = f"batch_no {low} to {batch_no - 1}"
                found += differ(
                    "snapshots are the closing counters", where, expected, row["batch_no"]
                )
        totals = await connection.fetch(_TOTALS, book_id, day)
        return found + _rows(
            "day totals are the trial balance",
            f"ledger.day_total {day} code",
            {row["gl_code"]: row for row in totals},
            self.totals(day),
        )

    def _known_then(self, account_id: int, day: date, batch_no: int) -> Counters:
        """Closing counters without the late batches that came after a batch."""
        debits, credits_ = self.closing[account_id]
        for late in reversed(self.late):
            if late.batch_no <= batch_no:
                break
            counters = late.moved.get(account_id)
            if counters is not None and late.day <= day:
                debits, credits_ = debits - counters[0], credits_ - counters[1]
        return [debits, credits_]

    async def check_period(
        self, connection: Connection, book_id: int, book: Book, kind: int, starts_on: date
    ) -> list[Difference]:
        """Compare the control totals of a period that has just been closed."""
        period = book.periods[kind, starts_on]
        key = (kind, starts_on, period.closings)
        rows = await connection.fetch(_PERIOD_TOTALS, book_id, *key)
        return _rows(
            "period totals are the trial balance",
            f"ledger.period_total {'month' if kind == 1 else 'fiscal year'} {starts_on} closing "
            f"{period.closings} code",
            {row["gl_code"]: row for row in rows},
            self.totals(period.ends_on),
        )


async def check_strays(connection: Connection, book_id: int) -> list[Difference]:
    """No snapshot or total belongs to a date that is not cut off or to a closing that never was."""
    found: list[Difference] = []
    check = "closings belong to days cut off"
    for row in await connection.fetch(_STRAY_DATES, book_id):
        where = f"ledger.{row['table_name']} {row['business_date']}"
        found += differ(check, where, "no rows", f"{row['rows']} rows")
    for row in await connection.fetch(_STRAY_TOTALS, book_id):
        kind = "month" if row["kind"] == 1 else "fiscal year"
        where = f"ledger.period_total {kind} {row['starts_on']} closing {row['closing']}"
        found += differ("totals belong to closings", where, "no rows", f"{row['rows']} rows")
    return found


def _batches(moved: Iterable[int], snapshot: Iterable[Row]) -> list[tuple[int, int]]:
    """(account, batch that its snapshot includes); where a row is missing, the newest."""
    known = {row["account_id"]: row["batch_no"] for row in snapshot}
    return [(account_id, known.get(account_id, 1 << 62)) for account_id in moved]


def _summed(into: dict[int, Counters], batch: Batch) -> dict[int, Counters]:
    for key, moved in batch.moved.items():
        account_id = account_of(key)
        counters = into.get(account_id)
        if counters is None:
            into[account_id] = moved[:2]
        else:
            counters[0] += moved[0]
            counters[1] += moved[1]
    return into


def _merge(into: dict[_Key, Counters], moved: dict[_Key, Counters]) -> None:
    for key, (debits, credits_) in moved.items():
        counters = into.setdefault(key, [0, 0])
        counters[0] += debits
        counters[1] += credits_


def _rows(
    check: str, where: str, rows: dict[str, Row], expected: dict[str, Counters]
) -> list[Difference]:
    found: list[Difference] = []
    for key, counters in expected.items():
        row = rows.pop(key, None)
        if row is None:
            found += differ(check, f"{where} {key}", "a row", "none")
        elif [row["debits"], row["credits"]] != counters:
            wanted: dict[str, object] = {"debits": counters[0], "credits": counters[1]}
            stored: dict[str, object] = {name: int(row[name]) for name in wanted}
            found += compare(check, f"{where} {key}", wanted, stored)
    for key in rows:
        found += differ(check, f"{where} {key}", "no row", "a row")
    return found
