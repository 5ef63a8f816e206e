"""Tax withheld in a range of dates: by holder, as certificates say it (50 ทวิ), and by payment.

Every payment of interest is in it, those without tax too. A member's key sees its own.
"""

from __future__ import annotations

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends, Query, Request, Response

from api.auth.keys import Caller
from api.dependencies import OpenDoors, in_book
from api.problems import READS, failing
from api.v1.fields import CalendarDate, PartyCode, SignedAmount, View
from api.v1.pages import After, Limit, Page, cursor, next_page, parts_of
from api.v1.placement_views import HOLDER_WORDS, HolderWord
from api.v1.placements import asked_party
from ledger.dates import parse_date
from ledger.errors import InvalidInput
from ledger.money import format_baht
from pricing.rates import format_rate_percent
from products.deposits.withheld import (
    Holder,
    PaymentPlace,
    SumPlace,
    TaxedPayment,
    TaxedSum,
    taxed_payments,
    taxed_sums,
)

router = APIRouter(prefix="/books/{book}/tax-withheld", tags=["tax withheld"])
ReadTax = Annotated[Caller, Depends(in_book("placements:read"))]
First = Annotated[CalendarDate, Query(description="First date of payment.")]
Last = Annotated[CalendarDate, Query(description="Last date of payment.")]
OfParty = Annotated[PartyCode | None, Query(description="Code of one holder.")]

_DAY = r"[0-9]{4}-[0-9]{2}-[0-9]{2}"
_HEX = r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}"


class HolderView(View):
    """Who received the interest."""

    party: str
    name_th: str
    name_en: str
    kind: HolderWord


class TaxedPaymentView(View):
    """One payment of interest and the tax taken from it."""

    holder: HolderView
    contract: str
    product: str
    paid_on: CalendarDate
    interest: SignedAmount
    tax_percent: str
    tax: SignedAmount
    form: str
    journal_id: UUID


class TaxedSumView(View):
    """A line of a certificate: what one family paid to one holder under one form and rate."""

    holder: HolderView
    family: str
    form: str
    tax_percent: str
    payments: int
    first_on: CalendarDate
    last_on: CalendarDate
    interest: SignedAmount
    tax: SignedAmount


@router.get("", responses=failing(*READS), operation_id="list_tax_withheld")
async def list_tax_withheld(
    request: Request,
    response: Response,
    doors: OpenDoors,
    caller: ReadTax,
    from_date: First,
    to_date: Last,
    party: OfParty = None,
    limit: Limit = 50,
    after: After = None,
) -> Page[TaxedSumView]:
    """Interest and tax by holder, family, form and rate."""
    _require_range(from_date, to_date)
    async with doors.read() as connection:
        rows = await taxed_sums(
            connection,
            caller.book_id,
            from_date,
            to_date,
            party_id=await asked_party(connection, caller, party),
            after=_after_sum(after),
            limit=limit + 1,
        )
    return next_page(request, response, rows, limit, _sum, lambda row: cursor(*row.place))


@router.get("/payments", responses=failing(*READS), operation_id="list_taxed_payments")
async def list_taxed_payments(
    request: Request,
    response: Response,
    doors: OpenDoors,
    caller: ReadTax,
    from_date: First,
    to_date: Last,
    party: OfParty = None,
    limit: Limit = 50,
    after: After = None,
) -> Page[TaxedPaymentView]:
    """The payments behind the sums, by holder and date."""
    _require_range(from_date, to_date)
    async with doors.read() as connection:
        rows = await taxed_payments(
            connection,
            caller.book_id,
            from_date,
            to_date,
            party_id=await asked_party(connection, caller, party),
            after=_after_payment(after),
            limit=limit + 1,
        )
    return next_page(request, response, rows, limit, _payment, lambda row: cursor(*row.place))


def _require_range(first: CalendarDate, last: CalendarDate) -> None:
    if first > last:
        raise InvalidInput.one("query/from_date", first.isoformat(), f"a day up to {last}")


def _after_sum(after: str | None) -> SumPlace | None:
    parts = parts_of(after, r"[^\x1f]{1,64}\x1f[a-z_]{1,32}\x1f[^\x1f]{0,40}\x1f[0-9]{1,9}")
    return None if parts is None else (parts[0], parts[1], parts[2], int(parts[3]))


def _after_payment(after: str | None) -> PaymentPlace | None:
    parts = parts_of(after, rf"[^\x1f]{{1,64}}\x1f{_DAY}\x1f{_HEX}")
    if parts is None:
        return None
    return parts[0], parse_date(parts[1], "query/after"), UUID(parts[2])


def _holder(holder: Holder) -> HolderView:
    return HolderView(
        party=holder.code,
        name_th=holder.name_th,
        name_en=holder.name_en,
        kind=HOLDER_WORDS[holder.kind],
    )


def _payment(row: TaxedPayment) -> TaxedPaymentView:
    return TaxedPaymentView(
        holder=_holder(row.holder),
        contract=row.contract_no,
        product=row.product_code,
        paid_on=row.paid_on,
        interest=format_baht(row.interest_satang),
        tax_percent=format_rate_percent(row.rate_e8),
        tax=format_baht(row.tax_satang),
        form=row.form,
        journal_id=row.journal_id,
    )


def _sum(row: TaxedSum) -> TaxedSumView:
    return TaxedSumView(
        holder=_holder(row.holder),
        family=row.family,
        form=row.form,
        tax_percent=format_rate_percent(row.rate_e8),
        payments=row.payments,
        first_on=row.first_on,
        last_on=row.last_on,
        interest=format_baht(row.interest_satang),
        tax=format_baht(row.tax_satang),
    )
