"""What deposits go by: the calendar of holidays and the table of withholding tax.

Announcing and approving need no Idempotency-Key: what is asked again in just the same way stands
already and is answered as it stands. Neither takes a number in the book.
"""

from __future__ import annotations

from datetime import date, timedelta
from typing import Annotated

from fastapi import APIRouter, Depends, Query, Request, Response
from pydantic import StringConstraints

from api.auth.keys import Caller
from api.dependencies import OpenDoors, in_book
from api.problems import BODIES, READS, failing
from api.v1.fields import Body, CalendarDate, Person, RatePercent, View
from api.v1.pages import After, Limit, Page, cursor, next_page, parts_of
from api.v1.placement_views import HOLDER_WORDS, HOLDERS, HolderWord
from ledger.books import read_head
from ledger.dates import parse_date
from ledger.db import transaction
from pricing.rates import format_rate_percent, parse_rate_percent
from products.deposits.offers import (
    AnnouncedHoliday,
    Holiday,
    announce_holidays,
    list_holidays,
)
from products.deposits.taxes import RecordedTax, TaxChange, enter_tax_rates, list_tax_rates
from products.withholding import TaxRate

router = APIRouter(prefix="/books/{book}", tags=["terms of deposits"])
ReadTerms = Annotated[Caller, Depends(in_book("placements:read"))]
KeepTerms = Annotated[Caller, Depends(in_book("terms:keep"))]

_ONE_DAY = timedelta(days=1)
Name = Annotated[str, StringConstraints(max_length=140, pattern=r"^\S[^\x00-\x1f\x7f]*$")]
Form = Annotated[str, StringConstraints(max_length=40, pattern=r"^[^\x00-\x1f\x7f]*$")]
Family = Annotated[str, StringConstraints(pattern=r"^[a-z_]{1,32}$")]


class HolidayIn(Body):
    """A date without banking, which has not begun."""

    on: CalendarDate
    name_th: Name
    name_en: Name


class HolidayView(View):
    """A holiday. Terms that began before `announced_on` do not know it."""

    on: CalendarDate
    name_th: str
    name_en: str
    announced_on: CalendarDate


class TaxRateIn(Body):
    """From a date on, interest of a family paid to a kind of holder is taxed like this.

    made_by: who made the row, another person than the caller, who approves it.
    form:    the form that it is filed on, such as ภ.ง.ด.2; "" where nothing is filed.
    """

    holder: HolderWord
    family: Family
    from_date: CalendarDate
    tax_percent: RatePercent
    form: Form
    made_by: Person


class TaxRateView(View):
    """A row of the table, in force until the next one of its holder and family."""

    holder: HolderWord
    family: str
    from_date: CalendarDate
    tax_percent: str
    form: str
    made_by: str
    approved_by: str


@router.get("/holidays", responses=failing(*READS), operation_id="list_holidays")
async def list_all_holidays(
    request: Request,
    response: Response,
    doors: OpenDoors,
    caller: ReadTerms,
    limit: Limit = 50,
    after: After = None,
    from_date: Annotated[
        CalendarDate | None, Query(description="The first date; the business date by default.")
    ] = None,
    to_date: Annotated[CalendarDate | None, Query()] = None,
) -> Page[HolidayView]:
    """Holidays in order of their dates; weekends have no banking anyway."""
    parts = parts_of(after, r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
    async with doors.read() as connection:
        first = from_date or (await read_head(connection, caller.book_id)).business_date
        if parts is not None:
            first = parse_date(parts[0], "query/after") + _ONE_DAY
        found = await list_holidays(
            connection, caller.book_id, first, to_date or date.max, limit + 1
        )
    return next_page(
        request, response, found, limit, _holiday, lambda row: cursor(row.holiday.on.isoformat())
    )


@router.post(
    "/holidays", status_code=201, responses=failing(*BODIES), operation_id="announce_holiday"
)
async def announce_holiday(doors: OpenDoors, caller: KeepTerms, body: HolidayIn) -> HolidayView:
    """Announce a holiday before its date; it moves no maturity of a term that has begun."""
    day = Holiday(**body.model_dump())
    async with transaction(doors.database.poster, caller.actor) as connection:
        await announce_holidays(connection, caller.book_id, [day])
        (found,) = await list_holidays(connection, caller.book_id, day.on, day.on)
    return _holiday(found)


@router.get("/tax-rates", responses=failing(*READS), operation_id="list_tax_rates")
async def list_all_tax_rates(
    request: Request,
    response: Response,
    doors: OpenDoors,
    caller: ReadTerms,
    limit: Limit = 50,
    after: After = None,
) -> Page[TaxRateView]:
    """Every row of the table of withholding tax, by holder, family and date."""
    parts = parts_of(after, r"[0-9]{1,3}\x1f[a-z_]{1,32}\x1f[0-9]{4}-[0-9]{2}-[0-9]{2}")
    async with doors.read() as connection:
        found = await list_tax_rates(connection, caller.book_id)
    if parts is not None:
        found = [row for row in found if _place(row) > parts]
    return next_page(request, response, found, limit, _tax_rate, lambda row: cursor(*_place(row)))


@router.post(
    "/tax-rates",
    status_code=201,
    responses=failing(*BODIES),
    operation_id="approve_tax_rate",
)
async def approve_tax_rate(doors: OpenDoors, caller: KeepTerms, body: TaxRateIn) -> TaxRateView:
    """Approve a row that another person made, before the date from which it is in force."""
    change = TaxChange(
        holder=HOLDERS[body.holder],
        family=body.family,
        from_date=body.from_date,
        tax=TaxRate(rate_e8=parse_rate_percent(body.tax_percent), form=body.form),
    )
    async with transaction(doors.database.poster, caller.actor) as connection:
        await enter_tax_rates(
            connection,
            caller.book_id,
            [change],
            made_by=body.made_by,
            approved_by=caller.actor,
        )
        rows = await list_tax_rates(connection, caller.book_id)
    return _tax_rate(next(row for row in rows if row.change == change))


def _place(row: RecordedTax) -> tuple[str, ...]:
    change = row.change
    return str(change.holder.value), change.family, change.from_date.isoformat()


def _holiday(found: AnnouncedHoliday) -> HolidayView:
    return HolidayView(
        on=found.holiday.on,
        name_th=found.holiday.name_th,
        name_en=found.holiday.name_en,
        announced_on=found.announced_on,
    )


def _tax_rate(row: RecordedTax) -> TaxRateView:
    change = row.change
    return TaxRateView(
        holder=HOLDER_WORDS[change.holder],
        family=change.family,
        from_date=change.from_date,
        tax_percent=format_rate_percent(change.tax.rate_e8),
        form=change.tax.form,
        made_by=row.made_by,
        approved_by=row.approved_by,
    )
