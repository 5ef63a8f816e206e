"""Months and fiscal years: how they stand, closing them, opening them again; vouchers by number."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from datetime import date
from typing import Annotated, Literal

from fastapi import APIRouter, Depends, Path, Request, Response
from pydantic import Field

from api.auth.keys import Caller
from api.dependencies import Doors, OpenDoors, in_book
from api.problems import JOURNAL_REFUSALS, POSTS, READS, failing
from api.v1.fields import (
    AccountCode,
    Body,
    CalendarDate,
    Currency,
    Reason,
    SignedAmount,
    View,
)
from api.v1.journal_views import JournalView
from api.v1.journals import read_journal
from api.v1.pages import After, Limit, Page, cursor, next_page, parts_of
from api.v1.posting import Answering, PostingDoors, Promise, Promised, ReceiptView, post, receipt_of
from ledger.books import Book, get_book, read_head
from ledger.errors import NotFound, ensure
from ledger.money import format_baht
from ledger.periods.acts import Acted, Answer, PeriodAct, acts_of
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
from ledger.periods.totals import Counters
from ledger.periods.years import close_year, reopen_year
from ledger.posting.dry_run import DryRun
from ledger.posting.values import IdempotencyKey, Outcome
from ledger.vouchers import Voucher, journal_of_voucher

router = APIRouter(prefix="/books/{book}", tags=["periods"])
ReadPeriods = Annotated[Caller, Depends(in_book("periods:read"))]
ClosePeriods = Annotated[Caller, Depends(in_book("periods:close"))]
ReopenPeriods = Annotated[Caller, Depends(in_book("periods:reopen"))]
MonthName = Annotated[
    str,
    Path(
        pattern=r"^(19|2[0-3])[0-9]{2}-(0[1-9]|1[0-2])$",
        description="A calendar month of the common era.",
        examples=["2026-06"],
    ),
]
FiscalYear = Annotated[
    str,
    Path(
        pattern=r"^(19|2[0-3])[0-9]{2}$",
        description="A fiscal year, named by the calendar year in which it ends.",
        examples=["2026"],
    ),
]
VoucherNo = Annotated[
    str, Path(pattern=r"^[1-9][0-9]{0,17}$", description="Number within the fiscal year.")
]
State = Literal["open", "open_again", "late", "closed"]


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


class PeriodView(View):
    """A month or a fiscal year.

    `late`: all months of the year are closed, audit adjustments only. `closings`: how often it was
    closed; `closed_seq`: the number of its newest closing.
    """

    kind: Literal["month", "fiscal_year"]
    period: str
    starts_on: CalendarDate
    ends_on: CalendarDate
    state: State
    closings: int
    closed_seq: int | None


class ControlTotalView(View):
    """What a GL code was debited and credited since the book began."""

    gl_code: str
    debits: SignedAmount
    credits: SignedAmount


class PeriodActView(View):
    """A closing with its control totals, or an opening again (`opened_again`)."""

    recorded_seq: int
    opened_again: bool
    closing: int
    actor: str
    reason: str
    recorded_at: str
    control_totals: list[ControlTotalView]


class PeriodHistoryView(PeriodView):
    """A period with everything that was done to it, in order."""

    currency: Currency
    acts: list[PeriodActView]


class ActedView(PeriodView):
    """A period after it was closed or opened again.

    debits, credits: everything up to its end, since the book began. result: income less expense
    that the closing of a year carried. vouchers: how many are dated in it.
    """

    debits: SignedAmount | None
    credits: SignedAmount | None
    result: SignedAmount | None
    vouchers: int | None
    first_voucher: int | None
    last_voucher: int | None
    receipt: ReceiptView | None = Field(description="Of the numbered event that says so.")


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
        request, response, found, limit, _period, lambda period: cursor(*_place(period))
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
    view = _period(standing(book, rows, span))
    return PeriodHistoryView(**view.model_dump(), currency="THB", acts=[_act(act) for act in acts])


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
            rehearse=isinstance(doors.collector, DryRun),
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
            rehearse=isinstance(doors.collector, DryRun),
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
            rehearse=isinstance(doors.collector, DryRun),
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
            rehearse=isinstance(doors.collector, DryRun),
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
        return _acted_view(known[-1])

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


@router.get("/vouchers/{year}/{number}", responses=failing(*READS), operation_id="get_voucher")
async def get_voucher(
    doors: OpenDoors,
    caller: Annotated[Caller, Depends(in_book("journals:read"))],
    year: FiscalYear,
    number: VoucherNo,
) -> JournalView:
    """The journal with this voucher number of a fiscal year."""
    voucher = Voucher(fiscal_year=int(year), voucher_no=int(number))
    async with doors.read() as connection:
        journal_id = await journal_of_voucher(connection, caller.book_id, voucher)
    if journal_id is None:
        raise NotFound("voucher", voucher)
    return await read_journal(doors, caller, journal_id)


async def _book(doors: Doors, caller: Caller) -> Book:
    async with doors.read() as connection:
        return await get_book(connection, caller.book_code)


def _month(name: str) -> Span:
    return month_of(date(int(name[:4]), int(name[5:]), 1))


def _period(period: BookPeriod) -> PeriodView:
    span = period.span
    return PeriodView(
        kind="month" if span.kind == 1 else "fiscal_year",
        period=span.name,
        starts_on=span.starts_on,
        ends_on=span.ends_on,
        state=period.state.value,
        closings=period.closings,
        closed_seq=period.closed_seq,
    )


def _acted_view(acted: Acted) -> ActedView:
    draft, result = acted.draft, acted.result_satang
    vouchers = None if draft is None else draft.vouchers
    return ActedView(
        **_period(acted.period).model_dump(),
        debits=None if draft is None else format_baht(draft.debits),
        credits=None if draft is None else format_baht(draft.credits),
        result=None if result is None else format_baht(result),
        vouchers=None if vouchers is None else vouchers.number,
        first_voucher=None if vouchers is None else vouchers.first,
        last_voucher=None if vouchers is None else vouchers.last,
        receipt=receipt_of(acted.outcome, len(acted.outcome.receipts) - 1),
    )


def _act(act: PeriodAct) -> PeriodActView:
    return PeriodActView(
        recorded_seq=act.recorded_seq,
        opened_again=act.opened_again,
        closing=act.closing,
        actor=act.actor,
        reason=act.reason,
        recorded_at=act.recorded_at.isoformat(),
        control_totals=_totals(act.totals),
    )


def _totals(totals: Mapping[str, Counters]) -> list[ControlTotalView]:
    return [
        ControlTotalView(
            gl_code=gl_code,
            debits=format_baht(counters.debits),
            credits=format_baht(counters.credits),
        )
        for gl_code, counters in totals.items()
    ]
