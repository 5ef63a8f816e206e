"""What settles a loan on a date, and what a period of its schedule has accrued by then. Pure.

A pay-off quote is valid to a date: principal, due or not, interest due and unpaid, interest accrued
to the date (or, where the contract says so, to the end of the running period), fees and penalties
due by then. It is the sum of the claims that a payment of that date can settle, so a payment of
exactly the quote leaves nothing owed and nothing over.

What a schedule leaves owed is asked of one that is recalculated as of the pay-off's date: it knows
what was paid, so that principal overdue has borne interest and interest overdue has not.
"""

from __future__ import annotations

import enum
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import date

from ledger.errors import InvalidInput
from ledger.money import Rounding, Satang, round_ratio
from products.allocation.orders import OLDEST_INSTALMENT_FIRST
from products.allocation.splitting import after, allocate, claims
from products.allocation.values import Due, Kind, Owed
from products.schedules.conventions import Measure
from products.schedules.due_dates import DuePeriod
from products.schedules.earning import RateSteps, settled_interest, sub_periods
from products.schedules.measure import year_fraction
from products.schedules.values import LoanTerms, Row, Schedule, SubPeriod

_RATE_ONE_E8 = 10**8
"""A rate of 100 percent a year."""


class InterestTill(enum.Enum):
    """How far a pay-off before the due date is charged interest; the last day does not count."""

    PAYOFF_DATE = "payoff_date"  # to the day the money comes: the default
    REST_DATE = "rest_date"  # to the end of the running period, as if paid on its due date


@dataclass(frozen=True, slots=True, kw_only=True)
class PayoffQuote:
    """What a loan costs to settle with a payment of value date `valid_to`, in satang."""

    valid_to: date
    principal_satang: int
    interest_satang: int
    penalty_satang: int
    fee_satang: int

    @property
    def total_satang(self) -> int:
        """All of it: the payment that settles the loan."""
        return self.principal_satang + self.interest_satang + self.penalty_satang + self.fee_satang


@dataclass(frozen=True, slots=True, kw_only=True)
class ScheduledPeriod:
    """Interest that the schedule plans for [start, due_date), in satang."""

    start: date
    due_date: date
    interest_satang: int


def interest_stop(till: InterestTill, payoff_date: date, due_dates: Iterable[date]) -> date:
    """The date before which interest of a pay-off ends; after the last due date, the pay-off's own.

    due_dates: of the whole schedule, in any order.
    """
    if till is InterestTill.PAYOFF_DATE:
        return payoff_date
    return min((due for due in due_dates if due >= payoff_date), default=payoff_date)


def owed_on(schedule: Schedule, received_satang: int, on: date, till: InterestTill) -> Owed:
    """What a loan leaves owed on a date; principal not yet due stands as one due to come.

    schedule:        recalculated as of `interest_stop` of that date: it knows every receipt, and
                     what is overdue has borne interest to there.
    received_satang: all that was received by then. What is not in the rows as prepaid has settled
                     dues, the oldest first, their interest before their principal.
    Interest accrued and not due is that of the running period, to where `till` says, and what the
    periods before it deferred; after the last period, that of the principal overdue, by the day
    count. Tranches paid out after `on` are not owed.
    """
    due = [row for row in schedule.rows if row.due_date <= on]
    prepaid = sum(row.prepaid_satang for row in schedule.rows)
    drawn = sum(paid.amount_satang for paid in schedule.terms.disbursements if paid.on <= on)
    to_come = drawn - prepaid - sum(row.principal_satang for row in due)
    stop = interest_stop(till, on, (row.period.end_date for row in schedule.rows))
    earned = sum(_earned_by(schedule.terms, row, stop) for row in schedule.rows)
    owed = Owed(dues=(*(due_of(row) for row in due), *_rest(schedule, on, to_come)))
    if settled := received_satang - prepaid:
        split = allocate(
            amount_satang=settled,
            value_date=on,
            owed=owed,
            order=OLDEST_INSTALMENT_FIRST,
            prepayment=False,
        )
        owed = after(owed, split)
    accrued = earned - sum(row.interest_satang for row in due)
    overdue = sum(item.principal_satang for item in owed.dues if item.due_date <= on)
    accrued += _after_the_end(schedule, overdue, stop)
    return replace(owed, accrued_interest_satang=accrued)


def due_of(row: Row) -> Due:
    """An instalment as the schedule plans it, all of it unpaid."""
    return Due(
        number=row.n,
        due_date=row.due_date,
        principal_satang=row.principal_satang,
        interest_satang=row.interest_satang,
    )


def payoff_quote(owed: Owed, valid_to: date) -> PayoffQuote:
    """What settles `owed` on `valid_to`.

    `owed` carries the interest accrued to `interest_stop` of that date and the charges made by
    then, default interest included. Raises `InvalidInput` for what cannot be owed (`claims`).
    """
    found = claims(owed, valid_to)

    def of(kind: Kind) -> int:
        return sum(claim.amount_satang for claim in found if claim.kind is kind)

    return PayoffQuote(
        valid_to=valid_to,
        principal_satang=of(Kind.PRINCIPAL),
        interest_satang=of(Kind.INTEREST),
        penalty_satang=of(Kind.PENALTY),
        fee_satang=of(Kind.FEE),
    )


def accrued_of_period(
    period: ScheduledPeriod, on: date, mode: Rounding = Rounding.HALF_UP
) -> Satang:
    """Planned interest spread evenly over the period's days: what of it is accrued by `on`.

    interest x elapsed days / days of the period, rounded; 0 up to its start, all from its due date
    on, so that what was accrued day by day is what the instalment asks for. Raises `InvalidInput`
    for a period without a day.
    """
    whole = (period.due_date - period.start).days
    if whole < 1:
        got = f"{period.start.isoformat()} to {period.due_date.isoformat()}"
        raise InvalidInput.one("period", got, "a period of one day or more")
    elapsed = min(max((on - period.start).days, 0), whole)
    return round_ratio(period.interest_satang * elapsed, whole, mode)


def accrued_to(
    periods: Sequence[ScheduledPeriod], on: date, mode: Rounding = Rounding.HALF_UP
) -> int:
    """Satang of all periods accrued by `on`; the growth of it is what a night books."""
    return sum(accrued_of_period(period, on, mode) for period in periods)


def _rest(schedule: Schedule, on: date, principal_satang: int) -> Iterator[Due]:
    coming = next((row for row in schedule.rows if row.due_date > on), None)
    if coming is not None:
        yield replace(due_of(coming), principal_satang=principal_satang, interest_satang=0)


def _earned_by(terms: LoanTerms, row: Row, stop: date) -> int:
    """What the period of a row has earned before `stop`, settled as the convention says."""
    if row.period.end_date <= stop:
        return row.earned_satang
    parts = [_cut(terms, row, part, stop) for part in row.sub_periods if part.start_date < stop]
    return settled_interest(terms.convention.rounding, parts)


def _after_the_end(schedule: Schedule, overdue_satang: int, stop: date) -> int:
    terms, end = schedule.terms, schedule.rows[-1].period.end_date
    if stop <= end:
        return 0
    by_days = replace(terms.convention, interest_measure=Measure.REAL_DAYS)
    parts = sub_periods(
        replace(terms, convention=by_days),
        RateSteps.of(terms),
        DuePeriod(start_date=end, end_date=stop, due_date=stop),
        overdue_satang,
        (),
    )
    return settled_interest(by_days.rounding, parts)


def _cut(terms: LoanTerms, row: Row, part: SubPeriod, stop: date) -> SubPeriod:
    if part.stop_date <= stop:
        return part
    share = year_fraction(terms.convention, terms.interval, row.period, part.start_date, stop)
    exact = part.balance_satang * part.annual_rate_e8 * share / _RATE_ONE_E8
    return replace(part, stop_date=stop, year_fraction=share, exact_satang=exact)
