"""Which months and fiscal years a book has, and how each of them stands.

A month is a calendar month; a fiscal year is named by the calendar year in which it ends. The
first of each may be partial: the book has days from its opening on only. What was never closed has
no row, so how a period stands follows from the calendar and the rows there are.
"""

from __future__ import annotations

import enum
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path

from ledger.books import Book
from ledger.dates import month_end
from ledger.db import Connection, statements
from ledger.errors import NotFound
from ledger.vouchers import fiscal_year_of, year_starts

SQL = statements(Path(__file__).parent.parent / "sql" / "periods.sql")


class PeriodKind(enum.IntEnum):
    """What a row of `ledger.period` is about."""

    MONTH = 1
    FISCAL_YEAR = 2


class PeriodState(enum.Enum):
    """How a period stands.

    OPEN:        never closed. OPEN_AGAIN: closed, then opened again with a reason.
    LATE:        a fiscal year whose months are all closed: audit adjustments only.
    CLOSED:      takes nothing.
    """

    OPEN = "open"
    OPEN_AGAIN = "open_again"
    LATE = "late"
    CLOSED = "closed"


@dataclass(frozen=True, slots=True, kw_only=True)
class Span:
    """A whole calendar month or fiscal year. `name`: "2026-06" or "2026"."""

    kind: PeriodKind
    name: str
    starts_on: date
    ends_on: date


@dataclass(frozen=True, slots=True, kw_only=True)
class BookPeriod:
    """A period of a book and how it stands.

    closings:   how often it was closed; 0 = never.
    closed_seq: number of its newest closing, also while it is open again.
    """

    span: Span
    state: PeriodState
    closings: int = 0
    closed_seq: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class PeriodRow:
    """A row of `ledger.period`."""

    closed: bool
    closings: int
    closed_seq: int


Rows = Mapping[tuple[PeriodKind, date], PeriodRow]
"""The rows of a book by kind and first day."""


def month_of(day: date) -> Span:
    """The calendar month of a day."""
    first = day.replace(day=1)
    return Span(
        kind=PeriodKind.MONTH,
        name=f"{first.year:04d}-{first.month:02d}",
        starts_on=first,
        ends_on=month_end(first),
    )


def year_of(book: Book, fiscal_year: int) -> Span:
    """A fiscal year of the book, by its name."""
    start_month = book.fiscal_year_start_month
    return Span(
        kind=PeriodKind.FISCAL_YEAR,
        name=f"{fiscal_year:04d}",
        starts_on=year_starts(fiscal_year, start_month),
        ends_on=year_starts(fiscal_year + 1, start_month) - timedelta(days=1),
    )


def year_with(book: Book, day: date) -> Span:
    """The fiscal year in which a day lies."""
    return year_of(book, fiscal_year_of(day, book.fiscal_year_start_month))


def months_between(first: date, last: date) -> list[Span]:
    """The months from the one of `first` to the one of `last`, both included."""
    found: list[Span] = []
    day = first
    while day.replace(day=1) <= last:
        found.append(month_of(day))
        day = found[-1].ends_on + timedelta(days=1)
    return found


def months_in(book: Book, year: Span) -> list[Span]:
    """The months of a fiscal year that the book has days in."""
    return months_between(max(year.starts_on, book.opened_on), year.ends_on)


def years_between(book: Book, first: date, last: date) -> list[Span]:
    """The fiscal years from the one of `first` to the one of `last`."""
    start_month = book.fiscal_year_start_month
    names = range(fiscal_year_of(first, start_month), fiscal_year_of(last, start_month) + 1)
    return [year_of(book, name) for name in names]


def require_of_book(book: Book, span: Span) -> None:
    """Raises `NotFound` when the period ended before the book began."""
    if span.ends_on < book.opened_on:
        raise NotFound("period", f"{span.name}: book {book.code} was opened on {book.opened_on}")


async def read_rows(connection: Connection, book_id: int) -> Rows:
    """Every period that was closed at least once."""
    rows = await connection.fetch(SQL["periods"], book_id)
    return {
        (PeriodKind(row["kind"]), row["starts_on"]): PeriodRow(
            closed=row["state"] == 2, closings=row["closings"], closed_seq=row["closed_seq"]
        )
        for row in rows
    }


def is_closed(rows: Rows, span: Span) -> bool:
    """True while the period takes nothing."""
    row = rows.get((span.kind, span.starts_on))
    return row is not None and row.closed


def standing(book: Book, rows: Rows, span: Span) -> BookPeriod:
    """How a period stands, by the rows of its book."""
    row = rows.get((span.kind, span.starts_on))
    if row is not None and row.closed:
        state = PeriodState.CLOSED
    elif span.kind is PeriodKind.FISCAL_YEAR and all(
        is_closed(rows, month) for month in months_in(book, span)
    ):
        state = PeriodState.LATE
    else:
        state = PeriodState.OPEN if row is None else PeriodState.OPEN_AGAIN
    return BookPeriod(
        span=span,
        state=state,
        closings=0 if row is None else row.closings,
        closed_seq=None if row is None else row.closed_seq,
    )


async def list_periods(connection: Connection, book: Book, through: date) -> list[BookPeriod]:
    """Every month and fiscal year from the book's opening to `through`, newest first.

    A fiscal year stands before its months: both begin on the same day, the year ends later.
    """
    rows = await read_rows(connection, book.book_id)
    spans = months_between(book.opened_on, through)
    spans += years_between(book, book.opened_on, through)
    spans.sort(key=lambda span: (span.ends_on, span.kind), reverse=True)
    return [standing(book, rows, span) for span in spans]
