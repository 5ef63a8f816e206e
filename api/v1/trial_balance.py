"""The trial balance of the book by business date, as known now."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends, Query

from api.auth.keys import Caller
from api.dependencies import OpenDoors, in_book
from api.problems import READS, failing
from api.v1.fields import CalendarDate, Currency, SignedAmount, View
from ledger.balances import trial_balance
from ledger.books import read_head
from ledger.errors import InvalidInput
from ledger.money import format_baht

router = APIRouter(prefix="/books/{book}", tags=["trial balance"])


class TrialBalanceRowView(View):
    """One GL code: turnover since the book began, and the side on which it stands."""

    gl_code: str
    cad_code: str
    name_th: str
    name_en: str
    debits: SignedAmount
    credits: SignedAmount
    debit_balance: SignedAmount
    credit_balance: SignedAmount


class TrialBalanceView(View):
    """Every GL code that ever moved; the totals of both sides agree."""

    on: CalendarDate
    currency: Currency
    data: list[TrialBalanceRowView]
    debit_total: SignedAmount
    credit_total: SignedAmount
    recorded_seq: int


@router.get("/trial-balance", responses=failing(*READS), operation_id="get_trial_balance")
async def get_trial_balance(
    doors: OpenDoors,
    caller: Annotated[Caller, Depends(in_book("journals:read"))],
    on: Annotated[
        CalendarDate | None, Query(description="A business date; the current one by default.")
    ] = None,
) -> TrialBalanceView:
    """The trial balance by a business date up to the current one."""
    async with doors.read() as connection:
        head = await read_head(connection, caller.book_id)
        day = on or head.business_date
        if day > head.business_date:
            expected = f"a day up to the business date {head.business_date}"
            raise InvalidInput.one("query/on", day.isoformat(), expected)
        found = await trial_balance(connection, caller.book_id, day)
    return TrialBalanceView(
        on=day,
        currency="THB",
        data=[
            TrialBalanceRowView(
                gl_code=row.gl_code,
                cad_code=row.cad_code,
                name_th=row.name_th,
                name_en=row.name_en,
                debits=format_baht(row.debits),
                credits=format_baht(row.credits),
                debit_balance=format_baht(row.debit_balance),
                credit_balance=format_baht(row.credit_balance),
            )
            for row in found.rows
        ],
        debit_total=format_baht(found.debit_total),
        credit_total=format_baht(found.credit_total),
        recorded_seq=head.recorded_seq,
    )
