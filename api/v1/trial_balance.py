"""The trial balance of the book by business date, as known now or at any number."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends

from api.auth.keys import Caller
from api.dependencies import OpenDoors, in_book
from api.problems import READS, failing
from api.v1.fields import CalendarDate, Currency, SignedAmount, View
from api.v1.moments import PERIODS, KnownAt, On, PeriodName, Through, day_of, pinned
from ledger.balances import trial_balance_at
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
    """Every GL code that ever moved; the totals of both sides agree.

    known_at_seq, through: read at that number, with that period of the day as the last.
    recorded_seq: the book's last number when this was read.
    """

    on: CalendarDate
    known_at_seq: int
    through: PeriodName
    currency: Currency
    data: list[TrialBalanceRowView]
    debit_total: SignedAmount
    credit_total: SignedAmount
    recorded_seq: int


@router.get("/trial-balance", responses=failing(*READS), operation_id="get_trial_balance")
async def get_trial_balance(
    doors: OpenDoors,
    caller: Annotated[Caller, Depends(in_book("journals:read"))],
    on: On = None,
    known_at: KnownAt = None,
    through: Through = "year_close",
) -> TrialBalanceView:
    """The trial balance by a business date up to the current one, as known at a number."""
    async with doors.read() as connection:
        at = await pinned(connection, caller.book_id, known_at)
        day = day_of(on, at)
        found = await trial_balance_at(connection, at, day, through=PERIODS[through])
    return TrialBalanceView(
        on=day,
        known_at_seq=at.known_at,
        through=through,
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
        recorded_seq=at.head_seq,
    )
