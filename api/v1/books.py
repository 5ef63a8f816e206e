"""Books: the caller's own, with where its head stands."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends, Request, Response

from api.auth.keys import Caller
from api.dependencies import OpenDoors, in_book, requires
from api.problems import READS, failing
from api.v1.fields import CalendarDate, Currency, View
from api.v1.pages import After, Limit, Page, cursor, next_page, parts_of
from ledger import books
from ledger.books import Book, Head

router = APIRouter(tags=["books"])


class BookView(View):
    """A book and its head: the last number, the business date, the chain's last digest."""

    code: str
    name_th: str
    name_en: str
    currency: Currency
    fiscal_year_start_month: int
    cut_off_time: str | None
    opened_on: CalendarDate
    business_date: CalendarDate
    value_date_floor: CalendarDate
    recorded_seq: int
    batch_no: int
    digest: str


def _view(pair: tuple[Book, Head]) -> BookView:
    book, head = pair
    return BookView(
        code=book.code,
        name_th=book.name_th,
        name_en=book.name_en,
        currency="THB",
        fiscal_year_start_month=book.fiscal_year_start_month,
        cut_off_time=None if book.cut_off_time is None else book.cut_off_time.isoformat("minutes"),
        opened_on=book.opened_on,
        business_date=head.business_date,
        value_date_floor=head.value_date_floor,
        recorded_seq=head.recorded_seq,
        batch_no=head.batch_no,
        digest=head.digest.hex(),
    )


@router.get("/books", responses=failing(*READS), operation_id="list_books")
async def list_books(
    request: Request,
    response: Response,
    doors: OpenDoors,
    caller: Annotated[Caller, Depends(requires("books:read"))],
    limit: Limit = 50,
    after: After = None,
) -> Page[BookView]:
    """The books that the key belongs to: one."""
    parts = parts_of(after, r"[a-z][a-z0-9-]{1,31}")
    found: list[tuple[Book, Head]] = []
    if parts is None or caller.book_code > parts[0]:
        async with doors.read() as connection:
            book = await books.get_book(connection, caller.book_code)
            found.append((book, await books.read_head(connection, book.book_id)))
    return next_page(request, response, found, limit, _view, lambda pair: cursor(pair[0].code))


@router.get("/books/{book}", responses=failing(*READS), operation_id="get_book")
async def get_book(
    doors: OpenDoors, caller: Annotated[Caller, Depends(in_book("books:read"))]
) -> BookView:
    """One book with its head."""
    async with doors.read() as connection:
        book = await books.get_book(connection, caller.book_code)
        return _view((book, await books.read_head(connection, book.book_id)))
