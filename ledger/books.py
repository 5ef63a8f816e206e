"""Books: one legal entity's double-entry ledger each, with its head, chart and first open day.

A book is created empty on its opening date; balances brought forward are ordinary journals posted
on that date. Creating and reading live here; everything that moves money is in `ledger.posting`.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, time

import asyncpg

from ledger.db import Connection
from ledger.digest import GENESIS
from ledger.errors import InvalidInput, NotFound


@dataclass(frozen=True, slots=True, kw_only=True)
class Book:
    """Fixed facts of a book. `cut_off_time` is Bangkok time; None = moved by command only."""

    book_id: int
    code: str
    name_th: str
    name_en: str
    currency: str
    fiscal_year_start_month: int
    cut_off_time: time | None
    opened_on: date


@dataclass(frozen=True, slots=True, kw_only=True)
class Head:
    """Where a book stands: its last number and batch, its business date, its chain's digest."""

    recorded_seq: int
    batch_no: int
    business_date: date
    value_date_floor: date
    digest: bytes
    epoch: int


@dataclass(frozen=True, slots=True, kw_only=True)
class GlAccount:
    """A line of the chart of accounts: six digits, the first one is the class (1-5, 9)."""

    gl_code: str
    cad_code: str
    name_th: str
    name_en: str


_BOOK = """
SELECT book_id, code, name_th, name_en, currency, fiscal_year_start_month, cut_off_time, opened_on
FROM ledger.book
"""


async def create_book(
    connection: Connection,
    *,
    book_id: int,
    code: str,
    name_th: str,
    name_en: str,
    opened_on: date,
    currency: str = "THB",
    fiscal_year_start_month: int = 1,
    cut_off_time: time | None = None,
) -> Book:
    """Create a book with its head and its first open day. Raises `InvalidInput` if it exists."""
    book = Book(
        book_id=book_id,
        code=code,
        name_th=name_th,
        name_en=name_en,
        currency=currency,
        fiscal_year_start_month=fiscal_year_start_month,
        cut_off_time=cut_off_time,
        opened_on=opened_on,
    )
    floor = fiscal_year_start(opened_on, fiscal_year_start_month)
    try:
        async with connection.transaction():
            await connection.execute(
                "INSERT INTO ledger.book (book_id, code, name_th, name_en, currency, "
                "fiscal_year_start_month, cut_off_time, opened_on) "
                "VALUES ($1, $2, $3, $4, $5, $6, $7, $8)",
                book_id,
                code,
                name_th,
                name_en,
                currency,
                fiscal_year_start_month,
                cut_off_time,
                opened_on,
            )
            await connection.execute(
                "INSERT INTO ledger.book_head (book_id, recorded_seq, batch_no, business_date, "
                "value_date_floor, digest, epoch) VALUES ($1, 0, 0, $2, $3, $4, 1)",
                book_id,
                opened_on,
                floor,
                GENESIS,
            )
            await connection.execute(
                "INSERT INTO ledger.day (book_id, business_date, state) VALUES ($1, $2, 1)",
                book_id,
                opened_on,
            )
    except asyncpg.UniqueViolationError:
        raise InvalidInput.one(
            "book", f"{book_id} ({code})", "a number and a code that no other book has"
        ) from None
    return book


def fiscal_year_start(day: date, start_month: int) -> date:
    """First date of the fiscal year that `day` lies in."""
    year = day.year if day.month >= start_month else day.year - 1
    return date(year, start_month, 1)


async def get_book(connection: Connection, code: str) -> Book:
    """The book with this code. Raises `NotFound`."""
    row = await connection.fetchrow(_BOOK + "WHERE code = $1", code)
    if row is None:
        raise NotFound("book", code)
    return Book(**dict(row))


async def list_books(connection: Connection) -> list[Book]:
    """Every book, by number."""
    return [Book(**dict(row)) for row in await connection.fetch(_BOOK + "ORDER BY book_id")]


async def read_head(connection: Connection, book_id: int) -> Head:
    """The head as committed last; not locked. Raises `NotFound`."""
    row = await connection.fetchrow(
        "SELECT recorded_seq, batch_no, business_date, value_date_floor, digest, epoch "
        "FROM ledger.book_head WHERE book_id = $1",
        book_id,
    )
    if row is None:
        raise NotFound("book", book_id)
    return Head(**dict(row))


async def cut_off_time(connection: Connection, book_id: int) -> time | None:
    """Bangkok time at which the clock moves the business date; None = by command only."""
    found: time | None = await connection.fetchval(
        "SELECT cut_off_time FROM ledger.book WHERE book_id = $1", book_id
    )
    return found


async def add_gl_accounts(connection: Connection, book_id: int, lines: Iterable[GlAccount]) -> None:
    """Add lines to the chart of a book; those that exist are left as they are."""
    await connection.executemany(
        "INSERT INTO ledger.gl_account (book_id, gl_code, cad_code, name_th, name_en) "
        "VALUES ($1, $2, $3, $4, $5) ON CONFLICT (book_id, gl_code) DO NOTHING",
        [(book_id, line.gl_code, line.cad_code, line.name_th, line.name_en) for line in lines],
    )


async def chart(connection: Connection, book_id: int) -> list[GlAccount]:
    """The chart of accounts of a book, by code."""
    rows = await connection.fetch(
        "SELECT gl_code, cad_code, name_th, name_en FROM ledger.gl_account "
        "WHERE book_id = $1 ORDER BY gl_code",
        book_id,
    )
    return [GlAccount(**dict(row)) for row in rows]
