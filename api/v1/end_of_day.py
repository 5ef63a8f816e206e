"""End of day: run the nights that are due, see how far each business date has come.

Running needs no Idempotency-Key: a night finds its own finished chunks, so that a second run of it
goes on where the first one stopped, or only reports.
"""

from __future__ import annotations

from datetime import date
from typing import Annotated, Literal

from fastapi import APIRouter, Depends, Request, Response
from pydantic import Field

from api.auth.keys import Caller
from api.dependencies import OpenDoors, in_book
from api.problems import BODIES, READS, failing
from api.v1.fields import Body, CalendarDate, SignedAmount, View
from api.v1.pages import After, Limit, Page, cursor, next_page, parts_of
from ledger.books import get_book, read_head
from ledger.dates import BANGKOK, parse_date
from ledger.days import Day, DayState, days_between
from ledger.errors import InvalidInput
from ledger.money import format_baht
from products.end_of_day import (
    DayReport,
    ProductReport,
    StepReport,
    read_report,
    run_missed,
)
from products.night_report import Sums

router = APIRouter(prefix="/books/{book}/end-of-day", tags=["end of day"])
ReadNights = Annotated[Caller, Depends(in_book("night:read"))]
RunNights = Annotated[Caller, Depends(in_book("night:run"))]


class RunIn(Body):
    """Close every date up to `through`, the current business date at the latest."""

    through: CalendarDate = Field(description="The last business date to close.")


class RefusedView(View):
    """A contract that a step could not post for."""

    contract_id: str
    code: str
    keeps_day_open: bool


class StepView(View):
    """What a step did; `contracts` counts holds or accounts where the step has those."""

    step: str
    chunks: int
    contracts: int
    amount: SignedAmount
    refused: list[RefusedView]


class SumsView(View):
    """So many contracts (or payments) and their amount."""

    contracts: int
    amount: SignedAmount


class ListedContractView(View):
    """A contract for which a step did less than was due, or nothing; `code` says why."""

    contract: str
    step: str
    code: str
    keeps_day_open: bool


class ProductNightView(View):
    """One product on the date, its doors included.

    credited:      interest credited to accounts on the product's days.
    interest_paid: payments of placements' interest, before `tax`.
    paid_out, rolled, waiting: terms that ended, by principal; rolled: that of the next term.
    """

    product: str
    name_th: str
    name_en: str
    accrued: SumsView
    credited: SumsView
    interest_paid: SumsView
    tax: SignedAmount
    paid_out: SumsView
    rolled: SumsView
    waiting: SumsView
    ended_early: SumsView
    listed: list[ListedContractView]


class NightView(View):
    """What the night of a proven date did: the same however often it ran."""

    business_date: CalendarDate
    proven_seq: int
    interest: SignedAmount
    steps: list[StepView]
    products: list[ProductNightView]


class RunView(View):
    """The nights that this call closed, oldest first; none when all were closed before."""

    data: list[NightView]


class DayView(View):
    """A business date: open, cut off, proven (closed)."""

    business_date: CalendarDate
    state: Literal["open", "cut_off", "proven"]
    cut_seq: int | None
    cut_at: str | None
    proven_seq: int | None
    proven_at: str | None


_STATES: dict[DayState, Literal["open", "cut_off", "proven"]] = {
    DayState.OPEN: "open",
    DayState.CUT_OFF: "cut_off",
    DayState.PROVEN: "proven",
}


@router.post(
    "",
    responses=failing(*BODIES, "day_not_proven", "seal_key_unusable"),
    operation_id="run_end_of_day",
)
async def run_end_of_day(doors: OpenDoors, caller: RunNights, body: RunIn) -> RunView:
    """Run the night of every date that is not proven, up to `through`, oldest first.

    The date that is still open may be closed too; with live money, not before its day has come.
    """
    async with doors.read() as connection:
        book = await get_book(connection, caller.book_code)
        head = await read_head(connection, book.book_id)
    last = head.business_date
    if doors.live:
        last = min(last, doors.clock().astimezone(BANGKOK).date())
    if body.through > last:
        expected = f"a business date up to {last}"
        raise InvalidInput.one("#/through", body.through.isoformat(), expected)
    reports = await run_missed(
        doors.database.poster, book, through=body.through, seal_key=doors.seal_key
    )
    return RunView(data=[_night(report) for report in reports])


@router.get("", responses=failing(*READS), operation_id="list_business_dates")
async def list_business_dates(
    request: Request,
    response: Response,
    doors: OpenDoors,
    caller: ReadNights,
    limit: Limit = 50,
    after: After = None,
) -> Page[DayView]:
    """The business dates that the book has lived through, newest first."""
    parts = parts_of(after, r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
    async with doors.read() as connection:
        head = await read_head(connection, caller.book_id)
        last = head.business_date
        if parts is not None:
            last = min(last, _day_before(parse_date(parts[0], "query/after")))
        first = date.fromordinal(max(1, last.toordinal() - limit))
        found = await days_between(connection, caller.book_id, first, last)
    rows = sorted(found, key=lambda day: day.business_date, reverse=True)
    return next_page(
        request, response, rows, limit, _day, lambda day: cursor(day.business_date.isoformat())
    )


@router.get("/{business_date}", responses=failing(*READS), operation_id="get_night")
async def get_night(doors: OpenDoors, caller: ReadNights, business_date: CalendarDate) -> NightView:
    """The report of a proven business date."""
    async with doors.read() as connection:
        book = await get_book(connection, caller.book_code)
    return _night(await read_report(doors.database.poster, book, business_date))


def _day_before(day: date) -> date:
    return date.fromordinal(day.toordinal() - 1)


def _day(day: Day) -> DayView:
    return DayView(
        business_date=day.business_date,
        state=_STATES[day.state],
        cut_seq=day.cut_seq,
        cut_at=None if day.cut_at is None else day.cut_at.isoformat(),
        proven_seq=day.proven_seq,
        proven_at=None if day.proven_at is None else day.proven_at.isoformat(),
    )


def _night(report: DayReport) -> NightView:
    return NightView(
        business_date=report.business_date,
        proven_seq=report.proven_seq,
        interest=format_baht(report.interest_satang),
        steps=[_step(step) for step in report.steps],
        products=[_product(product) for product in report.products],
    )


def _product(product: ProductReport) -> ProductNightView:
    return ProductNightView(
        product=product.product_code,
        name_th=product.name_th,
        name_en=product.name_en,
        accrued=_sums(product.accrued),
        credited=_sums(product.credited),
        interest_paid=_sums(product.interest_paid),
        tax=format_baht(product.tax_satang),
        paid_out=_sums(product.paid_out),
        rolled=_sums(product.rolled),
        waiting=_sums(product.waiting),
        ended_early=_sums(product.ended_early),
        listed=[
            ListedContractView(
                contract=listed.contract_no,
                step=listed.step,
                code=listed.code,
                keeps_day_open=listed.keeps_day_open,
            )
            for listed in product.listed
        ],
    )


def _sums(sums: Sums) -> SumsView:
    return SumsView(contracts=sums.contracts, amount=format_baht(sums.amount_satang))


def _step(step: StepReport) -> StepView:
    return StepView(
        step=step.step,
        chunks=step.chunks,
        contracts=step.contracts,
        amount=format_baht(step.amount_satang),
        refused=[
            RefusedView(
                contract_id=str(refused.contract_id),
                code=refused.code,
                keeps_day_open=refused.keeps_day_open,
            )
            for refused in step.refused
        ],
    )
