"""Months and fiscal years: how they stand, closing them, opening them again."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import date
from typing import Annotated

from fastapi import APIRouter, Depends, Request, Response

from api.auth.keys import Caller
from api.dependencies import Doors, OpenDoors, in_book
from api.problems import JOURNAL_REFUSALS, POSTS, READS, failing
from api.v1.fields import AccountCode, Body, Reason
from api.v1.pages import After, Limit, Page, cursor, next_page, parts_of
from api.v1.period_views import (
    ActedView,
    FiscalYear,
    MonthName,
    PeriodHistoryView,
    PeriodView,
    acted_view,
    history_view,
    period_view,
)
from api.v1.posting import Answering, PostingDoors, Promise, Promised, post, rehearses
from ledger.books import Book, get_book, read_head
from ledger.errors import ensure
from ledger.periods.acts import Acted, Answer, acts_of
from ledger.periods.months import close_month, reopen_month
from ledger.periods.spans import (
    BookPeriod,
    Span,
    list_periods,
    month_of,
    read_rows,
    require_of_book,
    standing,
    year_of,
)
from ledger.periods.years import close_year, reopen_year
from ledger.posting.values import IdempotencyKey, Outcome

router = APIRouter(prefix="/books/{book}", tags=["periods"])
ReadPeriods = Annotated[Caller, Depends(in_book("periods:read"))]
ClosePeriods = Annotated[Caller, Depends(in_book("periods:close"))]
ReopenPeriods = Annotated[Caller, Depends(in_book("periods:reopen"))]


class ClosingIn(Body):
    """What is said about a closing, if anything."""

    reason: Reason | None = None


class YearClosingIn(Body):
    """The account of class 3 that takes the result; by default the only one of retained profit."""

    reason: Reason | None = None
    result_account: AccountCode | None = None


class OpeningIn(Body):
    """Why the period is opened again."""

    reason: Reason


CLOSING = ("period_not_ready", "wrong_status")


@router.get("/periods", responses=failing(*READS), operation_id="list_periods")
async def list_book_periods(
    request: Request,
    response: Response,
    doors: OpenDoors,
    caller: ReadPeriods,
    limit: Limit = 50,
    after: After = None,
) -> Page[PeriodView]:
    """Every month and fiscal year from the book's opening to its business date, newest first."""
    parts = parts_of(after, r"[0-9]{4}-[0-9]{2}-[0-9]{2}\x1f[12]")
    async with doors.read() as connection:
        book = await get_book(connection, caller.book_code)
        head = await read_head(connection, book.book_id)
        found = await list_periods(connection, book, head.business_date)
    if parts is not None:
        found = [period for period in found if _place(period) < parts]
    return next_page(
        request, response, found, limit, period_view, lambda period: cursor(*_place(period))
    )


def _place(period: BookPeriod) -> tuple[str, ...]:
    return period.span.ends_on.isoformat(), str(int(period.span.kind))


@router.get("/periods/months/{month}", responses=failing(*READS), operation_id="get_month")
async def get_month(doors: OpenDoors, caller: ReadPeriods, month: MonthName) -> PeriodHistoryView:
    """A month, its closings and their control totals."""
    book = await _book(doors, caller)
    return await _history(doors, book, _month(month))


@router.get("/periods/years/{year}", responses=failing(*READS), operation_id="get_fiscal_year")
async def get_fiscal_year(
    doors: OpenDoors, caller: ReadPeriods, year: FiscalYear
) -> PeriodHistoryView:
    """A fiscal year, its closings and their control totals."""
    book = await _book(doors, caller)
    return await _history(doors, book, year_of(book, int(year)))


async def _history(doors: Doors, book: Book, span: Span) -> PeriodHistoryView:
    require_of_book(book, span)
    async with doors.read() as connection:
        rows = await read_rows(connection, book.book_id)
        acts = await acts_of(connection, book, span)
    return history_view(standing(book, rows, span), acts)


@router.post(
    "/periods/months/{month}/close",
    response_model=ActedView,
    responses=failing(*POSTS, *CLOSING),
    operation_id="close_month",
)
async def close_one_month(
    doors: PostingDoors, caller: ClosePeriods, promise: Promised, month: MonthName, body: ClosingIn
) -> Response:
    """Close a month: it takes nothing more, whoever asks."""
    book = await _book(doors, caller)

    async def act(key: IdempotencyKey, answer: Answer) -> Acted:
        return await close_month(
            doors.database.poster,
            book,
            _month(month).starts_on,
            actor=caller.actor,
            reason=body.reason or "",
            key=key,
            answer=answer,
            rehearse=rehearses(doors),
        )

    return await _acted(doors, caller, promise, act)


@router.post(
    "/periods/months/{month}/reopen",
    response_model=ActedView,
    responses=failing(*POSTS, *CLOSING),
    operation_id="reopen_month",
)
async def reopen_one_month(
    doors: PostingDoors, caller: ReopenPeriods, promise: Promised, month: MonthName, body: OpeningIn
) -> Response:
    """Open the newest closed month of an open fiscal year again; its closing stays on record."""
    book = await _book(doors, caller)

    async def act(key: IdempotencyKey, answer: Answer) -> Acted:
        return await reopen_month(
            doors.database.poster,
            book,
            _month(month).starts_on,
            actor=caller.actor,
            reason=body.reason,
            key=key,
            answer=answer,
            rehearse=rehearses(doors),
        )

    return await _acted(doors, caller, promise, act)


@router.post(
    "/periods/years/{year}/close",
    response_model=ActedView,
    responses=failing(*POSTS, *JOURNAL_REFUSALS, *CLOSING),
    operation_id="close_fiscal_year",
)
async def close_fiscal_year(
    doors: PostingDoors,
    caller: ClosePeriods,
    promise: Promised,
    year: FiscalYear,
    body: YearClosingIn,
) -> Response:
    """Close a fiscal year: income and expense are carried to the result on its last day."""
    book = await _book(doors, caller)

    async def act(key: IdempotencyKey, answer: Answer) -> Acted:
        return await close_year(
            doors.database.poster,
            book,
            int(year),
            actor=caller.actor,
            reason=body.reason or "",
            result_account=body.result_account,
            key=key,
            answer=answer,
            rehearse=rehearses(doors),
        )

    return await _acted(doors, caller, promise, act)


@router.post(
    "/periods/years/{year}/reopen",
    response_model=ActedView,
    responses=failing(*POSTS, *JOURNAL_REFUSALS, *CLOSING),
    operation_id="reopen_fiscal_year",
)
async def reopen_fiscal_year(
    doors: PostingDoors, caller: ReopenPeriods, promise: Promised, year: FiscalYear, body: OpeningIn
) -> Response:
    """Open the newest closed fiscal year again: its closing is reversed; it is late again."""
    book = await _book(doors, caller)

    async def act(key: IdempotencyKey, answer: Answer) -> Acted:
        return await reopen_year(
            doors.database.poster,
            book,
            int(year),
            actor=caller.actor,
            reason=body.reason,
            key=key,
            answer=answer,
            rehearse=rehearses(doors),
        )

    return await _acted(doors, caller, promise, act)


async def _acted(
    doors: Doors,
    caller: Caller,
    promise: Promise,
    act: Callable[[IdempotencyKey, Answer], Awaitable[Acted]],
) -> Response:
    """Act once and answer; what the act says of the period is known before its commit."""
    known: list[Acted] = []
    codes: dict[int, str] = {}

    def show(_: Outcome) -> ActedView:
        ensure(bool(known), "an answer about a period that nothing was done to")
        return acted_view(known[-1])

    answering = Answering(promise=promise, status=200, show=show, codes=codes)

    def answer(acted: Acted) -> str:
        known.append(acted)
        codes.update(acted.codes)
        return answering.text(acted.outcome)

    async def once(key: IdempotencyKey) -> Outcome:
        acted = await act(key, answer)
        known.append(acted)
        codes.update(acted.codes)
        return acted.outcome

    return await post(doors, caller, answering, once)


async def _book(doors: Doors, caller: Caller) -> Book:
    async with doors.read() as connection:
        return await get_book(connection, caller.book_code)


def _month(name: str) -> Span:
    return month_of(date(int(name[:4]), int(name[5:]), 1))
