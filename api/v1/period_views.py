"""What the doors answer of months and fiscal years, and how their paths name them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Annotated, Literal

from fastapi import Path
from pydantic import Field

from api.v1.fields import CalendarDate, Currency, SignedAmount, View
from api.v1.posting import ReceiptView, receipt_of
from ledger.money import format_baht
from ledger.periods.acts import Acted, PeriodAct
from ledger.periods.spans import BookPeriod
from ledger.periods.totals import Counters

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
State = Literal["open", "open_again", "late", "closed"]


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


def period_view(period: BookPeriod) -> PeriodView:
    """How a period stands."""
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


def history_view(period: BookPeriod, acts: Sequence[PeriodAct]) -> PeriodHistoryView:
    """How a period stands and what was done to it."""
    return PeriodHistoryView(
        **period_view(period).model_dump(), currency="THB", acts=[_act(act) for act in acts]
    )


def acted_view(acted: Acted) -> ActedView:
    """A period after an act, with the receipt of the act's last operation."""
    draft, result = acted.draft, acted.result_satang
    vouchers = None if draft is None else draft.vouchers
    return ActedView(
        **period_view(acted.period).model_dump(),
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
